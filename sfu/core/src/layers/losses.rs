//! Which packets of a layer are missing, and when to ask for them again (RFC 4585, section 6.2.1).

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A packet that arrives within this time of its successor was reordered, not lost.
const REORDERING: Duration = Duration::from_millis(10);
/// No packet is requested more often than this, however short the round trip.
const RETRY_MIN: Duration = Duration::from_millis(40);
/// Requests after which a packet is given up: a keyframe is the better repair.
const TRIES_MAX: u8 = 10;
/// Missing packets tracked at once; beyond it the oldest are given up.
const OUTSTANDING_MAX: usize = 64;
/// Assumed until the first repair shows the round-trip time.
const RTT_INITIAL: Duration = Duration::from_millis(100);

/// The missing packets of one layer.
#[derive(Debug)]
pub(crate) struct Losses {
    /// Oldest first.
    missing: VecDeque<Missing>,
    rtt: Duration,
}

#[derive(Debug)]
struct Missing {
    index: u64,
    noticed: Instant,
    asked: Option<Instant>,
    tries: u8,
}

impl Missing {
    fn is_due(&self, now: Instant, retry: Duration) -> bool {
        match self.asked {
            None => now.duration_since(self.noticed) >= REORDERING,
            Some(asked) => now.duration_since(asked) >= retry,
        }
    }
}

impl Default for Losses {
    fn default() -> Self {
        Losses { missing: VecDeque::with_capacity(OUTSTANDING_MAX), rtt: RTT_INITIAL }
    }
}

impl Losses {
    /// Notes these as missing: the packet just received skipped them.
    pub(crate) fn skipped(&mut self, now: Instant, indices: Range<u64>) {
        let from = indices.start.max(indices.end.saturating_sub(OUTSTANDING_MAX as u64));
        for index in from..indices.end {
            if self.missing.len() == OUTSTANDING_MAX {
                self.missing.pop_front();
            }
            self.missing.push_back(Missing { index, noticed: now, asked: None, tries: 0 });
        }
    }

    /// Notes these as missing: they lie between the first packet and an earlier one just received.
    pub(crate) fn preceded(&mut self, now: Instant, indices: Range<u64>) {
        for index in indices.rev().take(OUTSTANDING_MAX - self.missing.len()) {
            self.missing.push_front(Missing { index, noticed: now, asked: None, tries: 0 });
        }
    }

    /// Notes that a missing packet arrived, late or repaired.
    pub(crate) fn arrived(&mut self, now: Instant, index: u64) {
        let Ok(at) = self.missing.binary_search_by_key(&index, |missing| missing.index) else {
            return;
        };
        let Some(missing) = self.missing.remove(at) else { return };
        if let (Some(asked), 1) = (missing.asked, missing.tries) {
            let took = now.duration_since(asked);
            self.rtt = (self.rtt * 7 + took) / 8;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// Forgets all missing packets: the stream restarted.
    pub(crate) fn forget(&mut self) {
        self.missing.clear();
    }

    /// Appends the sequence numbers to request now. Packets older than `oldest` are given up.
    pub(crate) fn due(&mut self, now: Instant, oldest: u64, sequences: &mut Vec<u16>) {
        let retry = self.rtt.max(RETRY_MIN);
        self.missing.retain_mut(|missing| {
            if missing.index < oldest {
                return false;
            }
            if !missing.is_due(now, retry) {
                return true;
            }
            if missing.tries == TRIES_MAX {
                return false;
            }
            missing.tries += 1;
            missing.asked = Some(now);
            sequences.push(missing.index as u16);
            true
        });
    }
}

#[cfg(test)]
#[path = "losses_tests.rs"]
mod tests;
