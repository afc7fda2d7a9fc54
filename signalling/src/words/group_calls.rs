//! What nodes say to each other about group calls that live on one of them.

use serde::{Deserialize, Serialize};

use crate::domain::group_call::{CallTicket, GroupCallState, MuteSource};
use crate::domain::ids::{CallId, ConversationId, UserId};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupCallWord {
    /// Somebody on the asking node does something about a call that lives on the asked one.
    Ask { request: u64, user: UserId, call_id: CallId, deed: GroupCallDeed },
    /// What became of it, or the code of the refusal.
    Answer { request: u64, done: Result<GroupCallDone, String> },
}

/// What somebody may do about a group call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupCallDeed {
    Join,
    Invite {
        users: Vec<UserId>,
    },
    Decline,
    Mute {
        user: UserId,
        source: MuteSource,
    },
    Remove {
        user: UserId,
    },
    /// Make a group call of the one-to-one call of this id.
    Grow {
        users: Vec<UserId>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupCallDone {
    Nothing,
    Call(GroupCallState),
    Ticket(CallTicket),
}

/// Who joined and left a conversation.
#[derive(Clone, Debug)]
pub struct Membership {
    pub conversation: ConversationId,
    pub joined: Vec<UserId>,
    pub left: Vec<UserId>,
}
