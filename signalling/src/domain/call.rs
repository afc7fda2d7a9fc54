//! A one-to-one call: it rings, it is active, it is over. Pure: time and inputs go in, effects come out.

mod fact;
mod leg;
mod opening;

use serde::{Deserialize, Serialize};

use self::leg::Leg;
use super::call_record::{CallMedia, CallOutcome};
use super::ids::{ConversationId, SocketId, UserId};
use super::moment::Moment;
use super::refusal::Code;

pub use self::fact::{CallFact, FACT_LIFE_MS};
pub use self::opening::{Opening, Parties, Snapshot, open};

/// A call nobody has answered for this long is missed.
pub const ANSWER_WITHIN_MS: i64 = 45_000;
/// A party whose socket has been broken for this long has left the call.
pub const SOCKET_GRACE_MS: i64 = 20_000;
/// A party whose page has been gone for this long has left the call: long enough to load it anew on a slow line.
pub const PAGE_GRACE_MS: i64 = 15_000;
/// After a call was taken up again by one of the two, the other has this long to come back: clients wait up to 20 s
/// between two tries to connect.
pub const RETURN_WITHIN_MS: i64 = 30_000;
/// A call that has ended is remembered for this long, so that frames under way hear `call_over`, not `not_found`.
pub const REMEMBER_OVER_MS: i64 = 60_000;

/// Something that happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallInput {
    /// A person does something, from one of their sockets.
    Act { user: UserId, socket: SocketId, act: CallAct },
    /// A socket has broken; it may be resumed.
    SocketGone(SocketId),
    /// A socket is gone for good, with its page.
    SocketClosed(SocketId),
    /// A broken socket was resumed.
    SocketBack(SocketId),
    /// The node that holds this socket vouches for it for the next [`SOCKET_GRACE_MS`].
    SocketSeen(SocketId),
    /// Time has passed.
    Tick,
    /// The node that holds the call stops.
    NodeStops,
}

/// What a person may do in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallAct {
    Accept,
    Decline,
    Hangup,
    /// Send SDP, a candidate or a media state to the other; its content is none of our business.
    Signal,
    /// Carry an answered call on from this socket, with the media connection of this number if it is still there.
    Resume {
        connection: Option<u32>,
    },
}

/// What has to be done about an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEffect {
    /// Tell all sockets of both that the call was answered.
    TellAccepted,
    /// Tell both carrying sockets that both are there again, and which media connection is theirs.
    TellResumed,
    /// Tell this socket, which carried the call, that another one of its person does now.
    TellTaken(SocketId),
    /// Tell this socket that the other one's page is gone, and may be back.
    TellAway(SocketId),
    /// Hand the signal to the other party's socket.
    Relay(SocketId),
    /// Free both for other calls, tell all their sockets, and write the record: once a call, and always.
    End(CallEnding),
    /// Nobody will ask for this call any more.
    Forget,
}

/// How a call ended, and who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallEnding {
    pub outcome: CallOutcome,
    pub by: Option<UserId>,
    /// From the answer on; none if nobody answered.
    pub duration_ms: Option<i64>,
}

/// One call, from the first ring until it is forgotten.
#[derive(Clone, Debug)]
pub struct Call {
    pub parties: Parties,
    pub conversation_id: ConversationId,
    pub media: CallMedia,
    pub started_at: i64,
    /// The callee has blocked the caller: it rings for the caller alone, as if nobody were there.
    pub in_vain: bool,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Ringing { caller: Leg, missed_at: i64 },
    Active(Active),
    Over { forget_at: i64 },
}

#[derive(Clone, Debug)]
struct Active {
    caller: Leg,
    callee: Leg,
    /// What the wall clock said when it was answered.
    accepted_at: i64,
    /// The same in ticks, to tell how long it lasted.
    since: i64,
    /// Counts the media connections that the two have had.
    connections: u32,
}

impl Call {
    /// A call begins to ring; `socket` is the one the caller talks from.
    pub fn ring(
        parties: Parties,
        conversation_id: ConversationId,
        media: CallMedia,
        socket: SocketId,
        now: Moment,
    ) -> Call {
        let missed_at = now.ticks + ANSWER_WITHIN_MS;
        let state = State::Ringing { caller: Leg::new(socket, None), missed_at };
        let (started_at, in_vain) = (now.wall, false);
        Call { parties, conversation_id, media, started_at, in_vain, state }
    }

    /// An answered call that another process knew. Both have yet to come back.
    pub fn taken_up(fact: &CallFact, now: Moment) -> Call {
        let lasted = (now.wall - fact.accepted_at).max(0);
        let state = State::Active(Active {
            caller: Leg::expected(now.ticks),
            callee: Leg::expected(now.ticks),
            accepted_at: fact.accepted_at,
            since: now.ticks - lasted,
            connections: 0,
        });
        let CallFact { parties, conversation_id, media, started_at, .. } = *fact;
        Call { parties, conversation_id, media, started_at, in_vain: false, state }
    }

    /// Applies one input; a refused one changes nothing. `NotFound` also answers those whose call it is not,
    /// `CallOver` also another device of the person who has answered.
    pub fn handle(&mut self, now: Moment, input: CallInput) -> Result<Vec<CallEffect>, Code> {
        let ticks = now.ticks;
        match input {
            CallInput::Act { user, .. } if !self.is_known_to(user) => Err(Code::NotFound),
            CallInput::Act { user, socket, act } => match act {
                CallAct::Accept => self.accept(now, user, socket),
                CallAct::Decline => self.decline(ticks, user),
                CallAct::Hangup => self.hangup(ticks, user),
                CallAct::Signal => self.signal(user, socket),
                CallAct::Resume { connection } => self.resume(user, socket, connection),
            },
            CallInput::SocketGone(socket) => Ok(self.watch(socket, |leg| leg.break_line(ticks))),
            CallInput::SocketClosed(socket) => Ok(self.page_closed(ticks, socket)),
            CallInput::SocketBack(socket) => Ok(self.watch(socket, Leg::mend_line)),
            CallInput::SocketSeen(socket) => {
                Ok(self.watch(socket, |leg| leg.is_vouched_for(ticks)))
            }
            CallInput::Tick => Ok(self.tick(ticks)),
            CallInput::NodeStops => match self.state {
                State::Ringing { .. } => Ok(self.end(ticks, CallOutcome::Lost, None)),
                State::Active(_) | State::Over { .. } => Ok(vec![]),
            },
        }
    }

    /// The call goes on as a group call: nobody hears of an end, and nothing is written here.
    pub fn hand_on(&mut self, now: Moment, user: UserId) -> Result<(), Code> {
        self.active_for(user)?;
        self.state = State::Over { forget_at: now.ticks + REMEMBER_OVER_MS };
        Ok(())
    }

    /// The call cannot go on, because one of its two has gone on to another.
    pub fn give_up(&mut self, now: Moment) -> CallEnding {
        self.over(now.ticks, CallOutcome::Lost, None)
    }

    /// The answered call as one of its two may hand it on.
    pub fn active_for(&self, user: UserId) -> Result<Snapshot, Code> {
        match (&self.state, self.snapshot()) {
            _ if !self.parties.includes(user) => Err(Code::NotFound),
            (State::Active(_), Some(call)) => Ok(call),
            (State::Ringing { .. }, _) => Err(Code::Denied),
            _ => Err(Code::CallOver),
        }
    }

    /// Whether it is somebody's call, as far as they may know.
    pub fn is_known_to(&self, user: UserId) -> bool {
        user == self.parties.caller || (user == self.parties.callee && !self.in_vain)
    }

    /// Whether it rings or is active.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, State::Over { .. })
    }

    /// What everybody may know of it, while it is live.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let (caller_socket, callee_socket) = match &self.state {
            State::Ringing { caller, .. } => (caller.socket, None),
            State::Active(active) => (active.caller.socket, active.callee.socket),
            State::Over { .. } => return None,
        };
        let active = self.active();
        Some(Snapshot {
            parties: self.parties,
            conversation_id: self.conversation_id,
            media: self.media,
            started_at: self.started_at,
            accepted_at: active.map(|active| active.accepted_at),
            caller_socket,
            callee_socket,
            connection: active.map(|active| active.connections),
            in_vain: self.in_vain,
        })
    }

    fn active(&self) -> Option<&Active> {
        match &self.state {
            State::Active(active) => Some(active),
            State::Ringing { .. } | State::Over { .. } => None,
        }
    }

    fn accept(
        &mut self,
        now: Moment,
        user: UserId,
        socket: SocketId,
    ) -> Result<Vec<CallEffect>, Code> {
        if user != self.parties.callee {
            return Err(Code::Denied);
        }
        match &self.state {
            State::Ringing { caller, .. } => {
                let mut caller = *caller;
                caller.connection = Some(1);
                let callee = Leg::new(socket, Some(1));
                let (accepted_at, since, connections) = (now.wall, now.ticks, 1);
                let active = Active { caller, callee, accepted_at, since, connections };
                self.state = State::Active(active);
                Ok(vec![CallEffect::TellAccepted])
            }
            // The same frame again after a break: the answer stands.
            State::Active(active) if active.callee.socket == Some(socket) => Ok(vec![]),
            State::Active(_) | State::Over { .. } => Err(Code::CallOver),
        }
    }

    fn decline(&mut self, now: i64, user: UserId) -> Result<Vec<CallEffect>, Code> {
        if user != self.parties.callee {
            return Err(Code::Denied);
        }
        match self.state {
            State::Ringing { .. } => Ok(self.end(now, CallOutcome::Declined, Some(user))),
            State::Active(_) | State::Over { .. } => Err(Code::CallOver),
        }
    }

    /// Any device of either may hang up: after a reload the carrying socket is no longer theirs to speak from.
    fn hangup(&mut self, now: i64, user: UserId) -> Result<Vec<CallEffect>, Code> {
        let outcome = match self.state {
            State::Ringing { .. } if user == self.parties.caller => CallOutcome::Cancelled,
            State::Ringing { .. } => CallOutcome::Declined,
            State::Active(_) => CallOutcome::Completed,
            State::Over { .. } => return Err(Code::CallOver),
        };
        Ok(self.end(now, outcome, Some(user)))
    }

    /// What cannot be delivered now may be sent again once both are there.
    fn signal(&self, user: UserId, socket: SocketId) -> Result<Vec<CallEffect>, Code> {
        let Some(active) = self.active() else {
            return Err(if self.is_live() { Code::Denied } else { Code::CallOver });
        };
        let (mine, other) = match user == self.parties.caller {
            true => (&active.caller, &active.callee),
            false => (&active.callee, &active.caller),
        };
        match other.socket {
            _ if mine.socket != Some(socket) => Err(Code::Denied),
            Some(to) if other.is_present() => Ok(vec![CallEffect::Relay(to)]),
            _ => Err(Code::Unavailable),
        }
    }

    fn resume(
        &mut self,
        user: UserId,
        socket: SocketId,
        connection: Option<u32>,
    ) -> Result<Vec<CallEffect>, Code> {
        let active = match &mut self.state {
            State::Active(active) => active,
            State::Ringing { .. } => return Err(Code::Denied),
            State::Over { .. } => return Err(Code::CallOver),
        };
        let (mine, other) = match user == self.parties.caller {
            true => (&mut active.caller, &mut active.callee),
            false => (&mut active.callee, &mut active.caller),
        };
        let former = std::mem::replace(mine, Leg::new(socket, connection));
        let taken = former.socket.filter(|former| *former != socket).map(CallEffect::TellTaken);
        active.connections = active.connections.max(connection.unwrap_or_default());
        if !other.is_present() {
            return Ok(taken.into_iter().collect());
        }
        if connection.is_none() || connection != other.connection {
            active.connections = active.connections.saturating_add(1);
        }
        let agreed = Some(active.connections);
        (mine.connection, other.connection) = (agreed, agreed);
        Ok(taken.into_iter().chain([CallEffect::TellResumed]).collect())
    }

    fn page_closed(&mut self, now: i64, socket: SocketId) -> Vec<CallEffect> {
        let mut news = false;
        self.watch(socket, |leg| news = leg.leave_page(now));
        let Some(active) = self.active().filter(|_| news) else { return vec![] };
        let gone = |leg: &Leg| leg.socket == Some(socket);
        let other = if gone(&active.caller) { &active.callee } else { &active.caller };
        other.socket.filter(|_| other.is_present()).map(CallEffect::TellAway).into_iter().collect()
    }

    fn watch(&mut self, socket: SocketId, change: impl FnOnce(&mut Leg)) -> Vec<CallEffect> {
        let legs = match &mut self.state {
            State::Ringing { caller, .. } => [Some(caller), None],
            State::Active(Active { caller, callee, .. }) => [Some(caller), Some(callee)],
            State::Over { .. } => [None, None],
        };
        if let Some(leg) = legs.into_iter().flatten().find(|leg| leg.socket == Some(socket)) {
            change(leg);
        }
        vec![]
    }

    fn tick(&mut self, now: i64) -> Vec<CallEffect> {
        match &self.state {
            State::Ringing { caller, .. } if caller.is_lost(now) => {
                self.end(now, CallOutcome::Cancelled, Some(self.parties.caller))
            }
            State::Ringing { missed_at, .. } if now >= *missed_at => {
                self.end(now, CallOutcome::Missed, None)
            }
            State::Active(Active { caller, callee, .. })
                if caller.is_lost(now) || callee.is_lost(now) =>
            {
                self.end(now, CallOutcome::Lost, None)
            }
            State::Over { forget_at } if now >= *forget_at => vec![CallEffect::Forget],
            _ => vec![],
        }
    }

    fn end(&mut self, now: i64, outcome: CallOutcome, by: Option<UserId>) -> Vec<CallEffect> {
        vec![CallEffect::End(self.over(now, outcome, by))]
    }

    fn over(&mut self, now: i64, outcome: CallOutcome, by: Option<UserId>) -> CallEnding {
        let duration_ms = self.active().map(|active| (now - active.since).max(0));
        self.state = State::Over { forget_at: now + REMEMBER_OVER_MS };
        CallEnding { outcome, by, duration_ms }
    }
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
