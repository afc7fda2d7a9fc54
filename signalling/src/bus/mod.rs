//! The bus: carries notices to every node. A hint, never the truth: a notice may be lost, and whoever sees a
//! gap reads the store.

pub mod calls;
pub mod group_calls;
pub mod questions;
mod redis;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use self::calls::CallWord;
use self::group_calls::GroupWord;
use crate::domain::frame::Payload;
use crate::domain::ids::{ConversationId, LoginId, NodeId, SocketId, UserId};
use crate::hub::Hub;

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

#[derive(Clone, Debug)]
pub struct Bus {
    hub: Arc<Hub>,
    reach: Reach,
}

#[derive(Clone, Debug)]
enum Reach {
    Local,
    Redis(redis::Link),
}

impl Bus {
    /// A bus that reaches this node only.
    pub fn local(hub: Arc<Hub>) -> Bus {
        Bus { hub, reach: Reach::Local }
    }

    /// A bus over Redis pub/sub. Redis may be away: then this node serves its own people alone, and tells
    /// everybody to sync once it is back.
    pub fn redis(
        hub: Arc<Hub>,
        client: ::redis::Client,
        node: NodeId,
        stop: CancellationToken,
    ) -> Bus {
        let link = redis::Link::start(client, hub.clone(), node, stop);
        Bus { hub, reach: Reach::Redis(link) }
    }

    /// Delivers to this node's sockets at once and hands the notice to the other nodes.
    pub fn publish(&self, notice: Notice) {
        self.hub.deliver(&notice);
        if matches!(&notice, Notice::Socket { id, .. } if self.hub.socket(*id).is_some()) {
            return; // a socket is on one node only
        }
        if let Reach::Redis(link) = &self.reach {
            link.send(&notice);
        }
    }

    pub fn to_users(&self, ids: impl IntoIterator<Item = UserId>, frame: impl Into<Payload>) {
        let ids: Vec<_> = ids.into_iter().collect();
        if !ids.is_empty() {
            self.publish(Notice::Users { ids, frame: frame.into() });
        }
    }

    pub fn to_conversation(&self, id: ConversationId, frame: impl Into<Payload>) {
        self.publish(Notice::Conversation { id, frame: frame.into() });
    }
}
