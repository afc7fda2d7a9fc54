//! Once everything is warm, forwarding media asks nobody for memory.

mod counting;
mod fan_out;
mod rooms;
#[path = "../stage/mod.rs"]
#[allow(dead_code, reason = "other tests do more on it")]
mod stage;

use std::time::{Duration, Instant};

use beckon_sfu_api::{Codec, Kind};
use beckon_sfu_core::downlink::{Admission, Estimator, Pacer};
use beckon_sfu_core::keys::TrackKey;
use beckon_sfu_core::rtp::{self, Fields, Header};
use beckon_sfu_core::track::{Parts, Track};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const SUBSCRIBERS: u32 = 20;
const PACKET: Duration = Duration::from_millis(4);

struct Stage {
    now: Instant,
    track: Track,
    estimator: Estimator,
    pacer: Pacer,
    packet: Vec<u8>,
    out: Vec<u8>,
    sequence: u16,
    forwarded: u32,
}

impl Stage {
    fn new(codec: Codec) -> Self {
        let now = Instant::now();
        let mut pacer = Pacer::new();
        pacer.set_rate(1_000_000);
        Stage {
            now,
            track: fan_out::track(codec, SUBSCRIBERS),
            estimator: Estimator::new(now),
            pacer,
            packet: Vec::with_capacity(1500),
            out: Vec::with_capacity(64 << 10),
            sequence: 1,
            forwarded: 0,
        }
    }

    /// Every tenth packet is lost, and asked for.
    fn play(&mut self, packets: u32) {
        for _ in 0..packets {
            self.now += PACKET;
            self.sequence = self.sequence.wrapping_add(1);
            if !self.sequence.is_multiple_of(10) {
                self.forward();
            }
            self.out.clear();
            self.track.write_feedback(self.now, 1, &mut self.out);
        }
    }

    fn forward(&mut self) {
        let fields = Fields {
            marker: self.sequence.is_multiple_of(4),
            payload_type: 96,
            sequence: self.sequence,
            timestamp: u32::from(self.sequence) * 900,
            ssrc: 10,
        };
        let picture = [0x90, 0xe0, 0x80, 1, 2, 0x20, u8::from(self.sequence % 100 != 1)];
        let mut payload = [5; 1100];
        payload[..picture.len()].copy_from_slice(&picture);
        let level = [(fan_out::CARRIED, &[0x85][..])];
        self.packet.clear();
        rtp::write(&mut self.packet, &fields, level.into_iter(), &payload, 0);
        let header = Header::read(&self.packet).unwrap();
        let claim = self.track.claims(&header, &self.packet).unwrap();
        let received = self.track.handle_rtp(self.now, claim, &header, &self.packet);
        let received = received.unwrap().unwrap();
        self.out.clear();
        let Parts { layers, extensions: from, forwarders, .. } = self.track.split();
        for forwarder in forwarders {
            let Some(outbound) = forwarder.forward(self.now, layers, &received) else { continue };
            let to = forwarder.binding.unwrap().extensions;
            let number = Some(self.sequence);
            outbound.write(layers, from, &to, number, &mut self.out).unwrap();
            self.estimator.on_sent(self.now, number, outbound.size());
            if self.pacer.admit(self.now, outbound.size(), Kind::Video) == Admission::Hold {
                self.pacer.hold(TrackKey::default(), outbound.fields.sequence, outbound.size());
            }
            while self.pacer.release(self.now).is_some() {}
            let repaired =
                forwarder.repair(self.now, outbound.fields.sequence, Duration::from_millis(50));
            assert!(repaired.is_some());
            self.forwarded += 1;
        }
    }
}

#[test]
fn forwarding_allocates_nothing() {
    for codec in [Codec::Vp8, Codec::Opus] {
        let mut stage = Stage::new(codec);
        stage.play(500);
        stage.forwarded = 0;
        assert_eq!(counting::allocations(|| stage.play(5000)), 0, "{codec:?}");
        assert_eq!(stage.forwarded, 4500 * SUBSCRIBERS, "{codec:?}");
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(counting::allocations(|| drop(std::hint::black_box(vec![1]))), 1);
}
