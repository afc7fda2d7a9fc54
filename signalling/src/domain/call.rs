//! A one-to-one call: it rings, it is active, it is over. Pure: time and inputs go in, effects come out.

use serde::{Deserialize, Serialize};

use super::ids::{CallId, ConversationId, SocketId, UserId};
use super::message::{CallMedia, CallOutcome};
use super::refusal::Code;

/// A call nobody has answered for this long is missed.
pub const ANSWER_WITHIN_MS: i64 = 45_000;
/// A party whose socket has been gone for this long has left the call.
pub const SOCKET_GRACE_MS: i64 = 20_000;
/// A call that has ended is remembered for this long, so that frames under way hear `call_over`, not `not_found`.
pub const REMEMBER_OVER_MS: i64 = 60_000;

impl CallOutcome {
    /// The word used on the wire and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            CallOutcome::Completed => "completed",
            CallOutcome::Declined => "declined",
            CallOutcome::Busy => "busy",
            CallOutcome::Cancelled => "cancelled",
            CallOutcome::Missed => "missed",
            CallOutcome::Lost => "lost",
        }
    }
}

/// Who calls whom: enough to tell whether two calls are about the same two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parties {
    pub call_id: CallId,
    pub caller: UserId,
    pub callee: UserId,
}

impl Parties {
    /// Whether `user` is one of the two.
    pub fn includes(&self, user: UserId) -> bool {
        user == self.caller || user == self.callee
    }
}

/// What becomes of a wish to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Both are free: ring.
    Ring,
    /// The caller's own frame again, after a break: the call is there already.
    Again,
    /// Both call each other: this is the answer to the call that came first.
    Meet(CallId),
    /// The callee talks to somebody else: over before it rang.
    Busy,
}

/// Decides what becomes of `wish`, given the live calls that its two people are in.
pub fn open(
    wish: &Parties,
    caller_in: Option<&Snapshot>,
    callee_in: Option<&Snapshot>,
) -> Result<Opening, Code> {
    match (caller_in, callee_in) {
        (Some(live), _) if live.parties == *wish => Ok(Opening::Again),
        (Some(live), _) if live.rings(wish.callee, wish.caller) => {
            Ok(Opening::Meet(live.parties.call_id))
        }
        (Some(_), _) => Err(Code::InCall),
        (None, Some(_)) => Ok(Opening::Busy),
        (None, None) => Ok(Opening::Ring),
    }
}

/// Something that happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A person does something, from one of their sockets.
    Act { user: UserId, socket: SocketId, act: Act },
    /// A socket has broken; it may be resumed.
    SocketGone(SocketId),
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
pub enum Act {
    Accept,
    Decline,
    Hangup,
    /// Send SDP, a candidate or a media state to the other; its content is none of our business.
    Signal,
}

/// What has to be done about an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell all sockets of both that the call was answered.
    TellAccepted,
    /// Hand the signal to the other party's socket.
    Relay(SocketId),
    /// Free both for other calls, tell all their sockets, and write the record: once a call, and always.
    End(Ending),
    /// Nobody will ask for this call any more.
    Forget,
}

/// How a call ended, and who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
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
    state: State,
}

/// A live call as it looks from outside, on this node or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub parties: Parties,
    pub conversation_id: ConversationId,
    pub media: CallMedia,
    pub started_at: i64,
    pub accepted_at: Option<i64>,
    /// The socket the caller talks from.
    pub caller_socket: SocketId,
    /// The socket the callee answered from.
    pub callee_socket: Option<SocketId>,
}

impl Snapshot {
    /// The socket that carries the call for `user`.
    pub fn carrier_of(&self, user: UserId) -> Option<SocketId> {
        if user == self.parties.caller { Some(self.caller_socket) } else { self.callee_socket }
    }

    fn rings(&self, caller: UserId, callee: UserId) -> bool {
        self.accepted_at.is_none() && self.parties.caller == caller && self.parties.callee == callee
    }

    /// All sockets that carry the call.
    pub fn carriers(&self) -> impl Iterator<Item = SocketId> + use<> {
        std::iter::once(self.caller_socket).chain(self.callee_socket)
    }
}

#[derive(Clone, Debug)]
enum State {
    Ringing { caller: Leg },
    Active { caller: Leg, callee: Leg, accepted_at: i64 },
    Over { forget_at: i64 },
}

/// The socket that carries the call for one of the two.
#[derive(Clone, Copy, Debug)]
struct Leg {
    socket: SocketId,
    /// When it counts as lost; none while it is known to be there.
    lost_at: Option<i64>,
}

impl Leg {
    fn new(socket: SocketId) -> Leg {
        Leg { socket, lost_at: None }
    }

    fn is_lost(&self, now: i64) -> bool {
        self.lost_at.is_some_and(|at| now >= at)
    }
}

impl Call {
    /// A call begins to ring; `socket` is the one the caller talks from.
    pub fn ring(
        parties: Parties,
        conversation_id: ConversationId,
        media: CallMedia,
        socket: SocketId,
        now: i64,
    ) -> Call {
        let state = State::Ringing { caller: Leg::new(socket) };
        Call { parties, conversation_id, media, started_at: now, state }
    }

    /// Applies one input; a refused one changes nothing. `NotFound` also answers those whose call it is not,
    /// `CallOver` also another device of the person who has answered.
    pub fn handle(&mut self, now: i64, input: Input) -> Result<Vec<Effect>, Code> {
        match input {
            Input::Act { user, .. } if !self.parties.includes(user) => Err(Code::NotFound),
            Input::Act { user, socket, act } => match act {
                Act::Accept => self.accept(now, user, socket),
                Act::Decline => self.decline(now, user),
                Act::Hangup => self.hangup(now, user),
                Act::Signal => self.signal(user, socket),
            },
            Input::SocketGone(socket) => Ok(self.watch(socket, |leg| {
                let at = now + SOCKET_GRACE_MS;
                leg.lost_at = Some(leg.lost_at.map_or(at, |earlier| earlier.min(at)));
            })),
            Input::SocketBack(socket) => Ok(self.watch(socket, |leg| leg.lost_at = None)),
            Input::SocketSeen(socket) => {
                Ok(self.watch(socket, |leg| leg.lost_at = Some(now + SOCKET_GRACE_MS)))
            }
            Input::Tick => Ok(self.tick(now)),
            Input::NodeStops if self.is_live() => Ok(self.end(now, CallOutcome::Lost, None)),
            Input::NodeStops => Ok(vec![]),
        }
    }

    /// The call goes on as a group call: nobody hears of an end, and nothing is written here.
    pub fn hand_on(&mut self, now: i64, user: UserId) -> Result<(), Code> {
        self.active_for(user)?;
        self.state = State::Over { forget_at: now + REMEMBER_OVER_MS };
        Ok(())
    }

    /// The answered call as one of its two may hand it on.
    pub fn active_for(&self, user: UserId) -> Result<Snapshot, Code> {
        match (&self.state, self.snapshot()) {
            _ if !self.parties.includes(user) => Err(Code::NotFound),
            (State::Active { .. }, Some(call)) => Ok(call),
            (State::Ringing { .. }, _) => Err(Code::Denied),
            _ => Err(Code::CallOver),
        }
    }

    /// Whether it rings or is active.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, State::Over { .. })
    }

    /// What everybody may know of it, while it is live.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let (caller_socket, callee_socket) = match &self.state {
            State::Ringing { caller } => (caller.socket, None),
            State::Active { caller, callee, .. } => (caller.socket, Some(callee.socket)),
            State::Over { .. } => return None,
        };
        Some(Snapshot {
            parties: self.parties,
            conversation_id: self.conversation_id,
            media: self.media,
            started_at: self.started_at,
            accepted_at: self.accepted_at(),
            caller_socket,
            callee_socket,
        })
    }

    fn accepted_at(&self) -> Option<i64> {
        match self.state {
            State::Active { accepted_at, .. } => Some(accepted_at),
            State::Ringing { .. } | State::Over { .. } => None,
        }
    }

    fn accept(&mut self, now: i64, user: UserId, socket: SocketId) -> Result<Vec<Effect>, Code> {
        if user != self.parties.callee {
            return Err(Code::Denied);
        }
        match &self.state {
            State::Ringing { caller } => {
                let (caller, callee) = (*caller, Leg::new(socket));
                self.state = State::Active { caller, callee, accepted_at: now };
                Ok(vec![Effect::TellAccepted])
            }
            // The same frame again after a break: the answer stands.
            State::Active { callee, .. } if callee.socket == socket => Ok(vec![]),
            State::Active { .. } | State::Over { .. } => Err(Code::CallOver),
        }
    }

    fn decline(&mut self, now: i64, user: UserId) -> Result<Vec<Effect>, Code> {
        if user != self.parties.callee {
            return Err(Code::Denied);
        }
        match self.state {
            State::Ringing { .. } => Ok(self.end(now, CallOutcome::Declined, Some(user))),
            State::Active { .. } | State::Over { .. } => Err(Code::CallOver),
        }
    }

    /// Any device of either may hang up: after a reload the carrying socket is no longer theirs to speak from.
    fn hangup(&mut self, now: i64, user: UserId) -> Result<Vec<Effect>, Code> {
        let outcome = match self.state {
            State::Ringing { .. } if user == self.parties.caller => CallOutcome::Cancelled,
            State::Ringing { .. } => CallOutcome::Declined,
            State::Active { .. } => CallOutcome::Completed,
            State::Over { .. } => return Err(Code::CallOver),
        };
        Ok(self.end(now, outcome, Some(user)))
    }

    fn signal(&self, user: UserId, socket: SocketId) -> Result<Vec<Effect>, Code> {
        let State::Active { caller, callee, .. } = &self.state else {
            return Err(if self.is_live() { Code::Denied } else { Code::CallOver });
        };
        let Parties { caller: caller_id, callee: callee_id, .. } = self.parties;
        if user == caller_id && socket == caller.socket {
            Ok(vec![Effect::Relay(callee.socket)])
        } else if user == callee_id && socket == callee.socket {
            Ok(vec![Effect::Relay(caller.socket)])
        } else {
            Err(Code::Denied)
        }
    }

    fn watch(&mut self, socket: SocketId, change: impl FnOnce(&mut Leg)) -> Vec<Effect> {
        let leg = match &mut self.state {
            State::Ringing { caller } | State::Active { caller, .. } if caller.socket == socket => {
                Some(caller)
            }
            State::Active { callee, .. } if callee.socket == socket => Some(callee),
            _ => None,
        };
        if let Some(leg) = leg {
            change(leg);
        }
        vec![]
    }

    fn tick(&mut self, now: i64) -> Vec<Effect> {
        match &self.state {
            State::Ringing { caller } if caller.is_lost(now) => {
                self.end(now, CallOutcome::Cancelled, Some(self.parties.caller))
            }
            State::Ringing { .. } if now >= self.started_at + ANSWER_WITHIN_MS => {
                self.end(now, CallOutcome::Missed, None)
            }
            State::Active { caller, callee, .. } if caller.is_lost(now) || callee.is_lost(now) => {
                self.end(now, CallOutcome::Lost, None)
            }
            State::Over { forget_at } if now >= *forget_at => vec![Effect::Forget],
            _ => vec![],
        }
    }

    fn end(&mut self, now: i64, outcome: CallOutcome, by: Option<UserId>) -> Vec<Effect> {
        let duration_ms = self.accepted_at().map(|at| (now - at).max(0));
        self.state = State::Over { forget_at: now + REMEMBER_OVER_MS };
        vec![Effect::End(Ending { outcome, by, duration_ms })]
    }
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
