//! What nodes claim for calls: each call occupies something (its two people, or its conversation) that has one live call
//! at most over all nodes, and each node must find the calls of the others. Leases, so that a node that dies takes its
//! claims along.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Cache;
use super::nodes::LIVE;
use crate::domain::call::REMEMBER_OVER_MS;
use crate::domain::ids::{CallId, NodeId};

/// A claim that is not renewed ends after this, and at once when its node is gone.
pub const CALL_LEASE: Duration = Duration::from_secs(15);
/// How long it is remembered what calls a node had: well beyond the moment in which it is found gone.
const HELD_LIFE: Duration = Duration::from_secs(60);

/// A live call and the node that holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldCall<C> {
    pub node: NodeId,
    pub call: C,
}

/// A kind of call, as it stands in Redis.
pub(super) trait Claimed: Clone + Serialize + DeserializeOwned {
    /// The word for it in the names of keys.
    const KIND: &'static str;

    fn id(&self) -> CallId;

    /// The keys of what it occupies, which hold its id.
    fn occupied(&self) -> Vec<String>;
}

/// What came of a claim.
pub(super) enum Claim<C> {
    Taken,
    InTheWay {
        /// The live calls that occupy what this one would, in the same order.
        occupied_by: Vec<Option<HeldCall<C>>>,
        same_id: Option<HeldCall<C>>,
    },
    /// There is no Redis, or none that answers: this node's own calls are all it knows.
    Unknown,
}

/// What comes of taking up a call whose node is gone.
#[derive(Clone, Debug)]
pub enum TakeUp<C> {
    Taken,
    /// A node that lives has it.
    Elsewhere(HeldCall<C>),
    /// One of the two is in another call.
    Busy,
    /// It ended a moment ago.
    Over,
}

// KEYS: the call, the calls of this node, a mark that the call is over, and all that it occupies.
// ARGV: what keys of calls begin with, the id, the call as it is held, its lease, and for how long calls are remembered.

/// Takes all that a call occupies and its id, or nothing.
const CLAIM: &str = "
    local found, free = {}, true
    for i = 4, #KEYS do
        local id = redis.call('GET', KEYS[i])
        found[i - 3] = id and live(ARGV[1] .. id) or false
        free = free and not found[i - 3]
    end
    found[#KEYS - 2] = live(KEYS[1])
    if not free or found[#KEYS - 2] then return found end
    hold()
    return {}";

/// As [`CLAIM`], but what stands in the way is told, and a call that has just ended stays over.
const TAKE_UP: &str = "
    if redis.call('EXISTS', KEYS[3]) == 1 then return 'over' end
    local held = live(KEYS[1])
    if held then return held end
    for i = 4, #KEYS do
        local id = redis.call('GET', KEYS[i])
        if id and id ~= ARGV[2] and live(ARGV[1] .. id) then return 'busy' end
    end
    hold()
    return 'taken'";

/// Prolongs a claim, unless another node has taken the call up because this one was believed gone.
const RENEW: &str = "
    local held = live(KEYS[1])
    if held and cjson.decode(held).node ~= cjson.decode(ARGV[3]).node then return 0 end
    hold()
    return 1";

const HOLD: &str = "
    local function hold()
        for i = 4, #KEYS do redis.call('SET', KEYS[i], ARGV[2], 'PX', ARGV[4]) end
        redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
        redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
        redis.call('PEXPIRE', KEYS[2], ARGV[5])
    end";

/// Gives up a call, if it is still this node's; what it occupied may have another by now.
const RELEASE: &str = "
    redis.call('HDEL', KEYS[2], ARGV[1])
    local held = redis.call('GET', KEYS[1])
    if held and cjson.decode(held).node ~= ARGV[3] then return end
    for i = 4, #KEYS do
        if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end
    end
    redis.call('DEL', KEYS[1])
    redis.call('SET', KEYS[3], '1', 'PX', ARGV[2])";

/// The calls under these keys whose nodes live.
const FIND: &str = "
    local found = {}
    for _, key in ipairs(KEYS) do
        local held = live(key)
        if held then found[#found + 1] = held end
    end
    return found";

impl Cache {
    /// Claims all that a call occupies, against all other nodes.
    pub(super) async fn claim<C: Claimed>(&self, call: &C) -> Claim<C> {
        let Some(redis) = &self.redis else { return Claim::Unknown };
        let asked = redis.ask::<Vec<Option<String>>>(self.holding(CLAIM, call)).await;
        let Ok(mut found) = asked else { return Claim::Unknown };
        let Some(same_id) = found.pop() else { return Claim::Taken };
        let read = |held: &Option<String>| read::<C>(held.as_deref()?);
        let occupied_by = found.iter().map(read).collect();
        Claim::InTheWay { occupied_by, same_id: read(&same_id) }
    }

    /// Claims a call that this node has been shown the fact of: one node takes it, whoever asks where.
    pub(super) async fn take_up<C: Claimed>(&self, call: &C) -> TakeUp<C> {
        let Some(redis) = &self.redis else { return TakeUp::Taken };
        match redis.ask::<String>(self.holding(TAKE_UP, call)).await.as_deref() {
            Ok("over") => TakeUp::Over,
            Ok("busy") => TakeUp::Busy,
            Ok(held) => read(held).map_or(TakeUp::Taken, TakeUp::Elsewhere),
            Err(_) => TakeUp::Taken,
        }
    }

    /// Keeps a claim alive and says how the call stands now; false when the call is another node's by now.
    pub(super) async fn renew<C: Claimed>(&self, call: &C) -> bool {
        let Some(redis) = &self.redis else { return true };
        // the next renewal makes up for one that fails
        redis.ask::<u32>(self.holding(RENEW, call)).await.map_or(true, |mine| mine == 1)
    }

    pub(super) async fn release<C: Claimed>(&self, id: CallId, occupied: Vec<String>) {
        let Some(redis) = &self.redis else { return };
        let mut release = self.script::<C>(RELEASE, id, occupied);
        release.arg(id.to_string()).arg(REMEMBER_OVER_MS).arg(self.node.to_string());
        let _ = redis.ask::<()>(release).await; // or the lease ends
    }

    /// Those of some calls that live, with the nodes that hold them.
    pub(super) async fn find<C: Claimed>(
        &self,
        ids: impl IntoIterator<Item = String>,
    ) -> Vec<HeldCall<C>> {
        let keys: Vec<_> = ids.into_iter().map(|id| key::<C>(&id)).collect();
        let Some(redis) = self.redis.as_ref().filter(|_| !keys.is_empty()) else { return vec![] };
        let mut find = ::redis::cmd("EVAL");
        find.arg(format!("{LIVE}\n{FIND}")).arg(keys.len()).arg(keys);
        let found: Vec<String> = redis.ask(find).await.unwrap_or_default();
        found.iter().filter_map(|held| read(held)).collect()
    }

    /// The ids that these keys of what is occupied hold.
    pub(super) async fn ids_under(&self, keys: Vec<String>) -> Vec<String> {
        let Some(redis) = self.redis.as_ref().filter(|_| !keys.is_empty()) else { return vec![] };
        let mut read = ::redis::cmd("MGET");
        read.arg(keys);
        let found: Vec<Option<String>> = redis.ask(read).await.unwrap_or_default();
        found.into_iter().flatten().collect()
    }

    /// The calls that a node held when it was last heard of, but for those that are another's by now.
    pub(super) async fn left_by<C: Claimed>(&self, node: NodeId) -> Vec<C> {
        let Some(redis) = &self.redis else { return vec![] };
        let held: Vec<HeldCall<C>> = redis.read_all_of(held_key::<C>(node)).await;
        let ids = held.iter().map(|held| held.call.id().to_string());
        let live: Vec<_> = self.find::<C>(ids).await.iter().map(|held| held.call.id()).collect();
        held.into_iter().map(|held| held.call).filter(|call| !live.contains(&call.id())).collect()
    }

    fn holding<C: Claimed>(&self, text: &str, call: &C) -> ::redis::Cmd {
        let held = HeldCall { node: self.node, call: call.clone() };
        let held = serde_json::to_string(&held).expect("a call has only text keys");
        let text = format!("{LIVE}\n{HOLD}\n{text}");
        let mut eval = self.script::<C>(&text, call.id(), call.occupied());
        eval.arg(key::<C>("")).arg(call.id().to_string()).arg(held);
        eval.arg(CALL_LEASE.as_millis() as u64).arg(HELD_LIFE.as_millis() as u64);
        eval
    }

    fn script<C: Claimed>(&self, text: &str, id: CallId, occupied: Vec<String>) -> ::redis::Cmd {
        let mut eval = ::redis::cmd("EVAL");
        eval.arg(text).arg(3 + occupied.len());
        eval.arg(key::<C>(&id.to_string())).arg(held_key::<C>(self.node));
        eval.arg(format!("beckon:{}_over:{id}", C::KIND)).arg(occupied);
        eval
    }
}

fn read<C: Claimed>(text: &str) -> Option<HeldCall<C>> {
    serde_json::from_str(text).ok()
}

fn key<C: Claimed>(id: &str) -> String {
    format!("beckon:{}:{id}", C::KIND)
}

/// What calls a node has, for those who find it gone.
fn held_key<C: Claimed>(node: NodeId) -> String {
    format!("beckon:{}s_on:{node}", C::KIND)
}
