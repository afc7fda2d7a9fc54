//! What may be lost: newest messages, presence, tickets. In this process, or in Redis when several share it.
//!
//! Redis being away is no error: what it would have known is asked of this node's memory, and then of the store.

mod calls;
mod claims;
mod group_calls;
mod nodes;
mod redis;
mod tries;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moka::sync::Cache as Moka;
use serde::{Deserialize, Serialize};

pub use self::calls::CallClaim;
pub use self::claims::{CALL_LEASE, HeldCall, TakeUp};
pub use self::nodes::{BEAT_EVERY, Beat, NODE_LEASE};
use self::redis::Redis;
pub use self::tries::Counted;
use crate::domain::ids::{AppId, ConversationId, LoginId, NodeId, UserId};
use crate::domain::message::Message;
use crate::domain::user::Availability;

/// How long a WebSocket ticket can be used.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);
/// Conversations whose newest messages are kept in this process.
const WINDOWS_MAX: u64 = 2_000;
const WINDOW_LIFE: Duration = Duration::from_secs(600);
/// Who is where is forgotten after this, if neither their node nor whoever buried it has seen to it.
pub const PRESENCE_LIFE: Duration = Duration::from_secs(90);

#[derive(Clone)]
pub struct Cache {
    node: NodeId,
    windows: Moka<ConversationId, Arc<Window>>,
    tickets: Moka<String, Ticket>,
    /// People with sockets on this node.
    here: Arc<Mutex<HashMap<UserId, Availability>>>,
    redis: Option<Redis>,
}

/// The newest messages of a conversation as of its version `ver`; valid only while that is the newest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Window {
    pub ver: i64,
    /// Newest first.
    pub messages: Vec<Message>,
}

/// Whom a single-use WebSocket ticket lets in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub login: LoginId,
    pub user: UserId,
    pub app: AppId,
}

impl Cache {
    /// Without a client everything stays in this process.
    pub fn new(node: NodeId, client: Option<::redis::Client>) -> Cache {
        Cache {
            node,
            windows: Moka::builder().max_capacity(WINDOWS_MAX).time_to_idle(WINDOW_LIFE).build(),
            tickets: Moka::builder().max_capacity(10_000).time_to_live(TICKET_LIFE).build(),
            here: Arc::default(),
            redis: client.map(Redis::new),
        }
    }

    /// Shows whether Redis answers, if there is one.
    pub(crate) fn observe(&self) {
        if let Some(redis) = &self.redis {
            let up = if redis.is_down() { 0.0 } else { 1.0 };
            metrics::gauge!("beckon_redis_up").set(up);
        }
    }

    // ------------------------------------------------------------ newest messages

    /// The newest messages if they are still those of version `ver`.
    pub async fn window(&self, id: ConversationId, ver: i64) -> Option<Arc<Window>> {
        let found = match &self.redis {
            None => self.windows.get(&id),
            Some(redis) => redis.get_json(&window_key(id)).await.map(Arc::new),
        };
        let hit = found.filter(|window: &Arc<Window>| window.ver == ver);
        let outcome = if hit.is_some() { "hit" } else { "miss" };
        metrics::counter!("beckon_message_cache_total", "outcome" => outcome).increment(1);
        hit
    }

    pub async fn put_window(&self, id: ConversationId, window: Window) {
        match &self.redis {
            None => self.windows.insert(id, Arc::new(window)),
            Some(redis) => redis.set_json(&window_key(id), &window, WINDOW_LIFE).await,
        }
    }

    // ------------------------------------------------------------ tickets

    pub async fn put_ticket(&self, secret: &str, ticket: Ticket) {
        self.tickets.insert(secret.to_owned(), ticket);
        if let Some(redis) = &self.redis {
            redis.set_json(&ticket_key(secret), &ticket, TICKET_LIFE).await;
        }
    }

    /// A ticket works once.
    pub async fn take_ticket(&self, secret: &str) -> Option<Ticket> {
        let mine = self.tickets.remove(secret);
        match &self.redis {
            Some(redis) => match redis.take_json(&ticket_key(secret)).await {
                Ok(ticket) => ticket,
                Err(_) => mine,
            },
            None => mine,
        }
    }

    // ------------------------------------------------------------ presence

    /// Notes how somebody is on this node, and returns what they were and are over all nodes.
    pub async fn set_presence(
        &self,
        user: UserId,
        state: Availability,
    ) -> (Availability, Availability) {
        let before = self.presence(user).await;
        match state {
            Availability::Offline => self.lock_here().remove(&user),
            _ => self.lock_here().insert(user, state),
        };
        if let Some(redis) = &self.redis {
            redis.set_presence(user, self.node, state).await;
        }
        (before, self.presence(user).await)
    }

    pub async fn presence(&self, user: UserId) -> Availability {
        self.presences(&[user]).await[0]
    }

    /// The states of many people, in order.
    pub async fn presences(&self, users: &[UserId]) -> Vec<Availability> {
        let mut states: Vec<_> = {
            let here = self.lock_here();
            users.iter().map(|user| here.get(user).copied().unwrap_or_default()).collect()
        };
        if let Some(redis) = &self.redis
            && !users.is_empty() // an empty pipeline is an error, and would count as Redis being away
            && let Some(elsewhere) = redis.presences(users, self.node).await
        {
            for (state, elsewhere) in states.iter_mut().zip(elsewhere) {
                *state = state.nearest(elsewhere);
            }
        }
        states
    }

    /// Says that this node still lives, for everybody on it. Called well within [`PRESENCE_LIFE`].
    pub async fn renew_presence(&self) {
        let Some(redis) = &self.redis else { return };
        let here: Vec<_> = self.lock_here().iter().map(|(user, state)| (*user, *state)).collect();
        for (user, state) in here {
            redis.set_presence(user, self.node, state).await;
        }
    }

    fn lock_here(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, Availability>> {
        self.here.lock().expect("nothing panics under this lock")
    }
}

fn window_key(id: ConversationId) -> String {
    format!("beckon:window:{id}")
}

fn ticket_key(secret: &str) -> String {
    format!("beckon:ticket:{secret}")
}
