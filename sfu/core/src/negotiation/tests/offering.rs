use std::collections::{HashMap, HashSet};

use beckon_sfu_api::{Codec, Kind, Refused};
use proptest::prelude::*;

use super::{Us, assert_lines, carried, mids, read, section, wanted};
use crate::extension::Extension;
use crate::negotiation::sdp::{Direction, Session, Setup};
use crate::negotiation::{Accepted, Offered, Offerer, Wanted};

/// What a client that takes everything answers to an offer of ours.
fn taken(offer: &str) -> String {
    let ours =
        |line: &&str| !["a=msid", "a=ssrc", "a=ice-lite"].iter().any(|name| line.starts_with(name));
    let lines: Vec<&str> = offer.lines().filter(ours).collect();
    lines.join("\r\n").replace("a=sendonly", "a=recvonly").replace("actpass", "active")
}

fn take(offerer: &mut Offerer, offered: &Offered) -> Accepted {
    offerer.answer(offered.id, &read(&taken(&offered.sdp))).expect("an answer in turn")
}

fn offer(offerer: &mut Offerer, wanted: &[Wanted]) -> Option<Offered> {
    offerer.offer(&Us::new().local(), wanted)
}

fn directions(session: &Session) -> Vec<Direction> {
    session.sections.iter().skip(1).map(|section| section.direction).collect()
}

fn rejected(session: &Session) -> Vec<bool> {
    session.sections.iter().skip(1).map(|section| section.rejected).collect()
}

#[test]
fn the_first_offer_has_data_alone_and_is_made_once() {
    let mut offerer = Offerer::new();
    let first = offer(&mut offerer, &[]).expect("a first offer");
    let session = read(&first.sdp);
    assert_eq!((first.id, mids(&session), session.setup), (1, vec!["0"], Setup::Either));
    assert_eq!(session.candidates, Us::new().candidates);
    assert_eq!(take(&mut offerer, &first), Accepted::default());
    assert_eq!(offer(&mut offerer, &[]), None);
}

#[test]
fn tracks_come_and_go_and_the_places_of_sections_are_used_again() {
    let mut offerer = Offerer::new();
    let mut tracks = vec![wanted("TR_a", Codec::Opus, 10), wanted("TR_v", Codec::Vp8, 20)];
    let offered = offer(&mut offerer, &tracks).expect("an offer");
    assert_eq!(carried(&offered.mids), [("1", "TR_a"), ("2", "TR_v")]);
    let lines = [
        "a=sendonly",
        "a=msid:PA_ann|camera TR_v",
        "a=ssrc-group:FID 20 21",
        "a=rtpmap:96 VP8/90000",
    ];
    assert_lines(section(&offered.sdp, "2"), &lines);
    let bound = take(&mut offerer, &offered).bound;
    let numbers: Vec<_> = bound
        .iter()
        .map(|bound| (bound.mid.as_str(), bound.payload_type, bound.rtx_payload_type))
        .collect();
    assert_eq!(numbers, [("1", 111, None), ("2", 96, Some(97))]);
    let counted: Vec<_> =
        bound.iter().map(|bound| bound.extensions.id(Extension::TransportCc).is_some()).collect();
    assert_eq!(counted, [false, true], "sound is repeated as it was");

    tracks.remove(1);
    let offered = offer(&mut offerer, &tracks).expect("an offer");
    assert_eq!(carried(&offered.mids), [("1", "TR_a")]);
    assert_eq!(directions(&read(&offered.sdp)), [Direction::Send, Direction::Inactive]);
    assert_eq!(take(&mut offerer, &offered).bound, []);
    assert_eq!(offer(&mut offerer, &tracks), None, "the rest has time");

    tracks.push(wanted("TR_h", Codec::H264, 30));
    let offered = offer(&mut offerer, &tracks).expect("an offer");
    assert_eq!(carried(&offered.mids), [("1", "TR_a"), ("3", "TR_h")]);
    assert_eq!(rejected(&read(&offered.sdp)), [false, true, false]);
    take(&mut offerer, &offered);

    tracks.push(wanted("TR_w", Codec::Vp8, 40));
    let offered = offer(&mut offerer, &tracks).expect("an offer");
    assert_eq!(carried(&offered.mids), [("1", "TR_a"), ("4", "TR_w"), ("3", "TR_h")]);
    assert_eq!(mids(&read(&offered.sdp)), ["0", "1", "4", "3"]);
    assert_eq!(take(&mut offerer, &offered).bound.len(), 1);
}

#[test]
fn one_offer_is_in_flight_and_the_next_waits() {
    let mut offerer = Offerer::new();
    let first = offer(&mut offerer, &[]).expect("an offer");
    let tracks = [wanted("TR_v", Codec::Vp8, 20)];
    assert_eq!(offer(&mut offerer, &tracks), None);
    assert!(take(&mut offerer, &first).again);
    let second = offer(&mut offerer, &tracks).expect("what had to wait");
    assert_eq!(second.id, 2);
    assert!(!take(&mut offerer, &second).again);
}

#[test]
fn answers_out_of_turn_are_refused() {
    let mut offerer = Offerer::new();
    let first = offer(&mut offerer, &[]).expect("an offer");
    let answer = read(&taken(&first.sdp));
    assert_eq!(offerer.answer(7, &answer), Err(Refused::OutOfTurn));
    assert!(offerer.answer(0, &answer).is_ok(), "0 is of a client that does not count");
    assert_eq!(offerer.answer(1, &answer), Err(Refused::OutOfTurn), "it was answered");
}

#[test]
fn answers_that_do_not_mirror_the_offer_are_refused() {
    let mut offerer = Offerer::new();
    let offered = offer(&mut offerer, &[wanted("TR_v", Codec::Vp8, 20)]).expect("an offer");
    let answer = taken(&offered.sdp);
    let shorter = answer.split("\r\nm=video").next().unwrap_or_default().to_owned();
    let longer = format!("{answer}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2");
    let other = answer.replace("a=mid:1", "a=mid:9");
    for wrong in [shorter, longer, other] {
        let refused = offerer.answer(1, &read(&wrong));
        assert!(matches!(refused, Err(Refused::Malformed(_))), "{wrong}");
    }
    assert_eq!(offerer.answer(1, &read(&answer)).map(|accepted| accepted.bound.len()), Ok(1));
}

#[test]
fn a_track_that_the_client_does_not_take_is_refused_once() {
    let closed = |text: &str| text.replace("m=video 9", "m=video 0");
    let inactive = |text: &str| text.replace("a=recvonly", "a=inactive");
    let other = |text: &str| text.replace("VP8", "VP7");
    let ways: [&dyn Fn(&str) -> String; 3] = [&closed, &inactive, &other];
    for way in ways {
        let mut offerer = Offerer::new();
        let tracks = [wanted("TR_v", Codec::Vp8, 20)];
        let offered = offer(&mut offerer, &tracks).expect("an offer");
        let accepted = offerer.answer(1, &read(&way(&taken(&offered.sdp)))).expect("an answer");
        assert_eq!(accepted.refused, ["TR_v".into()]);
        assert_eq!(accepted.bound, []);
        assert_eq!(offer(&mut offerer, &tracks), None);
        let next = offer(&mut offerer, &[wanted("TR_w", Codec::Vp9, 40)]).expect("an offer");
        assert!(!carried(&next.mids).contains(&("1", "TR_v")));
        take(&mut offerer, &next);
    }
}

#[test]
fn a_restart_is_offered_though_nothing_changed_and_replaces_an_offer_that_was_lost() {
    let mut offerer = Offerer::new();
    let lost = offer(&mut offerer, &[]).expect("an offer");
    offerer.restart();
    let again = offer(&mut offerer, &[]).expect("a restart");
    assert_eq!(offerer.answer(lost.id, &read(&taken(&lost.sdp))), Err(Refused::OutOfTurn));
    take(&mut offerer, &again);
    assert_eq!(offer(&mut offerer, &[]), None);
}

#[test]
fn tracks_beyond_the_limit_of_sections_are_refused_once() {
    let mut offerer = Offerer::new();
    let tracks: Vec<Wanted> =
        (0..130).map(|at| wanted(&format!("TR_{at}"), Codec::Opus, 10 * at)).collect();
    let offered = offer(&mut offerer, &tracks).expect("an offer");
    assert_eq!((offered.mids.len(), offered.refused.len()), (127, 3));
    take(&mut offerer, &offered);
    assert_eq!(offer(&mut offerer, &tracks), None);
}

#[test]
fn a_track_waits_for_a_place_that_is_about_to_be_free() {
    let mut offerer = Offerer::new();
    let tracks = |range: std::ops::Range<u32>| -> Vec<Wanted> {
        range.map(|at| wanted(&format!("TR_{at}"), Codec::Opus, 10 * at)).collect()
    };
    let offered = offer(&mut offerer, &tracks(0..127)).expect("an offer");
    take(&mut offerer, &offered);
    let offered = offer(&mut offerer, &tracks(1..128)).expect("an offer");
    assert_eq!((offered.mids.len(), offered.refused.len()), (126, 0));
    assert!(take(&mut offerer, &offered).again);
    let offered = offer(&mut offerer, &tracks(1..128)).expect("an offer");
    assert_eq!((offered.mids.len(), offered.refused.len()), (126, 0));
    assert!(take(&mut offerer, &offered).again);
    let offered = offer(&mut offerer, &tracks(1..128)).expect("an offer");
    assert!(carried(&offered.mids).contains(&("128", "TR_127")));
    assert!(!take(&mut offerer, &offered).again);
}

fn codec() -> impl Strategy<Value = Codec> {
    prop_oneof![Just(Codec::Opus), Just(Codec::Vp8), Just(Codec::H264), Just(Codec::Av1)]
}

proptest! {
    /// Whatever comes and goes: everything wanted has one section of its kind, which never carries another track, and
    /// there are no more sections than tracks were wanted in three rounds.
    #[test]
    fn every_wanted_track_has_one_section(
        rounds in prop::collection::vec(prop::collection::btree_map(0u32..12, codec(), 0..8), 1..12)
    ) {
        let mut offerer = Offerer::new();
        let (mut audios, mut videos) = (0, 0);
        let mut known = HashMap::new();
        for round in rounds {
            // the same track has the same codec for its life
            let track = |(at, codec): (&u32, &Codec)| wanted(&format!("TR_{at}_{codec:?}"), *codec, at * 10);
            let tracks: Vec<Wanted> = round.iter().map(track).collect();
            let audio = tracks.iter().filter(|track| track.kind == Kind::Audio).count();
            audios = audios.max(audio);
            videos = videos.max(tracks.len() - audio);
            if let Some(offered) = offer(&mut offerer, &tracks) {
                let told: HashSet<&str> = offered.mids.iter().map(|mid| mid.track.as_str()).collect();
                let expected: HashSet<&str> = tracks.iter().map(|track| track.track.as_str()).collect();
                prop_assert_eq!(told, expected);
                prop_assert_eq!(offered.mids.len(), tracks.len());
                let session = read(&offered.sdp);
                prop_assert!(session.sections.len() <= 1 + 3 * (audios + videos));
                for it in &offered.mids {
                    prop_assert_eq!(known.entry(it.mid.clone()).or_insert(it.track.clone()), &it.track);
                }
                prop_assert!(take(&mut offerer, &offered).refused.is_empty());
            }
        }
    }
}
