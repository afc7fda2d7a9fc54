//! A call of two people on the board of this node: where it was started, or taken up again.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::board::Entry;
use crate::domain::call::Call;
use crate::domain::ids::{CallId, UserId};
use crate::domain::refusal::{Refusal, Result};
use crate::domain::user::User;

/// Signals that the two ends of a call may exchange in a second, in the long run; more get `slow_down`.
const SIGNALS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Signals at once: a renegotiation with all its candidates.
const SIGNALS_BURST: NonZeroU32 = NonZeroU32::new(200).unwrap();

pub(super) struct CallEntry {
    pub(super) call: Call,
    pub(super) people: People,
    signals: DefaultDirectRateLimiter,
}

/// The two, as they were when it began to ring.
#[derive(Clone)]
pub(super) struct People {
    pub(super) caller: User,
    pub(super) callee: User,
}

impl Entry for CallEntry {
    type Occupied = UserId;
    const MAX: usize = 10_000;
    const KIND: &'static str = "calls";

    fn id(&self) -> CallId {
        self.call.parties.call_id
    }

    fn occupied(&self) -> impl Iterator<Item = UserId> {
        // whoever must not hear of a call may be in another one
        let callee = Some(self.call.parties.callee).filter(|_| !self.call.in_vain);
        [self.call.parties.caller].into_iter().chain(callee)
    }

    fn is_live(&self) -> bool {
        self.call.is_live()
    }
}

impl CallEntry {
    pub(super) fn new(call: Call, people: People) -> CallEntry {
        let quota = Quota::per_second(SIGNALS_PER_SECOND).allow_burst(SIGNALS_BURST);
        CallEntry { call, people, signals: RateLimiter::direct(quota) }
    }

    pub(super) fn count_signal(&self) -> Result<()> {
        self.signals.check().map_err(|until| {
            metrics::counter!("beckon_limited_total", "what" => "signals").increment(1);
            let wait = until.wait_time_from(DefaultClock::default().now());
            Refusal::slow_down(wait.as_millis() as u64 + 1)
        })
    }
}
