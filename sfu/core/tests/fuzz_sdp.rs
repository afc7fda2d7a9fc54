//! Nonsense in place of session descriptions. `cargo bolero test session_descriptions` goes on for longer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use beckon_sfu_api::{Announced, Codec, Kind, Source, TrackId};
use beckon_sfu_core::ice::IceCredentials;
use beckon_sfu_core::negotiation::read_session;
use beckon_sfu_core::negotiation::sdp::Session;
use beckon_sfu_core::negotiation::{Answerer, Local, Offerer, Wanted};

const OFFERS: [&str; 3] = [
    include_str!("offers/chromium-simulcast.sdp"),
    include_str!("offers/chromium-one-layer.sdp"),
    include_str!("offers/firefox-simulcast.sdp"),
];

/// A change to a line of a real offer.
#[derive(Clone, Debug, bolero::TypeGenerator)]
enum Change {
    Remove,
    Repeat,
    Cut(u8),
    Insert(u8, String),
    /// The line of another place.
    Copy(u16),
}

#[test]
fn session_descriptions() {
    let rounds = bolero::check!().with_type::<(u8, Vec<(u16, Change)>)>();
    rounds.with_test_time(Duration::from_secs(3)).for_each(|(offer, changes)| {
        let mut lines: Vec<String> =
            OFFERS[usize::from(*offer) % 3].lines().map(str::to_owned).collect();
        for (at, change) in changes.iter().take(16) {
            apply(&mut lines, usize::from(*at), change);
        }
        play(&lines.join("\r\n"));
    });
}

#[test]
fn texts() {
    let rounds = bolero::check!().with_type::<String>();
    rounds.with_test_time(Duration::from_secs(1)).for_each(|text| {
        play(text);
        play(&format!("v=0\r\n{text}"));
    });
}

fn apply(lines: &mut Vec<String>, at: usize, change: &Change) {
    if lines.is_empty() {
        return;
    }
    let at = at % lines.len();
    match change {
        Change::Remove => _ = lines.remove(at),
        Change::Repeat => lines.insert(at, lines[at].clone()),
        Change::Cut(end) => {
            let end = boundary(&lines[at], *end);
            lines[at].truncate(end);
        }
        Change::Insert(place, text) => {
            let place = boundary(&lines[at], *place);
            lines[at].insert_str(place, text);
        }
        Change::Copy(from) => lines[at] = lines[usize::from(*from) % lines.len()].clone(),
    }
}

fn boundary(line: &str, at: u8) -> usize {
    let at = usize::from(at) % (line.len() + 1);
    (0..=at).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0)
}

/// Whatever can be read can be answered, in its order, in words that can be read; and it is no answer to our offer
/// unless it mirrors it.
fn play(text: &str) {
    let Ok(offer) = read_session(text).map(Arc::new) else { return };
    let credentials = IceCredentials::fresh();
    let candidates: [SocketAddr; 1] = [([192, 0, 2, 1], 7882).into()];
    let fingerprint = format!("sha-256 {}", ["AB"; 32].join(":"));
    let local = Local {
        credentials: &credentials,
        fingerprint: &fingerprint,
        role: offer.setup.our_role(),
        candidates: &candidates,
        sections_max: 50,
    };
    let mut answerer = Answerer::new();
    let mut refused = Vec::new();
    for _ in 0..2 {
        let answered = answerer.answer(&offer, &local, &announced(), &wanted());
        let answer = read_session(&answered.sdp).expect("our answer can be read");
        assert_eq!(mids(&answer), mids(&offer));
        assert_eq!(answer.ufrag, credentials.ufrag);
        let of_wanted = |track: &&TrackId| wanted().iter().any(|it| it.track == **track);
        refused.extend(answered.refused.iter().map(|(track, _)| track).filter(of_wanted).cloned());
        let settled = answered.mids.len() + refused.len();
        assert!(settled < wanted().len() || answerer.missing(&wanted()).is_none());
    }
    let mut offerer = Offerer::new();
    let offered = offerer.offer(&local, &wanted()).expect("a first offer");
    let ours = read_session(&offered.sdp).expect("our offer can be read");
    let accepted = offerer.answer(offered.id, &offer).is_ok();
    assert!(!accepted || offer.sections.len() == ours.sections.len());
}

fn mids(session: &Session) -> Vec<&str> {
    let named = session.sections.iter();
    named.map(|section| if section.nameless { "" } else { section.mid.as_str() }).collect()
}

fn announced() -> Vec<Announced> {
    let track = |id: &str, codec: Codec| Announced {
        id: id.into(),
        cid: id.into(),
        kind: codec.kind(),
        source: Source::Camera,
        codec: Some(codec),
        stereo: false,
        layers: Vec::new(),
        muted: false,
    };
    vec![track("TR_a", Codec::Opus), track("TR_v", Codec::Av1)]
}

fn wanted() -> Vec<Wanted> {
    let track = |id: &str, codec: Codec, ssrc| Wanted {
        track: id.into(),
        publisher: "PA_x".into(),
        kind: if codec == Codec::Opus { Kind::Audio } else { Kind::Video },
        source: Source::Camera,
        codec,
        stereo: false,
        ssrc,
        rtx_ssrc: ssrc + 1,
    };
    vec![
        track("TR_1", Codec::Opus, 10),
        track("TR_2", Codec::Vp8, 20),
        track("TR_3", Codec::H264, 30),
    ]
}
