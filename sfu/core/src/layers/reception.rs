//! What a receiver report says of one stream (RFC 3550, sections 6.4.1 and A.1 to A.8).

use std::time::{Duration, Instant};

use super::sequence;
use crate::rtcp::Report;

/// A jump ahead of more than this is a restart, not a loss.
const JUMP_MAX: u64 = 1000;
/// A packet this far behind is a straggler or, if the next one follows it, a restart (RFC 3550, A.1).
const BEHIND_MAX: u64 = 512;

/// Packets that may overtake the first of a stream.
const OVERTAKEN_MAX: u64 = 32;

/// Where a packet stands among those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Ahead of all; `skipped` packets before it are missing.
    Newest { index: u64, skipped: u64 },
    /// Behind the newest.
    Late { index: u64 },
    /// Before the first that was received; `skipped` between the two are missing.
    First { index: u64, skipped: u64 },
    /// The stream jumped, or another one replaced it.
    Anew { index: u64 },
    /// Too far behind to be placed.
    Stray,
}

/// The receiving side of one stream: its position, losses, jitter, and the sender's clock.
#[derive(Debug)]
pub(crate) struct Reception {
    ssrc: u32,
    clock_rate: u32,
    highest: u64,
    /// Index of the first packet since the last restart.
    first: u64,
    /// Index of the first packet, counted as if the stream had never jumped.
    base: u64,
    received: u64,
    /// The sequence number that would confirm a jump backwards.
    stray: Option<u16>,
    /// Expected and received at the last report.
    reported: (u64, u64),
    /// In timestamp units, times 16.
    jitter: u32,
    transit: Option<u32>,
    started: Instant,
    sender: Option<SenderReport>,
}

/// A sender's latest clock reading.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport {
    /// The sender's wall clock, in NTP format.
    pub ntp: u64,
    pub rtp: u32,
    /// The same moment by our clock, smoothed; it includes the one-way delay.
    pub at: Instant,
    received: Instant,
}

impl Reception {
    pub(crate) fn new(now: Instant, ssrc: u32, clock_rate: u32, first: u16) -> Self {
        let index = sequence::first(first);
        Reception {
            ssrc,
            clock_rate,
            highest: index - 1,
            first: index,
            base: index,
            received: 0,
            stray: None,
            reported: (0, 0),
            jitter: 0,
            transit: None,
            started: now,
            sender: None,
        }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub(crate) fn highest(&self) -> u64 {
        self.highest
    }

    pub(crate) fn sender_report(&self) -> Option<&SenderReport> {
        self.sender.as_ref()
    }

    /// Continues with another stream in place of this one.
    pub(crate) fn replace(&mut self, ssrc: u32, sequence: u16) -> Position {
        self.ssrc = ssrc;
        self.sender = None;
        self.begin_anew(sequence)
    }

    /// Places a packet that was just received.
    pub(crate) fn place(&mut self, sequence: u16) -> Position {
        let index = sequence::nearest(self.highest, sequence);
        if index > self.highest + JUMP_MAX {
            return self.begin_anew(sequence);
        }
        if index + BEHIND_MAX < self.highest {
            if self.stray == Some(sequence) {
                return self.begin_anew(sequence);
            }
            self.stray = Some(sequence.wrapping_add(1));
            return Position::Stray;
        }
        self.stray = None;
        if index < self.first && self.first - index <= OVERTAKEN_MAX {
            let skipped = self.first - index - 1;
            self.base -= self.first - index;
            self.first = index;
            return Position::First { index, skipped };
        }
        if index <= self.highest {
            return Position::Late { index };
        }
        let skipped = index - self.highest - 1;
        self.highest = index;
        Position::Newest { index, skipped }
    }

    /// The index of a repaired packet.
    pub(crate) fn locate(&self, sequence: u16) -> u64 {
        sequence::nearest(self.highest, sequence)
    }

    /// Counts a packet that was placed and is not a duplicate.
    pub(crate) fn count(&mut self, now: Instant, timestamp: u32) {
        self.received += 1;
        let arrival = ticks(now.duration_since(self.started), self.clock_rate) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            self.jitter = self.jitter.wrapping_add(difference).wrapping_sub((self.jitter + 8) >> 4);
        }
    }

    /// Takes in a clock reading of the sender. One that arrived with less delay is more accurate; later ones count little.
    pub(crate) fn heard_sender(&mut self, now: Instant, ntp: u64, rtp: u32) {
        let expected = self.sender.and_then(|last| {
            let passed = ntp_duration(ntp.checked_sub(last.ntp)?);
            let expected = last.at + passed;
            let off = now.max(expected) - now.min(expected);
            // After a larger jump the sender's clock was set: it is taken as it is.
            (off < Duration::from_secs(1)).then_some(expected)
        });
        let at = match expected {
            Some(expected) if expected < now => expected + (now - expected) / 16,
            _ => now,
        };
        self.sender = Some(SenderReport { ntp, rtp, at, received: now });
    }

    pub(crate) fn report(&mut self, now: Instant) -> Report {
        let expected = self.highest + 1 - self.base;
        let (expected_before, received_before) =
            std::mem::replace(&mut self.reported, (expected, self.received));
        let expected_since = expected - expected_before;
        let lost_since = expected_since.saturating_sub(self.received - received_before);
        let lost = expected as i64 - self.received as i64;
        let (last_sr, delay) = self.sender.map_or((0, 0), |sender| {
            let delay = now.duration_since(sender.received).as_micros() * 65_536 / 1_000_000;
            ((sender.ntp >> 16) as u32, delay as u32)
        });
        Report {
            ssrc: self.ssrc,
            fraction_lost: (lost_since * 256).checked_div(expected_since).unwrap_or(0).min(255)
                as u8,
            lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: (self.highest - sequence::first(0)) as u32,
            jitter: self.jitter >> 4,
            last_sr,
            delay,
        }
    }

    fn begin_anew(&mut self, sequence: u16) -> Position {
        let index = sequence::anew(self.highest, sequence);
        // Packets expected so far stay expected; those jumped over never were.
        let jumped = index - self.highest - 1;
        self.base += jumped;
        self.first = index;
        self.highest = index;
        self.stray = None;
        self.transit = None;
        Position::Anew { index }
    }
}

/// A duration in ticks of an RTP clock.
pub(crate) fn ticks(duration: Duration, clock_rate: u32) -> u64 {
    (duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u64
}

/// The difference of two NTP times.
fn ntp_duration(ntp: u64) -> Duration {
    Duration::new(ntp >> 32, (((ntp & 0xffff_ffff) * 1_000_000_000) >> 32) as u32)
}

#[cfg(test)]
#[path = "reception_tests.rs"]
mod tests;
