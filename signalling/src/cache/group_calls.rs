//! Where group calls live: one a conversation over all nodes, found by conversation, by id and by whom it rings.
//! Leases, like those of one-to-one calls.

use serde::{Deserialize, Serialize};

use super::redis::Redis;
use super::{CALL_LEASE, Cache};
use crate::domain::group_call::GroupCallState;
use crate::domain::ids::{CallId, ConversationId, NodeId, UserId};

/// A live group call and the node that holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupPlace {
    pub node: NodeId,
    pub call: GroupCallState,
}

/// Takes the conversation for a call, or tells of the call it has already.
const CLAIM: &str = "
    local id = redis.call('GET', KEYS[1])
    local live = id and redis.call('GET', ARGV[1] .. id)
    if live then return live end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
    redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
    return false";

/// Gives up a call; its conversation may have another by now.
const RELEASE: &str = "
    if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
    redis.call('DEL', KEYS[2])";

impl Cache {
    /// Claims a conversation for a call against all other nodes; the call that is there already, if one is.
    /// Nothing stands in the way when there is no Redis, or none that answers.
    pub async fn claim_group_call(&self, call: &GroupCallState) -> Option<GroupPlace> {
        let redis = self.redis.as_ref()?;
        let mut claim = script(CLAIM, call.id, call.conversation_id);
        claim.arg(call_key("")).arg(call.id.to_string()).arg(self.group_place(call));
        claim.arg(CALL_LEASE.as_millis() as u64);
        let live: Option<String> = redis.ask(claim).await.ok()?;
        serde_json::from_str(&live?).ok()
    }

    /// Keeps a claim alive, says how the call stands now, and from where `guests` may come to it.
    pub async fn renew_group_call(&self, call: &GroupCallState, guests: &[UserId]) {
        let Some(redis) = &self.redis else { return };
        let (id, lease) = (call.id.to_string(), CALL_LEASE.as_millis() as u64);
        let mut pipeline = ::redis::pipe();
        pipeline.pset_ex(conversation_key(call.conversation_id), &id, lease).ignore();
        pipeline.pset_ex(call_key(call.id), self.group_place(call), lease).ignore();
        for guest in guests {
            pipeline.pset_ex(guest_key(*guest), &id, lease).ignore();
        }
        let _ = redis.ask_all::<()>(pipeline).await; // the next renewal makes up for it
    }

    pub async fn release_group_call(&self, id: CallId, conversation: ConversationId) {
        let Some(redis) = &self.redis else { return };
        let mut release = script(RELEASE, id, conversation);
        release.arg(id.to_string());
        let _ = redis.ask::<()>(release).await; // or the lease ends
    }

    /// Where a call lives, if a node has told.
    pub async fn group_call(&self, id: CallId) -> Option<GroupPlace> {
        self.redis.as_ref()?.get_json(&call_key(id)).await
    }

    /// The calls of these conversations, and the one that `guest` was asked into, on whatever node they live.
    pub async fn group_calls(
        &self,
        conversations: impl IntoIterator<Item = ConversationId>,
        guest: Option<UserId>,
    ) -> Vec<GroupPlace> {
        let Some(redis) = &self.redis else { return vec![] };
        let keys = conversations.into_iter().map(conversation_key).chain(guest.map(guest_key));
        let ids = read_all(redis, keys.collect()).await;
        let places = read_all(redis, ids.iter().map(call_key).collect()).await;
        places.iter().filter_map(|place| serde_json::from_str(place).ok()).collect()
    }

    fn group_place(&self, call: &GroupCallState) -> String {
        let place = GroupPlace { node: self.node, call: call.clone() };
        serde_json::to_string(&place).expect("a place has only text keys")
    }
}

/// The values of those keys that exist.
async fn read_all(redis: &Redis, keys: Vec<String>) -> Vec<String> {
    if keys.is_empty() {
        return vec![];
    }
    let mut read = ::redis::cmd("MGET");
    read.arg(keys);
    let found: Vec<Option<String>> = redis.ask(read).await.unwrap_or_default();
    found.into_iter().flatten().collect()
}

fn script(text: &str, id: CallId, conversation: ConversationId) -> ::redis::Cmd {
    let mut eval = ::redis::cmd("EVAL");
    eval.arg(text).arg(2).arg(conversation_key(conversation)).arg(call_key(id));
    eval
}

fn conversation_key(conversation: ConversationId) -> String {
    format!("beckon:group_call_in:{conversation}")
}

fn call_key(id: impl std::fmt::Display) -> String {
    format!("beckon:group_call:{id}")
}

fn guest_key(guest: UserId) -> String {
    format!("beckon:group_call_with:{guest}")
}
