//! Bits per second over the last second.

use std::time::{Duration, Instant};

const BUCKETS: usize = 8;
const BUCKET_MS: u64 = 125;

/// A byte rate over a sliding window, counted in buckets of time.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    start: Option<Instant>,
    /// Number of the newest bucket, since `start`.
    newest: u64,
    buckets: [u64; BUCKETS],
}

impl Rate {
    /// Reads what the next packet will need; see `Connection::warm`.
    pub(crate) fn warm(&self) -> usize {
        (self.newest as usize).wrapping_add(self.buckets[0] as usize)
    }

    pub(crate) fn add(&mut self, now: Instant, bytes: usize) {
        let bucket = self.bucket(now);
        if bucket >= self.newest + BUCKETS as u64 {
            self.buckets = [0; BUCKETS];
        } else {
            for passed in self.newest + 1..=bucket {
                self.buckets[passed as usize % BUCKETS] = 0;
            }
        }
        self.newest = self.newest.max(bucket);
        self.buckets[self.newest as usize % BUCKETS] += bytes as u64;
    }

    /// Over the last second, or over the time measured if that is shorter; 0 until the first bucket is full.
    pub(crate) fn bits_per_second(&self, now: Instant) -> u64 {
        self.over(now, BUCKETS as u64 - 1)
    }

    /// Over the last half of a second if that is more, as after a step upwards.
    pub(crate) fn peak_bits_per_second(&self, now: Instant) -> u64 {
        self.recent_bits_per_second(now).max(self.bits_per_second(now))
    }

    /// Over the last half of a second.
    pub(crate) fn recent_bits_per_second(&self, now: Instant) -> u64 {
        self.over(now, BUCKETS as u64 / 2)
    }

    /// Over this many buckets before the current one, which is not full yet.
    fn over(&self, now: Instant, buckets: u64) -> u64 {
        let Some(start) = self.start else { return 0 };
        let current = buckets_in(now.duration_since(start));
        let oldest = current.saturating_sub(buckets);
        let known = self.newest.saturating_sub(BUCKETS as u64 - 1);
        let full = oldest.max(known)..current.min(self.newest + 1);
        let bytes: u64 = full.map(|bucket| self.buckets[bucket as usize % BUCKETS]).sum();
        let ms = (current - oldest) * BUCKET_MS;
        (bytes * 8000).checked_div(ms).unwrap_or(0)
    }

    /// Whether a whole window was measured.
    pub(crate) fn is_settled(&self, now: Instant) -> bool {
        self.start.is_some_and(|start| buckets_in(now.duration_since(start)) >= BUCKETS as u64)
    }

    fn bucket(&mut self, now: Instant) -> u64 {
        let start = *self.start.get_or_insert(now);
        buckets_in(now.duration_since(start))
    }
}

fn buckets_in(time: Duration) -> u64 {
    time.as_millis() as u64 / BUCKET_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(ms: std::ops::Range<u64>, step: usize, bytes: usize) -> (Rate, Instant) {
        let start = Instant::now();
        let mut rate = Rate::default();
        for at in ms.step_by(step) {
            rate.add(start + Duration::from_millis(at), bytes);
        }
        (rate, start)
    }

    #[test]
    fn a_steady_stream_is_measured_exactly() {
        let (rate, start) = measure(0..5000, 5, 625);
        for ms in [4900, 4990, 5000] {
            assert_eq!(rate.bits_per_second(start + Duration::from_millis(ms)), 1_000_000);
        }
    }

    #[test]
    fn the_beginning_is_measured_over_what_there_was() {
        let (rate, start) = measure(0..300, 5, 625);
        assert_eq!(rate.bits_per_second(start + Duration::from_millis(299)), 1_000_000);
        assert!(!rate.is_settled(start + Duration::from_millis(299)));
        assert_eq!(rate.bits_per_second(start), 0);
    }

    #[test]
    fn a_step_upwards_is_seen_early() {
        let (mut rate, start) = measure(0..5000, 5, 625);
        for at in (5000..5500).step_by(5) {
            rate.add(start + Duration::from_millis(at), 1250);
        }
        let now = start + Duration::from_millis(5500);
        assert_eq!(rate.peak_bits_per_second(now), 2_000_000);
        assert!(rate.bits_per_second(now) < 1_600_000);
    }

    #[test]
    fn silence_brings_it_to_nothing() {
        let (mut rate, start) = measure(0..2000, 5, 625);
        assert_eq!(rate.bits_per_second(start + Duration::from_millis(4000)), 0);
        rate.add(start + Duration::from_secs(60), 100);
        let bps = rate.bits_per_second(start + Duration::from_millis(60_200));
        assert!(bps < 2000, "{bps}");
    }
}
