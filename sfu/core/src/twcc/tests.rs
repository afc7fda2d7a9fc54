use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::rtcp::{Packet, TransportFeedback, packets};

const MS: Duration = Duration::from_millis(1);

struct Receiver {
    start: Instant,
    /// When it heard the first packet: its clock shows 64 ms then.
    first_ms: Option<u32>,
    recorder: Recorder,
    out: Vec<u8>,
}

impl Receiver {
    fn new() -> Receiver {
        Receiver {
            start: Instant::now(),
            first_ms: None,
            recorder: Recorder::new(),
            out: Vec::new(),
        }
    }

    fn hears(&mut self, after_ms: u32, sequence: u16) {
        self.first_ms.get_or_insert(after_ms);
        self.recorder.record(self.start + after_ms * MS, sequence);
    }

    /// The base and, for each packet, when it arrived in ms.
    fn tells(&mut self) -> Option<(u16, Vec<Option<u64>>)> {
        self.out.clear();
        if !self.recorder.write_feedback(&mut self.out, 1, 2) {
            return None;
        }
        assert!(self.out.len() <= 1200 && self.out.len().is_multiple_of(4));
        let Some(Packet::TransportFeedback(feedback)) = packets(&self.out).next() else {
            panic!("no feedback: {:?}", self.out);
        };
        assert_eq!((feedback.sender, feedback.media), (1, 2));
        let first_ms = u64::from(self.first_ms.unwrap_or_default());
        let ms = |at: Duration| at.as_millis() as u64 + first_ms - 64;
        let arrivals: Vec<_> = feedback.arrivals().map(|(_, at)| at.map(ms)).collect();
        assert_eq!(arrivals.len(), usize::from(feedback.count));
        Some((feedback.base, arrivals))
    }
}

#[test]
fn arrivals_are_told_once() {
    let mut receiver = Receiver::new();
    assert_eq!(receiver.tells(), None);
    for (ms, sequence) in [(0, 10), (5, 11), (12, 12)] {
        receiver.hears(ms, sequence);
    }
    assert_eq!(receiver.tells(), Some((10, vec![Some(0), Some(5), Some(12)])));
    assert_eq!(receiver.tells(), None);
    receiver.hears(90, 13);
    assert_eq!(receiver.tells(), Some((13, vec![Some(90)])));
}

#[test]
fn the_bytes_are_those_of_the_draft() {
    let mut receiver = Receiver::new();
    receiver.hears(0, 0xffff);
    receiver.hears(70, 1);
    receiver.hears(200, 2);
    receiver.recorder.write_feedback(&mut receiver.out, 0x0102_0304, 0x0506_0708);
    let expected = [
        0xaf, 205, 0, 6, 1, 2, 3, 4, 5, 6, 7, 8, // feedback of format 15, padded
        0xff, 0xff, 0, 4, 0, 0, 1, 0, // base, count, reference, number
        0xd2, 0x80, // small, lost, large, large
        0, 1, 0x18, 2, 8, // 0, 280 and 520 ticks
        1, // padding
    ];
    assert_eq!(receiver.out, expected);
}

#[test]
fn losses_are_told_with_the_next_arrival() {
    let mut receiver = Receiver::new();
    receiver.hears(1, 1);
    receiver.tells();
    receiver.hears(9, 4);
    assert_eq!(receiver.tells(), Some((2, vec![None, None, Some(9)])));
}

#[test]
fn sequence_numbers_wrap() {
    let mut receiver = Receiver::new();
    for (ms, sequence) in [(1, 0xfffe), (2, 0xffff), (3, 0), (4, 1)] {
        receiver.hears(ms, sequence);
    }
    assert_eq!(receiver.tells(), Some((0xfffe, vec![Some(1), Some(2), Some(3), Some(4)])));
}

#[test]
fn the_reference_time_wraps_with_the_ticks() {
    let mut receiver = Receiver::new();
    receiver.hears(1, 1);
    receiver.tells();
    // The clock began at 256 ticks: it wraps 100 ms after the second packet.
    receiver.start += Duration::from_micros(250) * (u32::MAX - 255 - 400) + MS;
    receiver.hears(0, 2);
    receiver.hears(150, 3);
    let (base, arrivals) = receiver.tells().unwrap();
    assert_eq!((base, arrivals.len()), (2, 2));
    assert_eq!(arrivals[1].unwrap() - arrivals[0].unwrap(), 150);
    receiver.hears(200, 4);
    assert_eq!(receiver.tells(), Some((4, vec![Some(37)])), "100 ms after the wrap");
}

#[test]
fn one_that_comes_late_is_told_with_all_since() {
    let mut receiver = Receiver::new();
    for (ms, sequence) in [(1, 1), (2, 2), (3, 4)] {
        receiver.hears(ms, sequence);
    }
    assert_eq!(receiver.tells(), Some((1, vec![Some(1), Some(2), None, Some(3)])));
    receiver.hears(8, 3);
    assert_eq!(receiver.tells(), Some((3, vec![Some(8), Some(3)])), "the delta is negative");
}

#[test]
fn one_before_the_very_first_is_told() {
    let mut receiver = Receiver::new();
    receiver.hears(1, 0);
    receiver.hears(2, 0xffff);
    assert_eq!(receiver.tells(), Some((0xffff, vec![Some(2), Some(1)])));
}

#[test]
fn the_first_of_duplicates_counts() {
    let mut receiver = Receiver::new();
    receiver.hears(1, 1);
    receiver.hears(2, 1);
    assert_eq!(receiver.tells(), Some((1, vec![Some(1)])));
    receiver.hears(3, 1);
    assert_eq!(receiver.tells(), None);
}

#[test]
fn a_jump_tells_of_some_losses_only() {
    let mut receiver = Receiver::new();
    receiver.hears(1, 0);
    receiver.hears(2, 20_000);
    let (base, arrivals) = receiver.tells().unwrap();
    assert_eq!((base, arrivals.len()), (20_000 - 240, 241));
    assert_eq!(arrivals[240], Some(2));
    receiver.hears(3, 18_000);
    assert_eq!(receiver.tells(), None, "too late to be told");
}

#[test]
fn many_arrivals_take_several_feedbacks() {
    let mut receiver = Receiver::new();
    for sequence in 0..1000 {
        receiver.hears(u32::from(sequence) * 70, sequence);
    }
    let told: Vec<_> = std::iter::from_fn(|| receiver.tells()).collect();
    assert_eq!(told.iter().map(|(base, _)| *base).collect::<Vec<_>>(), [0, 480, 960]);
    assert_eq!(told.iter().map(|(_, arrivals)| arrivals.len()).sum::<usize>(), 1000);
}

#[test]
fn a_pause_that_no_delta_holds_begins_another_feedback() {
    let mut receiver = Receiver::new();
    receiver.hears(1, 1);
    receiver.hears(60_001, 2);
    assert_eq!(receiver.tells(), Some((1, vec![Some(1)])));
    assert_eq!(receiver.tells(), Some((2, vec![Some(60_001)])));
}

#[test]
fn a_steady_stream_is_told_in_runs() {
    let mut receiver = Receiver::new();
    for sequence in 0..100 {
        receiver.hears(u32::from(sequence), sequence);
    }
    receiver.tells();
    assert_eq!(receiver.out[20..22], [0x20, 100], "one chunk for all");
    assert_eq!(receiver.out.len(), 124);
}

fn read(body: &[u8]) -> Option<TransportFeedback<'_>> {
    TransportFeedback::read(1, 2, body)
}

#[test]
fn one_bit_vectors_are_read() {
    // libwebrtc's form for losses among steady arrivals: 14 packets, of which 1, 3 and 14 arrived.
    let body = [0, 7, 0, 14, 0, 0, 2, 9, 0xa8, 0x01, 4, 8, 12, 0];
    let feedback = read(&body).unwrap();
    assert_eq!((feedback.base, feedback.count, feedback.number), (7, 14, 9));
    let arrived: Vec<_> =
        feedback.arrivals().filter_map(|(sequence, at)| Some((sequence, at?))).collect();
    assert_eq!(arrived, [(7, 129 * MS), (9, 131 * MS), (20, 134 * MS)]);
}

#[test]
fn chunks_may_say_more_than_there_are_packets() {
    let run = [0, 0, 0, 2, 0, 0, 0, 0, 0x20, 9, 4, 4];
    assert_eq!(read(&run).unwrap().arrivals().count(), 2);
    let reserved_beyond_the_end = [0, 0, 0, 1, 0, 0, 0, 0, 0xd3, 0xff, 4];
    assert_eq!(read(&reserved_beyond_the_end).unwrap().arrivals().count(), 1);
}

#[test]
fn broken_feedback_is_refused() {
    assert!(read(&[0, 0, 0, 0, 0, 0, 0, 0]).is_none(), "about no packet");
    assert!(read(&[0, 0, 0, 1, 0, 0, 0, 0]).is_none(), "no chunk");
    assert!(read(&[0, 0, 0, 2, 0, 0, 0, 0, 0x20, 1, 4, 4]).is_none(), "too few chunks");
    assert!(read(&[0, 0, 0, 2, 0, 0, 0, 0, 0x20, 2, 4]).is_none(), "too few deltas");
    assert!(read(&[0, 0, 0, 1, 0, 0, 0, 0, 0x60, 1, 4, 4]).is_none(), "the reserved status");
    assert!(read(&[0, 0, 0xff, 0xff, 0, 0, 0, 0, 0x1f, 0xff, 0x1f, 0xff]).is_none());
    assert!(read(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).is_none(), "runs of nothing");
    assert!(read(&[0; 7]).is_none());
}

proptest! {
    /// Whatever is lost, late or doubled: what is told is when it first arrived, to a tick.
    #[test]
    fn what_is_told_is_what_arrived(
        first: u16,
        steps in prop::collection::vec((-20i16..60, 0u32..40_000), 1..300),
    ) {
        let start = Instant::now();
        let mut recorder = Recorder::new();
        let mut heard = std::collections::HashMap::new();
        let (mut sequence, mut at) = (first, 0u64);
        for (step, wait_us) in steps {
            sequence = sequence.wrapping_add_signed(step);
            at += u64::from(wait_us);
            recorder.record(start + Duration::from_micros(at), sequence);
            heard.entry(sequence).or_insert(at);
        }
        let begin = *heard.values().min().unwrap();
        let mut out = Vec::new();
        while recorder.write_feedback(&mut out, 1, 2) {}
        for packet in packets(&out) {
            let Packet::TransportFeedback(feedback) = packet else { panic!("not feedback") };
            for (sequence, at) in feedback.arrivals() {
                let Some(at) = at else { continue };
                let expected = (heard[&sequence] - begin) / 250 * 250 + 64_000;
                prop_assert_eq!(at.as_micros() as u64, expected);
            }
        }
    }
}
