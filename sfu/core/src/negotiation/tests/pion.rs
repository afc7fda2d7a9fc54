//! A joining of LiveKit's Go SDK, as it was on the wire: every section says `sendrecv`, each SSRC repeats the msid, and
//! pion answers an offer of an ICE-lite side as the DTLS server.

use beckon_sfu_api::{Announced, Codec, Source};

use super::{Us, announced, mids, read, section, wanted};
use crate::negotiation::sdp::{Direction, Setup};
use crate::negotiation::{Answered, Answerer, Local, Offerer, Wanted};
use crate::role::Role;

/// Sent after `add_track` for each of the tracks: H.264 preferred, two that offer VP8 first, one sound, and data.
const PUBLISHER: &str = include_str!("../../../tests/offers/pion-publisher.sdp");
/// Sent for our offer of two H.264, one VP8 and one sound.
const SUBSCRIBER_ANSWER: &str = include_str!("../../../tests/offers/pion-subscriber-answer.sdp");

fn published() -> Answered {
    let unsaid = |id: &str, cid: &str| Announced { codec: None, ..announced(id, cid, Codec::Vp8) };
    let tracks = [
        announced("TR_voice", "TR_YuGZMzNzJjuY", Codec::Opus),
        announced("TR_camera", "TR_hdpMjiDacGvD", Codec::Vp8),
        announced("TR_film", "TR_B6KDbxBmd8pR", Codec::H264),
        unsaid("TR_screen", "screen"),
    ];
    Answerer::new().answer(&read(PUBLISHER).into(), &Us::new().local(), &tracks, &[])
}

#[test]
fn its_tracks_are_found_by_the_msid_of_their_streams() {
    let answered = published();
    assert_eq!((answered.refused.len(), answered.ended.len()), (0, 0));
    let found: Vec<_> = answered
        .published
        .iter()
        .map(|it| (it.track.as_str(), it.mid.as_str(), it.codec(), it.ssrcs[0]))
        .collect();
    assert_eq!(
        found,
        [
            ("TR_film", "0", Codec::H264, (597304551, Some(3961643496))),
            ("TR_screen", "1", Codec::Vp8, (1788676620, Some(400131361))),
            ("TR_camera", "2", Codec::Vp8, (1733045878, Some(2479744815))),
            ("TR_voice", "3", Codec::Opus, (50436778, None)),
        ]
    );
    let codecs = answered.published[1].formats.iter().map(|format| format.codec);
    assert_eq!(codecs.collect::<Vec<_>>(), [Codec::Vp8, Codec::H264], "its packets will tell");
}

#[test]
fn each_section_is_answered_with_what_may_come_and_its_repairs() {
    let answered = published();
    let session = read(&answered.sdp);
    assert_eq!((mids(&session), session.setup), (vec!["0", "1", "2", "3", "4"], Setup::Passive));
    let media = session.sections.iter().filter(|section| section.kind().is_some());
    assert!(media.clone().all(|section| section.direction == Direction::Receive));
    let film = section(&answered.sdp, "0");
    assert!(film.starts_with("video 9 UDP/TLS/RTP/SAVPF 102 103 96 97\r\n"), "{film}");
    for line in ["a=fmtp:103 apt=102\r\n", "a=fmtp:97 apt=96\r\n"] {
        assert!(film.contains(line));
    }
    assert!(section(&answered.sdp, "1").starts_with("video 9 UDP/TLS/RTP/SAVPF 96 97 102 103\r\n"));
}

#[test]
fn its_answer_to_our_offer_makes_us_the_client() {
    let us = Us::new();
    let sound = Wanted { source: Source::Microphone, ..wanted("TR_d", Codec::Opus, 40) };
    let all = [
        wanted("TR_a", Codec::H264, 10),
        wanted("TR_b", Codec::H264, 20),
        wanted("TR_c", Codec::Vp8, 30),
        sound,
    ];
    let mut offerer = Offerer::new();
    let offered = offerer.offer(&us.local(), &all).unwrap();
    assert_eq!(read(&offered.sdp).setup, Setup::Either);
    let answer = read(SUBSCRIBER_ANSWER);
    assert_eq!(answer.setup.our_role(), Some(Role::Client));
    let accepted = offerer.answer(0, &answer).unwrap();
    assert!(accepted.refused.is_empty());
    let bound: Vec<_> =
        accepted.bound.iter().map(|it| (it.track.as_str(), it.payload_type)).collect();
    assert_eq!(bound, [("TR_a", 108), ("TR_b", 108), ("TR_c", 96), ("TR_d", 111)]);

    // What we offer later leaves the roles as they are.
    let local = Local { role: Some(Role::Client), ..us.local() };
    let again = offerer.offer(&local, &all[1..]).unwrap();
    assert_eq!(read(&again.sdp).setup, Setup::Either);
}
