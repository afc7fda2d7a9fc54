//! Which packets of a layer are missing, and when to ask for them again (RFC 4585, section 6.2.1).

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A packet that comes this much later than its successor was not lost, only overtaken.
const REORDERING: Duration = Duration::from_millis(10);
/// No packet is asked for more often than this, however short the way.
const RETRY_MIN: Duration = Duration::from_millis(40);
/// After so many requests the packet is given up: a keyframe is the better cure.
const TRIES_MAX: u8 = 10;
/// More missing packets than this are not asked for: the oldest are given up.
const OUTSTANDING_MAX: usize = 64;
/// Before the first repair shows how long one takes.
const RTT_INITIAL: Duration = Duration::from_millis(100);

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
    /// These were skipped by the packet that came now.
    pub(crate) fn skipped(&mut self, now: Instant, indices: Range<u64>) {
        let from = indices.start.max(indices.end.saturating_sub(OUTSTANDING_MAX as u64));
        for index in from..indices.end {
            if self.missing.len() == OUTSTANDING_MAX {
                self.missing.pop_front();
            }
            self.missing.push_back(Missing { index, noticed: now, asked: None, tries: 0 });
        }
    }

    /// These lie between the first packet that came and one before it that came now.
    pub(crate) fn preceded(&mut self, now: Instant, indices: Range<u64>) {
        for index in indices.rev().take(OUTSTANDING_MAX - self.missing.len()) {
            self.missing.push_front(Missing { index, noticed: now, asked: None, tries: 0 });
        }
    }

    /// A packet from before the newest came after all, late or repaired.
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

    /// The stream began anew.
    pub(crate) fn forget(&mut self) {
        self.missing.clear();
    }

    /// Appends the sequence numbers to ask for now. What is older than `oldest` is given up.
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
