//! What it costs to forward one video packet to fifty subscribers, sealing and sending aside.

#[path = "../tests/steady_state/fan_out.rs"]
mod fan_out;

use std::time::{Duration, Instant};

use beckon_sfu_api::Codec;
use beckon_sfu_core::rtp::{self, Fields, Header};
use beckon_sfu_core::track::{Claim, Parts};
use divan::Bencher;
use divan::counter::ItemsCount;

const SUBSCRIBERS: u32 = 50;

fn main() {
    divan::main();
}

/// From the packet in the clear to fifty plain packets behind one another.
#[divan::bench]
fn one_to_fifty(bencher: Bencher<'_, '_>) {
    let mut track = fan_out::track(Codec::Vp8, SUBSCRIBERS);
    let (mut now, mut sequence) = (Instant::now(), 0u16);
    let (mut packet, mut out) = (Vec::new(), Vec::with_capacity(64 << 10));
    let mut payload = [5; 1100];
    payload[..7].copy_from_slice(&[0x90, 0xe0, 0x80, 1, 2, 0x20, 0]);
    let carried = [(fan_out::CARRIED, &[0][..])];
    let claim = Claim { layer: 0, repair: false };
    bencher.counter(ItemsCount::new(SUBSCRIBERS)).bench_local(|| {
        sequence = sequence.wrapping_add(1);
        now += Duration::from_millis(10);
        let fields = Fields { marker: false, payload_type: 96, sequence, timestamp: 900, ssrc: 10 };
        packet.clear();
        rtp::write(&mut packet, &fields, carried.into_iter(), &payload, 0);
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
