//! Where group calls live: one a conversation over all nodes, found by conversation, by id and by whom it rings.
//! Leases, like those of one-to-one calls.

use serde::{Deserialize, Serialize};

use super::nodes::LIVE;
use super::redis::Redis;
use super::{CALL_LEASE, Cache};
use crate::domain::group_call::GroupCallState;
use crate::domain::ids::{CallId, ConversationId, NodeId, UserId};

/// How long it is remembered what calls a node had: well beyond the moment in which it is found gone.
const HELD_LIFE_MS: u64 = 60_000;

/// A live group call and the node that holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupPlace {
    pub node: NodeId,
    pub call: GroupCallState,
}

/// Takes the conversation for a call, or tells of the call it has already.
const CLAIM: &str = "
    local id = redis.call('GET', KEYS[1])
    local found = id and live(ARGV[1] .. id)
    if found then return found end
    hold()
    return false";

/// Prolongs a claim, unless another node has taken the call up because this one was believed gone.
const RENEW: &str = "
    local place = live(KEYS[2])
    if place and cjson.decode(place).node ~= cjson.decode(ARGV[3]).node then return 0 end
    hold()
    return 1";

const HOLD: &str = "
    local function hold()
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
        redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
        redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
        redis.call('PEXPIRE', KEYS[3], ARGV[5])
    end";

/// Gives up a call, if it is still this node's; its conversation may have another by now.
const RELEASE: &str = "
    redis.call('HDEL', KEYS[3], ARGV[1])
    local place = redis.call('GET', KEYS[2])
    if place and cjson.decode(place).node ~= ARGV[2] then return end
    if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
    redis.call('DEL', KEYS[2])";

const FIND_ALL: &str = "
    local found = {}
    for _, key in ipairs(KEYS) do
        local place = live(key)
        if place then found[#found + 1] = place end
    end
    return found";

impl Cache {
    /// Claims a conversation for a call against all other nodes; the call that is there already, if one is.
    /// Nothing stands in the way when there is no Redis, or none that answers.
    pub async fn claim_group_call(&self, call: &GroupCallState) -> Option<GroupPlace> {
        let redis = self.redis.as_ref()?;
        let live: Option<String> = redis.ask(self.holding_group(CLAIM, call)).await.ok()?;
        serde_json::from_str(&live?).ok()
    }

    /// Keeps a claim alive, says how the call stands now, and from where `guests` may come to it; false when the call
    /// is another node's by now.
    pub async fn renew_group_call(&self, call: &GroupCallState, guests: &[UserId]) -> bool {
        let Some(redis) = &self.redis else { return true };
        // the next renewal makes up for one that fails
        let renewed = redis.ask::<u32>(self.holding_group(RENEW, call)).await;
        if renewed.is_ok_and(|mine| mine == 0) {
            return false;
        }
        let (id, lease) = (call.id.to_string(), CALL_LEASE.as_millis() as u64);
        let mut pipeline = ::redis::pipe();
        for guest in guests {
            pipeline.pset_ex(guest_key(*guest), &id, lease).ignore();
        }
        if !guests.is_empty() {
            let _ = redis.ask_all::<()>(pipeline).await;
        }
        true
    }

    pub async fn release_group_call(&self, id: CallId, conversation: ConversationId) {
        let Some(redis) = &self.redis else { return };
        let mut release = self.group_script(RELEASE, id, conversation);
        release.arg(id.to_string()).arg(self.node.to_string());
        let _ = redis.ask::<()>(release).await; // or the lease ends
    }

    /// Where a call lives, if a node that lives has told.
    pub async fn group_call(&self, id: CallId) -> Option<GroupPlace> {
        find_all(self.redis.as_ref()?, vec![call_key(id)]).await.pop()
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
        find_all(redis, ids.iter().map(call_key).collect()).await
    }

    /// The calls that a node held when it was last heard of, but for those that are another's by now.
    pub async fn group_calls_left_by(&self, node: NodeId) -> Vec<GroupCallState> {
        let Some(redis) = &self.redis else { return vec![] };
        let held: Vec<GroupPlace> = redis.read_all_of(held_key(node)).await;
        let mut left = Vec::new();
        for place in held {
            if self.group_call(place.call.id).await.is_none() {
                left.push(place.call);
            }
        }
        left
    }

    fn holding_group(&self, text: &str, call: &GroupCallState) -> ::redis::Cmd {
        let place = GroupPlace { node: self.node, call: call.clone() };
        let place = serde_json::to_string(&place).expect("a place has only text keys");
        let text = format!("{LIVE}\n{HOLD}\n{text}");
        let mut eval = self.group_script(&text, call.id, call.conversation_id);
        eval.arg(call_key("")).arg(call.id.to_string()).arg(place);
        eval.arg(CALL_LEASE.as_millis() as u64).arg(HELD_LIFE_MS);
        eval
    }

    fn group_script(&self, text: &str, id: CallId, conversation: ConversationId) -> ::redis::Cmd {
        let mut eval = ::redis::cmd("EVAL");
        eval.arg(text).arg(3).arg(conversation_key(conversation)).arg(call_key(id));
        eval.arg(held_key(self.node));
        eval
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

/// The calls under those keys whose nodes live.
async fn find_all(redis: &Redis, keys: Vec<String>) -> Vec<GroupPlace> {
    if keys.is_empty() {
        return vec![];
    }
    let mut find = ::redis::cmd("EVAL");
    find.arg(format!("{LIVE}\n{FIND_ALL}")).arg(keys.len()).arg(keys);
    let found: Vec<String> = redis.ask(find).await.unwrap_or_default();
    found.iter().filter_map(|place| serde_json::from_str(place).ok()).collect()
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

fn held_key(node: NodeId) -> String {
    format!("beckon:group_calls_on:{node}")
}
