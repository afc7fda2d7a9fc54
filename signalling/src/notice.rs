//! Notices: what happened, for the sockets of every node.

use serde::{Deserialize, Serialize};

use crate::domain::frame::Payload;
use crate::domain::ids::{ConversationId, LoginId, SocketId, UserId};
use crate::domain::message::Message;
use crate::words::Addressed;
use crate::words::calls::CallWord;
use crate::words::group_calls::GroupCallWord;

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
    Calls(Addressed<CallWord>),
    /// To one node, about group calls.
    GroupCalls(Box<Addressed<GroupCallWord>>),
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

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01939c5e-7f0a-7c11-9d0e-3c1f2a4b5d6e";

    /// What nodes of the first release say; nodes of two releases run side by side.
    #[test]
    fn nodes_of_former_releases_say_and_understand_the_same() {
        let node = r#""from":"ID","to":"ID","what""#;
        let said = [
            r#"{"conversation":{"id":"ID","frame":"{\"type\":\"sync\"}"}}"#.to_owned(),
            r#"{"users":{"ids":["ID"],"frame":"{\"type\":\"sync\"}"}}"#.to_owned(),
            r#"{"socket":{"id":"ID","frame":"{\"type\":\"sync\"}"}}"#.to_owned(),
            r#"{"members":{"conversation":"ID","joined":["ID"],"left":[]}}"#.to_owned(),
            r#"{"logins_ended":{"ids":["ID"]}}"#.to_owned(),
            r#""sync""#.to_owned(),
            format!(r#"{{"calls":{{{node}:{{"answer":{{"request":7,"code":"busy"}}}}}}}}"#),
            format!(r#"{{"calls":{{{node}:{{"still_live":{{"calls":["ID"]}}}}}}}}"#),
            format!(
                r#"{{"group_calls":{{{node}:{{"ask":{{"request":7,"user":"ID","call_id":"ID","deed":"join"}}}}}}}}"#
            ),
        ];
        for said in said.map(|said| said.replace("ID", ID)) {
            let notice: Notice =
                serde_json::from_str(&said).unwrap_or_else(|e| panic!("{said}: {e}"));
            assert_eq!(serde_json::to_string(&notice).unwrap(), said);
        }
    }
}
