//! Limits answers to unauthenticated clients by source network: their source addresses may be forged, and then the answers
//! hit a third party.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Networks are counted in this many slots, whatever their number. Which ones share a slot cannot be told from outside.
const PLACES: usize = 8192;

/// Bits of a network: what one site or subscriber usually has.
const V4_PREFIX: u32 = 24;
const V6_PREFIX: u32 = 48;

/// One budget of answers per network.
#[derive(Debug)]
pub(crate) struct Strangers {
    hasher: RandomState,
    started: Instant,
    interval: Duration,
    burst: Duration,
    /// When what a place has used up will have come back (GCRA), since the start.
    used_up: Box<[Duration]>,
}

impl Strangers {
    pub(crate) fn new(now: Instant, per_second: u32, burst: u32) -> Strangers {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Strangers {
            hasher: RandomState::new(),
            started: now,
            interval,
            burst: interval * burst.max(1),
            used_up: vec![Duration::ZERO; PLACES].into(),
        }
    }

    /// Whether a stranger there is answered now.
    pub(crate) fn may_answer(&mut self, now: Instant, source: IpAddr) -> bool {
        let now = now.saturating_duration_since(self.started);
        let place = self.hasher.hash_one(network(source)) as usize % PLACES;
        let Some(used_up) = self.used_up.get_mut(place) else { return false };
        let next = now.max(*used_up) + self.interval;
        let may = next <= now + self.burst;
        if may {
            *used_up = next;
        }
        may
    }
}

fn network(source: IpAddr) -> u128 {
    match source {
        IpAddr::V4(ip) => u128::from(u32::from(ip) >> (32 - V4_PREFIX)),
        IpAddr::V6(ip) => u128::from(ip) >> (128 - V6_PREFIX) | 1 << 127,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_burst_and_its_rate() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start, 10, 5);
        let mut answered = |ms, ip: &str| {
            strangers.may_answer(start + Duration::from_millis(ms), ip.parse().unwrap())
        };
        for last in 1..=5 {
            assert!(answered(0, &format!("192.0.2.{last}")));
        }
        assert!(!answered(0, "192.0.2.9"), "the network's ration is used up");
        assert!(answered(0, "192.0.3.9"), "another network's is not");
        assert!(!answered(99, "192.0.2.1"));
        assert!(answered(100, "192.0.2.1"));
        assert!(!answered(100, "192.0.2.1"));
        for host in 1..=5 {
            assert!(answered(0, &format!("2001:db8:1:{host}::1")));
        }
        assert!(!answered(0, "2001:db8:1:ffff::1"));
    }

    #[test]
    fn forged_sources_cost_no_memory() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start, 10, 5);
        for source in 0..100_000_u32 {
            strangers.may_answer(start, IpAddr::V4((source << 8).into()));
        }
        assert_eq!(strangers.used_up.len(), PLACES);
    }
}
