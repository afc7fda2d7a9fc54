//! How much of the relay one person, and all together, may use. Shared by all threads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::refusal::Refusal;

/// Bandwidth limits let this much time's worth of bytes through at once.
const BURST: Duration = Duration::from_secs(1);

/// Bounds of one relay.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Allocations one person may have at once; one more is answered 486.
    pub allocations_per_user: usize,
    /// Allocations in all; one more is answered 508.
    pub allocations: usize,
    /// Permissions of one allocation; one more is answered 508.
    pub permissions: usize,
    /// Channels of one allocation; one more is answered 508.
    pub channels: usize,
    /// Bytes per second that all allocations of one person may relay, in both directions; more is dropped. 0 is no limit.
    pub bytes_per_second_per_user: u64,
    /// Bytes per second in all; more is dropped. 0 is no limit.
    pub bytes_per_second: u64,
    /// Answers per second to unauthenticated clients of one network (/24, /48); more are not sent.
    pub strangers_per_second: u32,
    /// Burst of such answers.
    pub strangers_burst: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            allocations_per_user: 256,
            allocations: 20_000,
            permissions: 128,
            channels: 128,
            bytes_per_second_per_user: 0,
            bytes_per_second: 0,
            strangers_per_second: 100,
            strangers_burst: 2000,
        }
    }
}

/// What is in use of the limits, by person and in all.
#[derive(Debug)]
pub(crate) struct Quotas {
    limits: Limits,
    started: Instant,
    accounts: Mutex<HashMap<Box<str>, Arc<Account>>>,
    allocations: AtomicUsize,
    rate: ByteRate,
}

/// What one person uses.
#[derive(Debug)]
struct Account {
    allocations: AtomicUsize,
    rate: ByteRate,
}

/// The right to one allocation, given back when dropped.
#[derive(Debug)]
pub(crate) struct QuotaShare {
    quotas: Arc<Quotas>,
    account: Arc<Account>,
    person: Box<str>,
}

impl Quotas {
    pub(crate) fn new(limits: Limits, now: Instant) -> Arc<Quotas> {
        Arc::new(Quotas {
            rate: ByteRate::new(limits.bytes_per_second),
            limits,
            started: now,
            accounts: Mutex::default(),
            allocations: AtomicUsize::new(0),
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes one allocation for this person.
    pub(crate) fn take(self: &Arc<Self>, person: &str) -> Result<QuotaShare, Refusal> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let used = accounts.get(person).map_or(0, |account| account.allocations());
        if used >= self.limits.allocations_per_user {
            return Err(Refusal::QuotaReached);
        }
        // Only ever changed under the lock.
        if self.allocations.load(Ordering::Relaxed) >= self.limits.allocations {
            return Err(Refusal::InsufficientCapacity);
        }
        self.allocations.fetch_add(1, Ordering::Relaxed);
        let person: Box<str> = person.into();
        let account = accounts.entry(person.clone()).or_insert_with(|| {
            let rate = ByteRate::new(self.limits.bytes_per_second_per_user);
            Arc::new(Account { allocations: AtomicUsize::new(0), rate })
        });
        account.allocations.fetch_add(1, Ordering::Relaxed);
        Ok(QuotaShare { quotas: self.clone(), account: account.clone(), person })
    }

    /// Allocations there are now.
    pub(crate) fn allocations(&self) -> usize {
        self.allocations.load(Ordering::Relaxed)
    }
}

impl Account {
    fn allocations(&self) -> usize {
        self.allocations.load(Ordering::Relaxed)
    }
}

impl QuotaShare {
    /// Returns whether `bytes` may pass now. Bytes refused to one person are not charged to the total.
    pub(crate) fn may_relay(&self, now: Instant, bytes: usize) -> bool {
        let since = now.saturating_duration_since(self.quotas.started);
        self.account.rate.allows(since, bytes) && self.quotas.rate.allows(since, bytes)
    }
}

impl Drop for QuotaShare {
    fn drop(&mut self) {
        let mut accounts = self.quotas.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        self.quotas.allocations.fetch_sub(1, Ordering::Relaxed);
        if self.account.allocations.fetch_sub(1, Ordering::Relaxed) == 1 {
            accounts.remove(&self.person);
        }
    }
}

/// A bandwidth limit without a lock: the time at which the bytes passed so far would be through (GCRA).
#[derive(Debug)]
struct ByteRate {
    bytes_per_second: u64,
    through_ns: AtomicU64,
}

impl ByteRate {
    fn new(bytes_per_second: u64) -> ByteRate {
        ByteRate { bytes_per_second, through_ns: AtomicU64::new(0) }
    }

    fn allows(&self, since: Duration, bytes: usize) -> bool {
        if self.bytes_per_second == 0 {
            return true;
        }
        let now_ns = since.as_nanos() as u64;
        let cost_ns = bytes as u64 * 1_000_000_000 / self.bytes_per_second;
        let limit_ns = now_ns + BURST.as_nanos() as u64;
        let passed = self.through_ns.try_update(Ordering::Relaxed, Ordering::Relaxed, |through| {
            let through = through.max(now_ns) + cost_ns;
            (through <= limit_ns).then_some(through)
        });
        passed.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas(limits: Limits) -> (Arc<Quotas>, Instant) {
        let now = Instant::now();
        (Quotas::new(limits, now), now)
    }

    #[test]
    fn shares_come_back() {
        let limits = Limits { allocations_per_user: 2, allocations: 3, ..Limits::default() };
        let (quotas, _) = quotas(limits);
        let first = quotas.take("alice").unwrap();
        let second = quotas.take("alice").unwrap();
        assert_eq!(quotas.take("alice").unwrap_err(), Refusal::QuotaReached);
        let _bobs = quotas.take("bob").unwrap();
        assert_eq!(quotas.take("carol").unwrap_err(), Refusal::InsufficientCapacity);
        drop(first);
        let _carols = quotas.take("carol").unwrap();
        drop(second);
        assert_eq!(quotas.allocations(), 2);
        assert_eq!(quotas.accounts.lock().unwrap().len(), 2, "who uses nothing is forgotten");
    }

    #[test]
    fn bandwidth_is_a_persons_however_many_allocations() {
        let limits = Limits { bytes_per_second_per_user: 1000, ..Limits::default() };
        let (quotas, start) = quotas(limits);
        let (one, two) = (quotas.take("alice").unwrap(), quotas.take("alice").unwrap());
        assert!(one.may_relay(start, 600));
        assert!(!two.may_relay(start, 600));
        assert!(two.may_relay(start, 400));
        assert!(quotas.take("bob").unwrap().may_relay(start, 1000));
        assert!(!one.may_relay(start + Duration::from_millis(99), 100));
        assert!(one.may_relay(start + Duration::from_millis(100), 100));
    }

    #[test]
    fn bandwidth_in_all_is_shared() {
        let (quotas, start) = quotas(Limits { bytes_per_second: 1000, ..Limits::default() });
        assert!(quotas.take("alice").unwrap().may_relay(start, 1000));
        assert!(!quotas.take("bob").unwrap().may_relay(start, 1));
    }
}
