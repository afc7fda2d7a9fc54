//! Rewrites packets of changing simulcast layers into one continuous stream.

use std::time::Instant;

use super::frame_numbers::FrameNumbers;
use super::selector::Cursor;
use crate::layers::{Layers, Received, ticks};

/// A packet's place in the outgoing stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// Extended sequence number: its high bits are the rollover counter.
    pub out: u64,
    pub timestamp: u32,
    pub numbers: FrameNumbers,
}

/// Offsets applied to one contiguous run of a layer.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    cursor: Cursor,
    /// Index of its first packet; older ones are from before the switch.
    first: u64,
    sequence: u64,
    timestamp: u32,
    numbers: FrameNumbers,
}

/// The newest packet that was sent.
#[derive(Clone, Copy, Debug)]
struct Newest {
    out: u64,
    timestamp: u32,
    at: Instant,
    numbers: FrameNumbers,
}

/// The numbering of one outgoing stream.
#[derive(Debug)]
pub(super) struct Rewriter {
    start: u64,
    stretch: Option<Stretch>,
    /// The stretch before, with the last outgoing number that it used.
    previous: Option<(Stretch, u64)>,
    newest: Option<Newest>,
}

impl Rewriter {
    /// The first sequence number is random, and low, so that the rollover counter's first step is far off (RFC 3711,
    /// section 3.3.1).
    pub(super) fn new() -> Self {
        Rewriter {
            start: u64::from(rand::random::<u16>() >> 1),
            stretch: None,
            previous: None,
            newest: None,
        }
    }

    /// What the current layer's timestamps are shifted by.
    pub(super) fn timestamp_shift(&self) -> Option<(Cursor, u32)> {
        self.stretch.map(|stretch| (stretch.cursor, stretch.timestamp))
    }

    /// Timestamp and time of the newest packet.
    pub(super) fn newest(&self) -> Option<(u32, Instant)> {
        self.newest.map(|newest| (newest.timestamp, newest.at))
    }

    /// The next outgoing sequence number, extended.
    pub(super) fn next(&self) -> u64 {
        self.newest.map_or(0, |newest| newest.out + 1)
    }

    /// The full index of a sequence number that was sent.
    pub(super) fn locate(&self, sequence: u16) -> Option<u64> {
        let newest = self.newest?.out;
        let back = (newest as u16).wrapping_sub(sequence);
        newest.checked_sub(back.into())
    }

    /// Starts a new stretch with this packet.
    pub(super) fn switch(&mut self, now: Instant, layers: &Layers, received: &Received) {
        let mut stretch = Stretch {
            cursor: Cursor::of(received),
            first: received.index,
            sequence: self.start.wrapping_sub(received.index),
            timestamp: 0,
            numbers: FrameNumbers::default(),
        };
        if let (Some(newest), Some(old)) = (self.newest, self.stretch) {
            let timestamp = follow(now, layers, &newest, &old, received);
            stretch.sequence = (newest.out + 1).wrapping_sub(received.index);
            stretch.timestamp = timestamp.wrapping_sub(received.header.timestamp);
            stretch.numbers = FrameNumbers::of(&received.info).following(newest.numbers);
        }
        self.previous = self.stretch.replace(stretch).zip(self.newest.map(|newest| newest.out));
    }

    /// `None` for packets from before the last switch.
    pub(super) fn rewrite(&mut self, now: Instant, received: &Received) -> Option<Rewritten> {
        let stretch = self.stretch.filter(|stretch| stretch.covers(received))?;
        let rewritten = stretch.rewrite(received);
        let Rewritten { out, timestamp, numbers } = rewritten;
        if self.newest.is_none_or(|newest| out > newest.out) {
            let before = self.newest.map_or_else(FrameNumbers::default, |newest| newest.numbers);
            let numbers = numbers.carried(&received.info, before);
            self.newest = Some(Newest { out, timestamp, at: now, numbers });
        }
        Some(rewritten)
    }

    /// For packets from before the last switch: only those whose numbers were skipped then have a place.
    pub(super) fn rewrite_late(&self, received: &Received) -> Option<Rewritten> {
        let (stretch, last) = self.previous.filter(|(stretch, _)| stretch.covers(received))?;
        Some(stretch.rewrite(received)).filter(|rewritten| rewritten.out <= last)
    }
}

impl Stretch {
    fn covers(&self, received: &Received) -> bool {
        Cursor::of(received) == self.cursor && received.index >= self.first
    }

    fn rewrite(&self, received: &Received) -> Rewritten {
        Rewritten {
            out: received.index.wrapping_add(self.sequence),
            timestamp: received.header.timestamp.wrapping_add(self.timestamp),
            numbers: FrameNumbers::of(&received.info).shifted(self.numbers),
        }
    }
}

/// The outgoing timestamp of the first packet after a switch: by the sender's clock if both layers reported it, else by
/// ours, and at least one tick later than any before.
fn follow(
    now: Instant,
    layers: &Layers,
    newest: &Newest,
    old: &Stretch,
    received: &Received,
) -> u32 {
    let cursor = Cursor::of(received);
    let clock_rate = layers.codec.clock_rate();
    let by_clock = ticks(now.saturating_duration_since(newest.at), clock_rate);
    let by_sender = if cursor == old.cursor {
        Some(received.header.timestamp.wrapping_add(old.timestamp))
    } else {
        translate(layers, old, received)
    };
    let step = by_sender.map(|timestamp| timestamp.wrapping_sub(newest.timestamp) as i32);
    // A result far from our own clock comes from a clock that was set, or from a report before the stream restarted.
    let plausible =
        step.filter(|step| by_clock.abs_diff((*step).max(0) as u64) < clock_rate.into());
    let step = plausible.map_or(by_clock as u32, |step| step.max(0) as u32);
    newest.timestamp.wrapping_add(step.max(1))
}

/// Translates a timestamp of the new layer into the timeline of the old one.
fn translate(layers: &Layers, old: &Stretch, received: &Received) -> Option<u32> {
    let (from, to) = (layers.get(received.layer)?, layers.get(old.cursor.layer)?);
    if to.epoch() != old.cursor.epoch {
        return None;
    }
    let (from, to) = (from.sender_report()?, to.sender_report()?);
    let apart = from.ntp.wrapping_sub(to.ntp) as i64;
    let apart = (i128::from(apart) * i128::from(layers.codec.clock_rate())) >> 32;
    let since_report = received.header.timestamp.wrapping_sub(from.rtp);
    let in_old = to.rtp.wrapping_add(apart as u32).wrapping_add(since_report);
    Some(in_old.wrapping_add(old.timestamp))
}

#[cfg(test)]
#[path = "rewriter_tests.rs"]
mod tests;
