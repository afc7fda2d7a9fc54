//! One track and a forwarder for each of its subscribers, as they are once everything is negotiated.

use beckon_sfu_api::{Announced, Codec, Source};
use beckon_sfu_core::extension::{Extension, ExtensionMap};
use beckon_sfu_core::forwarder::{Bound, Forwarder};
use beckon_sfu_core::keys::ParticipantKey;
use beckon_sfu_core::negotiation::{Incoming, Publication};
use beckon_sfu_core::track::Track;

/// The extension that goes all the way, on both sides.
pub(crate) const CARRIED: u8 = 4;

fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::default();
    map.set(3, Extension::TransportCc);
    map.set(CARRIED, Extension::AudioLevel);
    map
}

/// Its only layer has SSRC 10 and payload type 96.
pub(crate) fn track(codec: Codec, subscribers: u32) -> Track {
    let announced = Announced {
        id: "TR_a".into(),
        cid: "a".into(),
        kind: codec.kind(),
        source: Source::Camera,
        codec: Some(codec),
        stereo: false,
        layers: Vec::new(),
        muted: false,
    };
    let publication = Publication {
        track: "TR_a".into(),
        mid: "0".into(),
        formats: vec![Incoming { codec, payload_type: 96, rtx_payload_type: Some(97) }],
        extensions: extensions(),
        nack: true,
        ssrcs: vec![(10, Some(11))],
        rids: Vec::new(),
    };
    let mut track = Track::new(ParticipantKey::default(), &announced, &publication);
    track.forwarders = (0..subscribers).map(forwarder).collect();
    track
}

fn forwarder(at: u32) -> Forwarder {
    let mut forwarder = Forwarder::new(ParticipantKey::default(), 1000 + at, 2000 + at);
    forwarder.binding =
        Some(Bound { payload_type: 100, rtx_payload_type: Some(101), extensions: extensions() });
    forwarder.started = true;
    forwarder
}
