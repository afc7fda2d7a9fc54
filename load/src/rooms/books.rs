//! The books of a run: when it counts, what was sent, what arrived.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context;
use hdrhistogram::Histogram;

use super::stamp::Stamp;

/// Latencies up to this are told apart; three digits are more than a shared machine can tell.
const LATENCY_US_MAX: u64 = 60_000_000;
const LATENCY_DIGITS: u8 = 3;

/// The one clock of senders and receivers, which are threads of one process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Clock(Instant::now())
    }

    pub(super) fn ns(self, at: Instant) -> u64 {
        at.saturating_duration_since(self.0).as_nanos() as u64
    }
}

/// What the threads of a run tell each other.
#[derive(Default)]
pub(super) struct Progress {
    /// Subscriptions that have begun: a participant hears a track.
    heard: AtomicU64,
    /// Packets sent between these count; 0 is not yet.
    from_ns: AtomicU64,
    until_ns: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Begins to count; senders may see it a moment later than the caller.
    pub(super) fn begin(&self, ns: u64) {
        self.until_ns.store(u64::MAX, Ordering::Relaxed);
        self.from_ns.store(ns, Ordering::Relaxed);
    }

    pub(super) fn end(&self, ns: u64) {
        self.until_ns.store(ns, Ordering::Relaxed);
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether a packet sent at that time counts.
    pub(super) fn counts(&self, sent_ns: u64) -> bool {
        let from_ns = self.from_ns.load(Ordering::Relaxed);
        from_ns != 0 && (from_ns..self.until_ns.load(Ordering::Relaxed)).contains(&sent_ns)
    }
}

/// What one participant heard of each track.
#[derive(Default)]
pub(super) struct Heard {
    tracks: Vec<Track>,
}

#[derive(Clone, Copy, Default)]
struct Track {
    last: u64,
    /// Packets that count.
    received: u64,
}

impl Heard {
    /// Notes a packet. Only what is newer than all before it counts: nothing on loopback changes the order, and a
    /// packet that came twice must not make up for one that did not come.
    pub(super) fn note(&mut self, stamp: Stamp, counts: bool, progress: &Progress) -> bool {
        let at = usize::from(stamp.track);
        if self.tracks.len() <= at {
            self.tracks.resize(at + 1, Track::default());
        }
        let track = &mut self.tracks[at];
        if stamp.number <= track.last {
            return false;
        }
        if track.last == 0 {
            progress.heard.fetch_add(1, Ordering::Relaxed);
        }
        track.last = stamp.number;
        track.received += u64::from(counts);
        counts
    }

    /// Packets that count, of all tracks.
    pub(super) fn received(&self) -> u64 {
        self.tracks.iter().map(|track| track.received).sum()
    }
}

/// The sums of a run.
pub(super) struct Books {
    pub(super) latency_us: Histogram<u64>,
    /// Packets that should have arrived, over all subscriptions.
    pub(super) expected: u64,
    pub(super) received: u64,
}

impl Books {
    pub(super) fn new() -> anyhow::Result<Self> {
        let latency_us = Histogram::new_with_max(LATENCY_US_MAX, LATENCY_DIGITS)
            .context("making a histogram of latencies")?;
        Ok(Books { latency_us, expected: 0, received: 0 })
    }

    pub(super) fn loss_percent(&self) -> f64 {
        let lost = self.expected.saturating_sub(self.received);
        100.0 * lost as f64 / self.expected.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_the_window_count_once_and_in_order() {
        let (progress, mut heard) = (Progress::default(), Heard::default());
        assert!(!progress.counts(5));
        progress.begin(10);
        progress.end(20);
        for (number, sent_ns, counted) in [
            (1, 9, false),
            (2, 10, true),
            (2, 10, false),
            (4, 19, true),
            (3, 15, false),
            (5, 20, false),
        ] {
            let stamp = Stamp { track: 3, number, sent_ns };
            assert_eq!(heard.note(stamp, progress.counts(sent_ns), &progress), counted, "{number}");
        }
        assert_eq!((heard.received(), progress.heard()), (2, 1));
    }

    #[test]
    fn loss_is_a_share_of_what_should_have_come() {
        let books = Books { expected: 1000, received: 999, ..Books::new().unwrap() };
        assert!((books.loss_percent() - 0.1).abs() < 1e-9);
    }
}
