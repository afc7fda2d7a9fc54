//! Tries that guard accounts, counted in windows of a minute: registrations, and passwords that have not proved right. They
//! are counted in this process and, where nodes share a Redis, by all of them together.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache as Moka;
use sha2::{Digest, Sha256};

use crate::cache::{Cache, Counted};
use crate::domain::refusal::{Refusal, Result};

/// Tries are forgotten this long after the first of them.
const WINDOW: Duration = Duration::from_secs(60);
/// Keys remembered; beyond, the ones seen least make room, so that inventing keys costs us no memory.
const KEYS_MAX: u64 = 100_000;

pub(super) struct Tries {
    windows: Moka<u128, Arc<Window>>,
    cache: Cache,
}

struct Window {
    began: Instant,
    tried: AtomicU32,
}

/// What a try is counted against, and how many of them a window takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Against {
    /// Half a hash: names that strangers type are neither kept nor readable in Redis.
    key: u128,
    most: u32,
}

/// A try that counts, also when it is abandoned, until it is forgiven.
#[must_use = "a try that is not forgiven counts"]
pub struct Attempt {
    windows: Vec<Arc<Window>>,
    /// Where all nodes counted it.
    shared: Option<(Cache, Vec<u128>)>,
}

impl Against {
    pub(super) fn new(kind: &str, whom: impl Display, most: u32) -> Against {
        let hash: [u8; 32] = Sha256::digest(format!("{kind} {whom}")).into();
        let (half, _) = hash.split_first_chunk().expect("16 of 32 bytes");
        Against { key: u128::from_be_bytes(*half), most: most.max(1) }
    }
}

impl Tries {
    /// What is counted here is counted in `cache`, too, if that is shared.
    pub(super) fn new(cache: Cache) -> Tries {
        let windows = Moka::builder().max_capacity(KEYS_MAX).time_to_live(WINDOW).build();
        Tries { windows, cache }
    }

    /// Counts a try against all of these, or against none when one of them has had its most.
    pub(super) async fn count(&self, what: &'static str, against: &[Against]) -> Result<Attempt> {
        let windows = self.count_here(against).map_err(|wait| refused(what, wait))?;
        let keys: Vec<_> = against.iter().map(|one| (one.key, one.most)).collect();
        let shared = match self.cache.count_try(&keys, WINDOW).await {
            Counted::Yes => {
                Some((self.cache.clone(), keys.into_iter().map(|(key, _)| key).collect()))
            }
            Counted::Nowhere => None,
            Counted::Refused(wait) => {
                take_back(&windows);
                return Err(refused(what, wait));
            }
        };
        Ok(Attempt { windows, shared })
    }

    /// Counts in this process; the error is how long to wait.
    fn count_here(&self, against: &[Against]) -> Result<Vec<Arc<Window>>, Duration> {
        let mut counted = Vec::with_capacity(against.len());
        for Against { key, most } in against {
            let new = || Arc::new(Window { began: Instant::now(), tried: AtomicU32::new(0) });
            let window = self.windows.get_with(*key, new);
            let wait = WINDOW.saturating_sub(window.began.elapsed());
            let before = window.tried.fetch_add(1, Ordering::Relaxed);
            counted.push(window);
            if before >= *most {
                take_back(&counted);
                return Err(wait);
            }
        }
        Ok(counted)
    }
}

impl Attempt {
    /// It did not fail, or not by whoever made it.
    pub async fn forgive(self) {
        take_back(&self.windows);
        if let Some((cache, keys)) = self.shared {
            cache.forgive_try(keys.into_iter()).await;
        }
    }
}

fn take_back(windows: &[Arc<Window>]) {
    for window in windows {
        window.tried.fetch_sub(1, Ordering::Relaxed);
    }
}

fn refused(what: &'static str, wait: Duration) -> Refusal {
    super::count(what);
    Refusal::slow_down(wait.as_millis() as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::NodeId;

    fn tries(redis: Option<redis::Client>) -> Tries {
        Tries::new(Cache::new(NodeId::fresh(), redis))
    }

    /// A Redis that `BECKON_TEST_REDIS` names; none: the test is skipped, unless it is required.
    fn redis() -> Option<redis::Client> {
        let Ok(url) = std::env::var("BECKON_TEST_REDIS") else {
            let required = std::env::var("BECKON_TEST_REQUIRE").is_ok_and(|value| value == "1");
            assert!(!required, "BECKON_TEST_REDIS must name a server");
            eprintln!("skipped: BECKON_TEST_REDIS names no server");
            return None;
        };
        Some(redis::Client::open(url).unwrap())
    }

    /// A key that nobody else has in a Redis of many.
    fn somebody(most: u32) -> Against {
        Against::new("test", NodeId::fresh(), most)
    }

    #[tokio::test]
    async fn only_what_is_not_forgiven_counts() {
        let (tries, ann) = (tries(None), somebody(3));
        for _ in 0..100 {
            tries.count("tests", &[ann]).await.unwrap().forgive().await;
        }
        for _ in 0..3 {
            drop(tries.count("tests", &[ann]).await.unwrap());
        }
        let refusal = tries.count("tests", &[ann]).await.err().unwrap();
        assert!(refusal.retry_after_ms.unwrap() <= 60_001);
        assert!(tries.count("tests", &[somebody(3)]).await.is_ok());
    }

    #[tokio::test]
    async fn a_try_that_one_counter_refuses_counts_in_no_other() {
        for redis in [None, redis()] {
            let tries = tries(redis);
            let (ann, network) = (somebody(3), somebody(1));
            drop(tries.count("tests", &[network]).await.unwrap());
            for _ in 0..9 {
                assert!(tries.count("tests", &[ann, network]).await.is_err());
            }
            assert!(tries.count("tests", &[ann]).await.is_ok());
        }
    }

    #[tokio::test]
    async fn nodes_that_share_a_redis_count_together() {
        let Some(redis) = redis() else { return };
        let (here, there, ann) = (tries(Some(redis.clone())), tries(Some(redis)), somebody(3));
        for _ in 0..10 {
            here.count("tests", &[ann]).await.unwrap().forgive().await;
        }
        drop(here.count("tests", &[ann]).await.unwrap());
        drop(there.count("tests", &[ann]).await.unwrap());
        drop(here.count("tests", &[ann]).await.unwrap());
        for node in [&here, &there] {
            let refusal = node.count("tests", &[ann]).await.err().unwrap();
            assert!((1..=60_001).contains(&refusal.retry_after_ms.unwrap()));
        }
    }

    #[tokio::test]
    async fn without_its_redis_a_node_counts_alone() {
        let nowhere = redis::Client::open("redis://127.0.0.1:1").unwrap();
        let (tries, ann) = (tries(Some(nowhere)), somebody(2));
        for _ in 0..2 {
            drop(tries.count("tests", &[ann]).await.unwrap());
        }
        assert!(tries.count("tests", &[ann]).await.is_err());
    }
}
