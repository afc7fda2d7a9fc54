//! Rate limits: GCRA for what people do, kept per node, and windows of a minute for tries that guard accounts, which
//! nodes share.

mod tries;

use std::hash::Hash;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

pub use self::tries::Attempt;
use self::tries::{Against, Tries};
use crate::cache::Cache;
use crate::config::Limits;
use crate::domain::ids::{LoginId, UserId};
use crate::domain::network::Network;
use crate::domain::refusal::{Refusal, Result};
use crate::store::logins::Mark;

/// Calls one person may start a minute.
const CALLS_PER_MINUTE: u32 = 20;

/// Joins of one identity in one room a minute: clients that start over wait longer from time to time.
const JOINS_PER_MINUTE: u32 = 60;

/// Wrong passwords from one network, over all names, for each that one name has: an office behind one address.
const NAMES_PER_NETWORK: u32 = 4;

/// And from all networks of a neighbourhood, for each that one of them has; registrations too.
const NETWORKS_PER_NEIGHBOURHOOD: u32 = 8;

/// Refreshes of one network: an office of hundreds whose server was restarted, not a way to keep the store busy.
const REFRESHES_PER_SECOND: u32 = 5;
const REFRESHES_BURST: u32 = 200;

/// Everything that is counted per person or network; an address alone is nothing to count by, see [`Network`].
pub struct RateLimits {
    sends: Limiter<UserId>,
    requests: Limiter<UserId>,
    refreshes: Limiter<Network>,
    tries: Tries,
    /// Registrations of one network a minute, and wrong passwords for one name from it.
    tries_most: u32,
    touches: Limiter<LoginId>,
    typing: Limiter<UserId>,
    look_ups: Limiter<UserId>,
    calls: Limiter<UserId>,
    /// By room and identity.
    joins: Limiter<(String, String)>,
}

struct Limiter<K: Clone + Eq + Hash>(DefaultKeyedRateLimiter<K>);

impl RateLimits {
    pub fn new(limits: &Limits, cache: Cache) -> RateLimits {
        RateLimits {
            sends: Limiter::new(per_second(limits.sends_per_second), limits.sends_burst),
            requests: Limiter::new(
                per_second(limits.requests_per_second),
                limits.requests_per_second * 4,
            ),
            refreshes: Limiter::new(per_second(REFRESHES_PER_SECOND), REFRESHES_BURST),
            tries: Tries::new(cache),
            tries_most: limits.sign_ins_per_minute,
            touches: Limiter::new(per_minute(1), 1),
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

    /// A try of a password for a name by somebody unknown. It counts until it is forgiven: against the name at this
    /// network, which nobody elsewhere feels, and against the network and those around it.
    pub async fn sign_in(&self, from: Network, name: &str) -> Result<Attempt> {
        let from_here = self.tries_most.saturating_mul(NAMES_PER_NETWORK);
        let from_around = from_here.saturating_mul(NETWORKS_PER_NEIGHBOURHOOD);
        let against = [
            Against::new("name", format_args!("{from} {name}"), self.tries_most),
            Against::new("from", from, from_here),
            Against::new("around", from.around(), from_around),
        ];
        self.tries.count("sign_ins", &against).await
    }

    /// A try at a device or network from which this person has signed in before.
    pub async fn known_sign_in(&self, user: UserId, mark: Mark) -> Result<Attempt> {
        let known = Against::new("known", format_args!("{user} {mark:?}"), self.tries_most);
        self.tries.count("sign_ins", &[known]).await
    }

    /// A registration, which is never forgiven.
    pub async fn register(&self, from: Network) -> Result<()> {
        let around = self.tries_most.saturating_mul(NETWORKS_PER_NEIGHBOURHOOD);
        let against = [
            Against::new("registering", from, self.tries_most),
            Against::new("registering around", from.around(), around),
        ];
        self.tries.count("registrations", &against).await.map(drop)
    }

    pub fn refresh(&self, from: Network) -> Result<()> {
        self.refreshes.check("refreshes", &from)
    }

    /// Whether it is time to note the last use of a login.
    pub fn touch(&self, login: LoginId) -> bool {
        self.touches.0.check_key(&login).is_ok()
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
        self.refreshes.0.retain_recent();
        self.touches.0.retain_recent();
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
            count(what);
            let wait = until.wait_time_from(DefaultClock::default().now());
            Refusal::slow_down(wait.as_millis() as u64 + 1)
        })
    }
}

fn count(what: &'static str) {
    metrics::counter!("beckon_limited_total", "what" => what).increment(1);
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
