//! Rate limits (GCRA), kept per node.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::Limits;
use crate::domain::ids::UserId;
use crate::domain::refusal::{Refusal, Result};

/// Calls one person may start a minute.
const CALLS_PER_MINUTE: u32 = 20;

/// Joins of one identity in one room a minute: clients that start over wait longer from time to time.
const JOINS_PER_MINUTE: u32 = 60;

/// Everything that is counted per person or address.
pub struct RateLimits {
    sends: Limiter<UserId>,
    requests: Limiter<UserId>,
    sign_ins: Limiter<IpAddr>,
    /// Guesses at one name from anywhere: slower than per address, so that a crowd gains nothing.
    names: Limiter<String>,
    typing: Limiter<UserId>,
    look_ups: Limiter<UserId>,
    calls: Limiter<UserId>,
    /// By room and identity.
    joins: Limiter<(String, String)>,
}

struct Limiter<K: Clone + Eq + Hash>(DefaultKeyedRateLimiter<K>);

impl RateLimits {
    pub fn new(limits: &Limits) -> RateLimits {
        RateLimits {
            sends: Limiter::new(per_second(limits.sends_per_second), limits.sends_burst),
            requests: Limiter::new(
                per_second(limits.requests_per_second),
                limits.requests_per_second * 4,
            ),
            sign_ins: Limiter::new(
                per_minute(limits.sign_ins_per_minute),
                limits.sign_ins_per_minute,
            ),
            names: Limiter::new(per_minute(limits.sign_ins_per_minute), limits.sign_ins_per_minute),
            typing: Limiter::new(per_minute(30), 2),
            look_ups: Limiter::new(per_minute(60), 60),
            calls: Limiter::new(per_minute(CALLS_PER_MINUTE), CALLS_PER_MINUTE),
            joins: Limiter::new(per_minute(JOINS_PER_MINUTE), JOINS_PER_MINUTE),
        }
    }

    pub fn send(&self, user: UserId) -> Result<()> {
        self.sends.check("sends", &user)
    }

    pub fn request(&self, user: UserId) -> Result<()> {
        self.requests.check("requests", &user)
    }

    pub fn sign_in(&self, from: IpAddr, name: &str) -> Result<()> {
        self.sign_ins.check("sign_ins", &from)?;
        self.names.check("sign_ins", &crate::domain::text::name_key(name))
    }

    pub fn register(&self, from: IpAddr) -> Result<()> {
        self.sign_ins.check("registrations", &from)
    }

    pub fn typing(&self, user: UserId) -> Result<()> {
        self.typing.check("typing", &user)
    }

    /// Searching for people, so that names cannot be harvested.
    pub fn look_up(&self, user: UserId) -> Result<()> {
        self.look_ups.check("look_ups", &user)
    }

    /// Starting calls, so that nobody can make a telephone ring without end.
    pub fn call(&self, user: UserId) -> Result<()> {
        self.calls.check("calls", &user)
    }

    /// Coming into a room, of which everybody there hears.
    pub fn join(&self, room: &str, identity: &str) -> Result<()> {
        self.joins.check("joins", &(room.to_owned(), identity.to_owned()))
    }

    /// Forgets keys that have recovered; called now and then, so that memory follows the recent callers.
    pub fn forget_idle(&self) {
        self.sends.0.retain_recent();
        self.requests.0.retain_recent();
        self.sign_ins.0.retain_recent();
        self.names.0.retain_recent();
        self.typing.0.retain_recent();
        self.look_ups.0.retain_recent();
        self.calls.0.retain_recent();
        self.joins.0.retain_recent();
    }
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    fn new(quota: Quota, burst: u32) -> Limiter<K> {
        Limiter(RateLimiter::keyed(quota.allow_burst(positive(burst))))
    }

    fn check(&self, what: &'static str, key: &K) -> Result<()> {
        self.0.check_key(key).map_err(|until| {
            metrics::counter!("beckon_limited_total", "what" => what).increment(1);
            let wait = until.wait_time_from(DefaultClock::default().now());
            Refusal::slow_down(wait.as_millis() as u64 + 1)
        })
    }
}

fn per_second(n: u32) -> Quota {
    Quota::per_second(positive(n))
}

fn per_minute(n: u32) -> Quota {
    Quota::per_minute(positive(n))
}

fn positive(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}
