//! The bus: carries notices to every node. A hint, never the truth: a notice may be lost, and whoever sees a
//! gap reads the store.

mod delivery;
mod redis;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::delivery::Delivery;
use crate::domain::frame::Payload;
use crate::domain::ids::{ConversationId, NodeId, UserId};
use crate::hub::Hub;
use crate::notice::Notice;
use crate::words::inbox::Inboxes;

#[derive(Clone, Debug)]
pub struct Bus {
    here: Delivery,
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
        Bus { here: Delivery { hub, inboxes: Arc::default() }, reach: Reach::Local }
    }

    /// A bus over Redis pub/sub. Redis may be away: then this node serves its own people alone, and tells
    /// everybody to sync once it is back.
    pub fn redis(
        hub: Arc<Hub>,
        client: ::redis::Client,
        node: NodeId,
        stop: CancellationToken,
    ) -> Bus {
        let here = Delivery { hub, inboxes: Arc::default() };
        let link = redis::Link::start(client, here.clone(), node, stop);
        Bus { here, reach: Reach::Redis(link) }
    }

    /// Delivers to this node's sockets at once and hands the notice to the other nodes.
    pub fn publish(&self, notice: Notice) {
        self.here.deliver(&notice);
        if matches!(&notice, Notice::Socket { id, .. } if self.here.hub.socket(*id).is_some()) {
            return; // a socket is on one node only
        }
        if let Reach::Redis(link) = &self.reach {
            link.send(&notice);
        }
    }

    /// What is not for sockets.
    pub fn inboxes(&self) -> &Inboxes {
        &self.here.inboxes
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
