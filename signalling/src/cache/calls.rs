//! Where calls live: two nodes must not start calls with the same person at once, and each must find the calls
//! of the others. Leases, so that a node that dies takes its claims along.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Cache;
use super::nodes::LIVE;
use super::redis::Redis;
use crate::domain::call::{Parties, REMEMBER_OVER_MS, Snapshot};
use crate::domain::ids::{CallId, NodeId, UserId};

/// A claim that is not renewed ends after this, and at once when its node is gone.
pub const CALL_LEASE: Duration = Duration::from_secs(15);
/// How long it is remembered what calls a node had: well beyond the moment in which it is found gone.
const HELD_LIFE: Duration = Duration::from_secs(60);

/// A live call and the node that holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    pub node: NodeId,
    pub call: Snapshot,
}

/// What another node knows of the two people of a new call.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    pub caller_in: Option<Snapshot>,
    pub callee_in: Option<Snapshot>,
    /// The live call that has this id already.
    pub same_id: Option<Snapshot>,
    /// Nothing stood in the way, and the two are claimed for the new call.
    pub taken: bool,
}

/// What comes of taking up a call whose node is gone.
#[derive(Clone, Debug)]
pub enum TakeUp {
    Taken,
    /// A node that lives has it.
    Elsewhere(Place),
    /// One of the two is in another call.
    Busy,
    /// It ended a moment ago.
    Over,
}

/// Takes both people and the call's id, or none of them. A person's key holds the id of their live call.
const CLAIM: &str = "
    local found = {}
    for i = 1, 2 do
        local id = redis.call('GET', KEYS[i])
        found[i] = id and live(ARGV[1] .. id) or false
    end
    found[3] = live(KEYS[3])
    if found[1] or found[2] or found[3] then return found end
    hold()
    return {}";

/// As [`CLAIM`], but what stands in the way is told, and a call that has just ended stays over.
const TAKE_UP: &str = "
    if redis.call('EXISTS', KEYS[5]) == 1 then return 'over' end
    local place = live(KEYS[3])
    if place then return place end
    for i = 1, 2 do
        local id = redis.call('GET', KEYS[i])
        if id and id ~= ARGV[2] and live(ARGV[1] .. id) then return 'busy' end
    end
    hold()
    return 'taken'";

/// Prolongs a claim, unless another node has taken the call up because this one was believed gone.
const RENEW: &str = "
    local place = live(KEYS[3])
    if place and cjson.decode(place).node ~= cjson.decode(ARGV[3]).node then return 0 end
    hold()
    return 1";

const HOLD: &str = "
    local function hold()
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
        redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[4])
        redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
        redis.call('HSET', KEYS[4], ARGV[2], ARGV[3])
        redis.call('PEXPIRE', KEYS[4], ARGV[5])
    end";

/// Gives up a call, if it is still this node's; its people may be in another by now.
const RELEASE: &str = "
    redis.call('HDEL', KEYS[4], ARGV[1])
    local place = redis.call('GET', KEYS[3])
    if place and cjson.decode(place).node ~= ARGV[3] then return end
    for i = 1, 2 do
        if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end
    end
    redis.call('DEL', KEYS[3])
    redis.call('SET', KEYS[5], '1', 'PX', ARGV[2])";

impl Cache {
    /// Claims both people of a call against all other nodes. Nothing stands in the way when there is no Redis,
    /// or none that answers: then this node's own calls are all it knows.
    pub async fn claim_call(&self, call: &Snapshot) -> Claim {
        let Some(redis) = &self.redis else { return Claim::default() };
        let Ok(live) = redis.ask::<Vec<Option<String>>>(self.holding(CLAIM, call)).await else {
            return Claim::default();
        };
        let call = |i: usize| Some(read_place(live.get(i)?.as_deref()?)?.call);
        Claim { caller_in: call(0), callee_in: call(1), same_id: call(2), taken: live.is_empty() }
    }

    /// Claims an answered call that this node has been shown the fact of: one node takes it, whoever asks where.
    pub async fn take_up_call(&self, call: &Snapshot) -> TakeUp {
        let Some(redis) = &self.redis else { return TakeUp::Taken };
        match redis.ask::<String>(self.holding(TAKE_UP, call)).await.as_deref() {
            Ok("over") => TakeUp::Over,
            Ok("busy") => TakeUp::Busy,
            Ok(place) => read_place(place).map_or(TakeUp::Taken, TakeUp::Elsewhere),
            Err(_) => TakeUp::Taken,
        }
    }

    /// Keeps a claim alive and says how the call stands now; false when the call is another node's by now.
    pub async fn renew_call(&self, call: &Snapshot) -> bool {
        let Some(redis) = &self.redis else { return true };
        // the next renewal makes up for one that fails
        redis.ask::<u32>(self.holding(RENEW, call)).await.map_or(true, |mine| mine == 1)
    }

    pub async fn release_call(&self, parties: &Parties) {
        let Some(redis) = &self.redis else { return };
        let mut release = self.script(RELEASE, parties);
        release.arg(parties.call_id.to_string()).arg(REMEMBER_OVER_MS).arg(self.node.to_string());
        let _ = redis.ask::<()>(release).await; // or the lease ends
    }

    /// Where a call lives, if a node that lives has told.
    pub async fn call_place(&self, id: CallId) -> Option<Place> {
        let redis = self.redis.as_ref()?;
        let mut find = ::redis::cmd("EVAL");
        find.arg(format!("{LIVE} return live(KEYS[1])")).arg(1).arg(call_key_of(id));
        read_place(&redis.ask::<Option<String>>(find).await.ok()??)
    }

    /// The live call somebody is in on any node.
    pub async fn call_of(&self, user: UserId) -> Option<Place> {
        let redis: &Redis = self.redis.as_ref()?;
        let mut get = ::redis::cmd("GET");
        get.arg(user_key(user));
        let id: Option<String> = redis.ask(get).await.ok()?;
        self.call_place(CallId(id?.parse().ok()?)).await
    }

    /// The calls that a node held when it was last heard of, but for those that are another's by now.
    pub async fn calls_left_by(&self, node: NodeId) -> Vec<Snapshot> {
        let Some(redis) = &self.redis else { return vec![] };
        let held: Vec<Place> = redis.read_all_of(held_key(node)).await;
        let mut left = Vec::new();
        for place in held {
            if self.call_place(place.call.parties.call_id).await.is_none() {
                left.push(place.call);
            }
        }
        left
    }

    fn holding(&self, text: &str, call: &Snapshot) -> ::redis::Cmd {
        let place = Place { node: self.node, call: *call };
        let place = serde_json::to_string(&place).expect("a place has only text keys");
        // whoever must not hear of a call is not claimed for it: nobody has the id of a call
        let parties = match call.in_vain {
            true => Parties { callee: UserId(call.parties.call_id.0), ..call.parties },
            false => call.parties,
        };
        let mut eval = self.script(&format!("{LIVE}\n{HOLD}\n{text}"), &parties);
        eval.arg(call_key_of("")).arg(call.parties.call_id.to_string()).arg(place);
        eval.arg(CALL_LEASE.as_millis() as u64).arg(HELD_LIFE.as_millis() as u64);
        eval
    }

    fn script(&self, text: &str, parties: &Parties) -> ::redis::Cmd {
        let mut eval = ::redis::cmd("EVAL");
        eval.arg(text).arg(5);
        eval.arg(user_key(parties.caller)).arg(user_key(parties.callee));
        eval.arg(call_key_of(parties.call_id)).arg(held_key(self.node));
        eval.arg(format!("beckon:call_over:{}", parties.call_id));
        eval
    }
}

fn read_place(text: &str) -> Option<Place> {
    serde_json::from_str(text).ok()
}

fn user_key(user: UserId) -> String {
    format!("beckon:call_of:{user}")
}

fn call_key_of(id: impl std::fmt::Display) -> String {
    format!("beckon:call:{id}")
}

/// What calls a node has, for those who find it gone.
fn held_key(node: NodeId) -> String {
    format!("beckon:calls_on:{node}")
}
