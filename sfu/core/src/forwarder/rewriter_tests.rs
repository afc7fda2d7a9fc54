use std::collections::BTreeSet;

use beckon_sfu_api::Codec;
use proptest::prelude::*;

use super::*;
use crate::track::Track;
use crate::track::stage::{Encoder, FRAME, KEYFRAME, ms, receive, track};

struct Stage {
    track: Track,
    encoders: [Encoder; 3],
    rewriter: Rewriter,
    now: Instant,
}

impl Stage {
    fn new() -> Self {
        Stage {
            track: track(Codec::Vp8, 3),
            encoders: [0, 1, 2].map(Encoder::new),
            rewriter: Rewriter::new(),
            now: Instant::now(),
        }
    }

    fn receives(&mut self, layer: u8) -> Received {
        let packet = self.encoders[usize::from(layer)].packet(FRAME);
        receive(&mut self.track, self.now, &packet).unwrap()
    }

    /// A frame of this layer, as the old stretch goes on.
    fn goes_on(&mut self, layer: u8) -> Rewritten {
        self.now += ms(33);
        let received = self.receives(layer);
        self.rewriter.rewrite(self.now, &received).unwrap()
    }

    fn switches(&mut self, layer: u8) -> Rewritten {
        self.now += ms(33);
        let received = self.receives(layer);
        self.rewriter.switch(self.now, self.track.layers(), &received);
        self.rewriter.rewrite(self.now, &received).unwrap()
    }

    /// The sender's clock by way of a report on a layer.
    fn reports(&mut self, layer: u8, ntp_ms: u64, rtp: u32) {
        let ntp = (ntp_ms << 32) / 1000;
        self.track.handle_sender_report(self.now, 10 + u32::from(layer), ntp, rtp);
    }
}

fn step(before: Rewritten, after: Rewritten) -> (u64, u32) {
    (after.out - before.out, after.timestamp.wrapping_sub(before.timestamp))
}

#[test]
fn a_switch_leaves_no_trace_in_the_numbers() {
    let mut stage = Stage::new();
    let mut before = stage.switches(0);
    assert!(before.out < 1 << 15);
    for switch in [None, Some(2), None, None, Some(1), Some(0), None] {
        let layer = stage.rewriter.stretch.unwrap().cursor.layer;
        let after = match switch {
            Some(layer) => stage.switches(layer),
            None => stage.goes_on(layer),
        };
        let (numbers, ticks) = step(before, after);
        assert_eq!(numbers, 1);
        assert!((2970..=3000).contains(&ticks), "{ticks} ticks in 33 ms");
        let (old, new) = (before.numbers, after.numbers);
        assert_eq!(new.picture_id, (old.picture_id + 1) & 0x7fff);
        assert_eq!(new.tl0, old.tl0.wrapping_add(1));
        assert_eq!(new.frame, old.frame.wrapping_add(1));
        before = after;
    }
}

#[test]
fn a_gap_stays_a_gap_and_the_repaired_packet_fits_in() {
    let mut stage = Stage::new();
    let before = stage.switches(0);
    let lost = stage.encoders[0].packet(FRAME);
    assert_eq!(stage.goes_on(0).out, before.out + 2);
    let repaired = receive(&mut stage.track, stage.now, &lost).unwrap();
    let repaired = stage.rewriter.rewrite(stage.now, &repaired).unwrap();
    assert_eq!(step(before, repaired), (1, 3000));
    assert_eq!(stage.goes_on(0).out, before.out + 3);
}

#[test]
fn packets_from_before_a_switch_are_dropped() {
    let mut stage = Stage::new();
    let late_of_new = stage.encoders[1].packet(FRAME);
    stage.switches(0);
    let late_of_old = stage.encoders[0].packet(FRAME);
    stage.goes_on(0);
    stage.switches(1);
    for late in [late_of_new, late_of_old] {
        let received = receive(&mut stage.track, stage.now, &late).unwrap();
        assert_eq!(stage.rewriter.rewrite(stage.now, &received), None);
    }
}

#[test]
fn with_sender_reports_the_time_is_the_senders() {
    let mut stage = Stage::new();
    let before = stage.switches(0);
    stage.receives(1);
    // Layer 1's picture was taken 20 ms after that of layer 0, whatever the way made of it.
    let (zero, one) = (stage.encoders[0].timestamp, stage.encoders[1].timestamp);
    stage.reports(0, 50_000, zero.wrapping_sub(3000));
    stage.reports(1, 51_000, one.wrapping_add(980 * 90));
    stage.now += ms(100);
    assert_eq!(step(before, stage.switches(1)), (1, 20 * 90));
}

#[test]
fn a_senders_clock_that_cannot_be_is_not_believed() {
    let mut stage = Stage::new();
    let before = stage.switches(0);
    stage.receives(1);
    let (zero, one) = (stage.encoders[0].timestamp, stage.encoders[1].timestamp);
    stage.reports(0, 50_000, zero);
    stage.reports(1, 5_000_000, one);
    assert_eq!(step(before, stage.switches(1)), (1, 33 * 90));
}

#[test]
fn time_goes_on_by_one_tick_at_least() {
    let mut stage = Stage::new();
    let before = stage.switches(0);
    let received = stage.receives(1);
    stage.rewriter.switch(stage.now, stage.track.layers(), &received);
    let after = stage.rewriter.rewrite(stage.now, &received).unwrap();
    assert_eq!(step(before, after), (1, 1));
}

#[test]
fn after_a_pause_the_same_layer_keeps_its_clock() {
    let mut stage = Stage::new();
    let before = stage.switches(0);
    for _ in 0..30 {
        stage.receives(0);
    }
    stage.now += ms(1000);
    assert_eq!(step(before, stage.switches(0)), (1, 31 * 3000));
}

#[test]
fn a_sequence_number_is_found_over_the_wrap() {
    let mut stage = Stage::new();
    stage.rewriter.start = 65_534;
    stage.switches(0);
    let newest = (0..5).map(|_| stage.goes_on(0).out).last().unwrap();
    assert_eq!(newest, 65_539);
    assert_eq!(stage.rewriter.locate(3), Some(65_539));
    assert_eq!(stage.rewriter.locate(65_534), Some(65_534));
}

/// What the sender and the selector do.
#[derive(Clone, Debug)]
enum Act {
    Send { layer: u8, delay: usize },
    Lose { layer: u8 },
    Switch { layer: u8 },
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0u8..3, 0usize..4).prop_map(|(layer, delay)| Act::Send { layer, delay }),
        1 => (0u8..3).prop_map(|layer| Act::Lose { layer }),
        1 => (0u8..3).prop_map(|layer| Act::Switch { layer }),
    ]
}

proptest! {
    /// Over any switches and reorderings no number is used twice, and without losses none is left out.
    #[test]
    fn numbers_go_on_by_one(acts in prop::collection::vec(any_act(), 1..200)) {
        let mut stage = Stage::new();
        let mut seen = BTreeSet::new();
        let mut delayed: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut missing = 0;
        stage.switches(0);
        seen.insert(stage.rewriter.newest.unwrap().out);
        for (step, act) in acts.into_iter().enumerate() {
            stage.now += ms(5);
            let current = stage.rewriter.stretch.unwrap().cursor.layer;
            match act {
                Act::Send { layer, delay } => {
                    let packet = stage.encoders[usize::from(layer)].packet(FRAME);
                    delayed.push((step + delay, packet));
                }
                Act::Lose { layer } => {
                    stage.encoders[usize::from(layer)].packet(FRAME);
                    missing += usize::from(layer == current);
                }
                Act::Switch { layer } => {
                    // What is under way of the old layer comes too late, and leaves gaps.
                    missing += delayed.len();
                    let out = stage.switches(layer).out;
                    prop_assert!(seen.last().is_none_or(|last| out == last + 1));
                    seen.insert(out);
                }
            }
            let (due, later) = delayed.into_iter().partition(|(at, _)| *at <= step);
            delayed = later;
            for (_, packet) in due {
                let received = receive(&mut stage.track, stage.now, &packet).unwrap();
                if let Some(rewritten) = stage.rewriter.rewrite(stage.now, &received) {
                    prop_assert!(seen.insert(rewritten.out), "{} twice", rewritten.out);
                }
            }
        }
        for (_, packet) in delayed {
            let received = receive(&mut stage.track, stage.now, &packet).unwrap();
            if let Some(rewritten) = stage.rewriter.rewrite(stage.now, &received) {
                prop_assert!(seen.insert(rewritten.out), "{} twice", rewritten.out);
            }
        }
        let span = seen.last().unwrap() - seen.first().unwrap() + 1;
        prop_assert!(span as usize <= seen.len() + missing);
    }

    #[test]
    fn a_keyframe_first_is_always_in_time_order(waits in prop::collection::vec(0u64..200, 1..50)) {
        let mut stage = Stage::new();
        let mut newest = stage.switches(0).timestamp;
        for (switch, wait) in waits.into_iter().enumerate() {
            stage.now += ms(wait);
            let packet = stage.encoders[switch % 3].packet(KEYFRAME);
            let received = receive(&mut stage.track, stage.now, &packet).unwrap();
            stage.rewriter.switch(stage.now, stage.track.layers(), &received);
            let timestamp = stage.rewriter.rewrite(stage.now, &received).unwrap().timestamp;
            prop_assert!((timestamp.wrapping_sub(newest) as i32) > 0);
            newest = timestamp;
        }
    }
}
