//! Spreads bursts of video, so that they do not fill the queue of a thin link.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use beckon_sfu_api::Kind;

use crate::keys::TrackKey;

/// Sending rate as a multiple of the estimate, as in libwebrtc's pacer: only large bursts wait, and not for long.
const SPEED_PERCENT: u64 = 250;
/// Burst that may be sent at once.
const BURST: Duration = Duration::from_millis(40);
/// Share of that rate for repairs, which is half of the estimate, ...
const REPAIR_PART: i64 = 5;
/// ... and their burst.
const REPAIR_BURST: Duration = Duration::from_millis(100);
/// Packets held back at most; more are dropped, as in any full queue.
const HELD_MAX: usize = 512;

/// Whether a packet may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Now,
    /// Give it to [`Pacer::hold`] and send it when [`Pacer::release`] returns it.
    Hold,
}

/// A token bucket of bytes. A packet may take it below zero.
#[derive(Debug)]
pub struct Pacer {
    /// Bytes per second; `None` is no limit.
    rate: Option<u64>,
    /// Bytes that may go.
    credit: i64,
    /// Bytes of repairs that may go.
    repairs: i64,
    filled: Option<Instant>,
    held: VecDeque<(TrackKey, u16, u16)>,
}

impl Default for Pacer {
    fn default() -> Self {
        Pacer {
            rate: None,
            credit: 0,
            repairs: 0,
            filled: None,
            held: VecDeque::with_capacity(HELD_MAX),
        }
    }
}

impl Pacer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the rate from the estimate in bits per second; `u64::MAX` if there is none.
    pub fn set_rate(&mut self, bps: u64) {
        self.rate = (bps != u64::MAX).then(|| (bps.saturating_mul(SPEED_PERCENT) / 800).max(1));
    }

    /// Audio never waits, and video never overtakes video.
    pub fn admit(&mut self, now: Instant, bytes: usize, kind: Kind) -> Admission {
        self.fill(now);
        if kind == Kind::Video && !(self.may_send() && self.held.is_empty()) {
            return Admission::Hold;
        }
        self.spend(bytes);
        Admission::Now
    }

    /// Whether a packet may be sent again now: with heavy loss, the repairs of everything would fill the path.
    pub fn may_repair(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.rate.is_none() || self.repairs > 0
    }

    /// Notes a repair that is sent.
    pub fn repaired(&mut self, bytes: usize) {
        if self.rate.is_some() {
            self.repairs -= bytes as i64;
            self.spend(bytes);
        }
    }

    /// Queues a packet. Returns false if too many wait, and the packet is lost.
    pub fn hold(&mut self, track: TrackKey, sequence: u16, bytes: usize) -> bool {
        let room = self.held.len() < HELD_MAX;
        if room {
            let bytes = bytes.try_into().unwrap_or(u16::MAX);
            self.held.push_back((track, sequence, bytes));
        }
        room
    }

    /// Reads what the next packet will need; see `Connection::warm`.
    pub fn warm(&self) -> usize {
        (self.credit as usize).wrapping_add(self.held.len())
    }

    /// Whether packets are held back.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// The next packet whose time has come.
    pub fn release(&mut self, now: Instant) -> Option<(TrackKey, u16)> {
        self.fill(now);
        if !self.may_send() {
            return None;
        }
        let (track, sequence, bytes) = self.held.pop_front()?;
        self.spend(bytes.into());
        Some((track, sequence))
    }

    fn may_send(&self) -> bool {
        self.rate.is_none() || self.credit > 0
    }

    fn spend(&mut self, bytes: usize) {
        if self.rate.is_some() {
            self.credit -= bytes as i64;
        }
    }

    fn fill(&mut self, now: Instant) {
        let Some(rate) = self.rate else {
            (self.credit, self.repairs, self.filled) = (0, 0, Some(now));
            return;
        };
        let most = bytes_in(rate, BURST).max(1);
        let filled = *self.filled.get_or_insert(now);
        let earned = bytes_in(rate, now.saturating_duration_since(filled));
        self.credit = self.credit.saturating_add(earned).min(most);
        let most_repairs = bytes_in(rate, REPAIR_BURST).max(1);
        self.repairs = self.repairs.saturating_add(earned / REPAIR_PART).min(most_repairs);
        // A fraction of a byte counts next time.
        self.filled = Some(if self.credit == most { now } else { filled + time_for(rate, earned) });
    }
}

fn bytes_in(rate: u64, time: Duration) -> i64 {
    (u128::from(rate) * time.as_nanos() / 1_000_000_000).try_into().unwrap_or(i64::MAX)
}

/// How long the bucket takes to gain this many bytes.
fn time_for(rate: u64, bytes: i64) -> Duration {
    let nanos = u128::from(bytes.unsigned_abs()) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(nanos.try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "pacer_tests.rs"]
mod tests;
