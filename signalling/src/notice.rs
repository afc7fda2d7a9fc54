//! Notices: what happened, for the sockets of every node.

use serde::{Deserialize, Serialize};

use crate::domain::frame::Payload;
use crate::domain::ids::{ConversationId, LoginId, SocketId, UserId};
use crate::domain::message::Message;
use crate::words::calls::CallWord;
use crate::words::group_calls::GroupWord;

/// Something that sockets anywhere may have to hear.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// To all members of a conversation.
    Conversation { id: ConversationId, frame: Payload },
    /// To all sockets of some people.
    Users { ids: Vec<UserId>, frame: Payload },
    /// To one socket, wherever it is.
    Socket { id: SocketId, frame: Payload },
    /// To all sockets of one person but one.
    OtherSockets { user: UserId, but: SocketId, frame: Payload },
    /// To one node, about calls.
    Calls(CallWord),
    /// To one node, about group calls.
    GroupCalls(Box<GroupWord>),
    /// From now on, who listens to a conversation.
    Members { conversation: ConversationId, joined: Vec<UserId>, left: Vec<UserId> },
    /// These logins are over; their sockets close.
    LoginsEnded { ids: Vec<LoginId> },
    /// Notices may have been lost.
    Sync,
}

impl Notice {
    /// A message goes to all members, or to its sender alone if it is withheld from the other one.
    pub fn of_message(message: &Message, frame: Payload) -> Notice {
        match message.withheld {
            true => Notice::Users { ids: vec![message.sender_id], frame },
            false => Notice::Conversation { id: message.conversation_id, frame },
        }
    }
}
