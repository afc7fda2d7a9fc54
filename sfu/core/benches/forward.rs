//! What it costs to forward one video packet to fifty subscribers, sealing and sending aside.

use std::time::{Duration, Instant};

use beckon_sfu_api::{Announced, Codec, Kind, Source};
use beckon_sfu_core::extension::{Extension, ExtensionMap};
use beckon_sfu_core::forwarder::{Bound, Forwarder};
use beckon_sfu_core::keys::ParticipantKey;
use beckon_sfu_core::negotiation::Publication;
use beckon_sfu_core::rtp::{self, Fields, Header};
use beckon_sfu_core::track::{Claim, Parts, Track};
use divan::Bencher;
use divan::counter::ItemsCount;

const SUBSCRIBERS: u32 = 50;

fn main() {
    divan::main();
}

fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::default();
    map.set(3, Extension::TransportCc);
    map.set(4, Extension::VideoOrientation);
    map
}

fn track() -> Track {
    let announced = Announced {
        id: "TR_a".into(),
        cid: "a".into(),
        kind: Kind::Video,
        source: Source::Camera,
        codec: Some(Codec::Vp8),
        layers: Vec::new(),
        muted: false,
    };
    let publication = Publication {
        track: "TR_a".into(),
        mid: "0".into(),
        codec: Codec::Vp8,
        payload_type: 96,
        rtx_payload_type: Some(97),
        extensions: extensions(),
        ssrcs: vec![(10, Some(11))],
        rids: Vec::new(),
        transport_cc: true,
    };
    let mut track = Track::new(ParticipantKey::default(), &announced, &publication);
    track.forwarders = (0..SUBSCRIBERS).map(forwarder).collect();
    track
}

fn forwarder(at: u32) -> Forwarder {
    let mut forwarder = Forwarder::new(ParticipantKey::default(), 1000 + at, 2000 + at);
    forwarder.binding =
        Some(Bound { payload_type: 100, rtx_payload_type: Some(101), extensions: extensions() });
    forwarder.started = true;
    forwarder
}

/// From the packet in the clear to fifty plain packets behind one another.
#[divan::bench]
fn one_to_fifty(bencher: Bencher<'_, '_>) {
    let (mut track, mut now, mut sequence) = (track(), Instant::now(), 0u16);
    let (mut packet, mut out) = (Vec::new(), Vec::with_capacity(64 << 10));
    let mut payload = [5; 1100];
    payload[..7].copy_from_slice(&[0x90, 0xe0, 0x80, 1, 2, 0x20, 0]);
    let claim = Claim { layer: 0, repair: false };
    bencher.counter(ItemsCount::new(SUBSCRIBERS)).bench_local(|| {
        sequence = sequence.wrapping_add(1);
        now += Duration::from_millis(10);
        let fields = Fields { marker: false, payload_type: 96, sequence, timestamp: 900, ssrc: 10 };
        packet.clear();
        rtp::write(&mut packet, &fields, [(4, &[0][..])].into_iter(), &payload, 0);
        let header = Header::read(&packet).unwrap();
        let received = track.handle_rtp(now, claim, &header, &packet).unwrap().unwrap();
        let Parts { layers, extensions: from, forwarders, .. } = track.split();
        out.clear();
        for forwarder in forwarders {
            let outbound = forwarder.forward(now, layers, &received).unwrap();
            let to = forwarder.binding.unwrap().extensions;
            outbound.write(layers, from, &to, Some(sequence), &mut out);
        }
        divan::black_box(out.len())
    });
}
