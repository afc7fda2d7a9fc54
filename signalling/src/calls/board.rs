//! The calls that live on this node: where they were started, or taken up again.

use std::collections::HashMap;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::domain::call::{Call, Parties};
use crate::domain::ids::{CallId, UserId};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::user::User;

/// Calls of one node, those just over among them; one more is refused with `busy`.
pub const CALLS_MAX: usize = 10_000;
/// Signals that the two ends of a call may exchange in a second, in the long run; more get `slow_down`.
const SIGNALS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Signals at once: a renegotiation with all its candidates.
const SIGNALS_BURST: NonZeroU32 = NonZeroU32::new(200).unwrap();

#[derive(Default)]
pub(super) struct Board {
    calls: HashMap<CallId, Entry>,
    /// Who is in a live call.
    live_of: HashMap<UserId, CallId>,
}

pub(super) struct Entry {
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

impl Board {
    pub(super) fn insert(&mut self, call: Call, people: People) -> Result<&mut Entry> {
        if self.calls.len() >= CALLS_MAX {
            metrics::counter!("beckon_limited_total", "what" => "calls").increment(1);
            return Err(Code::Busy.into());
        }
        let id = call.parties.call_id;
        if self.calls.contains_key(&id) {
            return Err(Code::CallOver.into()); // live ones were found before
        }
        self.live_of.insert(call.parties.caller, id);
        if !call.in_vain {
            self.live_of.insert(call.parties.callee, id);
        }
        let signals =
            RateLimiter::direct(Quota::per_second(SIGNALS_PER_SECOND).allow_burst(SIGNALS_BURST));
        let entry = Entry { call, people, signals };
        Ok(self.calls.entry(id).insert_entry(entry).into_mut())
    }

    pub(super) fn get_mut(&mut self, id: CallId) -> Option<&mut Entry> {
        self.calls.get_mut(&id)
    }

    /// The live call somebody is in.
    pub(super) fn live_of(&self, user: UserId) -> Option<&Call> {
        Some(&self.calls.get(self.live_of.get(&user)?)?.call)
    }

    /// Whose call has this id, be it live or just over.
    pub(super) fn parties_of(&self, id: CallId) -> Option<Parties> {
        Some(self.calls.get(&id)?.call.parties)
    }

    pub(super) fn is_live(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|entry| entry.call.is_live())
    }

    pub(super) fn ids(&self) -> Vec<CallId> {
        self.calls.keys().copied().collect()
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().map(|entry| &entry.call).filter(|call| call.is_live())
    }

    /// The call has ended: both may be in another one.
    pub(super) fn release(&mut self, id: CallId) {
        let Some(Entry { call, .. }) = self.calls.get(&id) else { return };
        for user in [call.parties.caller, call.parties.callee] {
            if self.live_of.get(&user) == Some(&id) {
                self.live_of.remove(&user);
            }
        }
    }

    pub(super) fn forget(&mut self, id: CallId) {
        self.calls.remove(&id);
    }
}

impl Entry {
    pub(super) fn count_signal(&self) -> Result<()> {
        self.signals.check().map_err(|until| {
            metrics::counter!("beckon_limited_total", "what" => "signals").increment(1);
            let wait = until.wait_time_from(DefaultClock::default().now());
            Refusal::slow_down(wait.as_millis() as u64 + 1)
        })
    }
}
