//! Who calls whom, and what becomes of a wish to call.

use serde::{Deserialize, Serialize};

use crate::domain::call_record::CallMedia;
use crate::domain::ids::{CallId, ConversationId, SocketId, UserId};
use crate::domain::refusal::Code;

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

    /// The other of the two.
    pub fn other_than(&self, user: UserId) -> UserId {
        if user == self.caller { self.callee } else { self.caller }
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

/// A live call as it looks from outside, on this node or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub parties: Parties,
    pub conversation_id: ConversationId,
    pub media: CallMedia,
    pub started_at: i64,
    pub accepted_at: Option<i64>,
    /// The socket the caller talks from; none while they have not come back to a call that was taken up again.
    pub caller_socket: Option<SocketId>,
    /// The socket the callee answered from.
    pub callee_socket: Option<SocketId>,
    /// Which media connection the two have, counted from 1; none before the answer.
    #[serde(default)]
    pub connection: Option<u32>,
    /// The callee has blocked the caller: it rings for the caller alone.
    #[serde(default)]
    pub in_vain: bool,
}

impl Snapshot {
    /// The socket that carries the call for `user`.
    pub fn carrier_of(&self, user: UserId) -> Option<SocketId> {
        if user == self.parties.caller { self.caller_socket } else { self.callee_socket }
    }

    fn rings(&self, caller: UserId, callee: UserId) -> bool {
        self.accepted_at.is_none()
            && !self.in_vain
            && self.parties.caller == caller
            && self.parties.callee == callee
    }

    /// Those who may know of the call.
    pub fn knowing(&self) -> Vec<UserId> {
        let Parties { caller, callee, .. } = self.parties;
        if self.in_vain { vec![caller] } else { vec![caller, callee] }
    }

    /// All sockets that carry the call.
    pub fn carriers(&self) -> impl Iterator<Item = SocketId> + use<> {
        self.caller_socket.into_iter().chain(self.callee_socket)
    }
}
