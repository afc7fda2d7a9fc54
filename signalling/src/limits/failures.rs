//! Limits that count only what failed: who gets it right is never slowed down.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use crate::domain::refusal::{Refusal, Result};

/// Failures are forgotten this long after the first of them.
const WINDOW: Duration = Duration::from_secs(60);
/// Keys remembered; beyond, the ones seen least make room, so that inventing keys costs us no memory.
const KEYS_MAX: u64 = 100_000;

pub(super) struct Failures<K> {
    windows: Cache<K, Arc<Window>>,
    max: u32,
}

struct Window {
    began: Instant,
    failed: AtomicU32,
}

/// A try that counts as a failure, also when it is abandoned, until it is forgiven.
#[must_use = "a try that is not forgiven counts as a failure"]
pub struct Attempt(Vec<Arc<Window>>);

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Failures<K> {
    pub(super) fn new(max: u32) -> Failures<K> {
        let windows = Cache::builder().max_capacity(KEYS_MAX).time_to_live(WINDOW).build();
        Failures { windows, max: max.max(1) }
    }

    pub(super) fn attempt(&self, key: &K) -> Result<Attempt> {
        let new = || Arc::new(Window { began: Instant::now(), failed: AtomicU32::new(0) });
        let window = self.windows.get_with_by_ref(key, new);
        if window.failed.fetch_add(1, Ordering::Relaxed) < self.max {
            return Ok(Attempt(vec![window]));
        }
        window.failed.fetch_sub(1, Ordering::Relaxed);
        super::count("sign_ins");
        let wait = WINDOW.saturating_sub(window.began.elapsed());
        Err(Refusal::slow_down(wait.as_millis() as u64 + 1))
    }
}

impl Attempt {
    pub(super) fn and(mut self, other: Attempt) -> Attempt {
        self.0.extend(other.0);
        self
    }

    /// It did not fail, or not by whoever made it.
    pub fn forgive(self) {
        for window in self.0 {
            window.failed.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_count() {
        let failures = Failures::new(3);
        for _ in 0..100 {
            failures.attempt(&"ann").unwrap().forgive();
        }
        for _ in 0..3 {
            drop(failures.attempt(&"ann").unwrap());
        }
        let refusal = failures.attempt(&"ann").err().unwrap();
        assert!(refusal.retry_after_ms.unwrap() <= 60_001);
        assert!(failures.attempt(&"bob").is_ok());
    }
}
