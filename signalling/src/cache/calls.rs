//! Where calls live: two nodes must not start calls with the same person at once, and each must find the calls
//! of the others. Leases, so that a node that dies takes its claims along.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Cache;
use super::redis::Redis;
use crate::domain::call::{Parties, Snapshot};
use crate::domain::ids::{CallId, NodeId, UserId};

/// A claim that is not renewed ends after this.
pub const CALL_LEASE: Duration = Duration::from_secs(15);

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

/// Takes both people and the call's id, or none of them. A person's key holds the id of their live call.
const CLAIM: &str = "
    local live = {}
    for i = 1, 2 do
        local id = redis.call('GET', KEYS[i])
        live[i] = id and redis.call('GET', ARGV[1] .. id) or false
    end
    live[3] = redis.call('GET', KEYS[3])
    if live[1] or live[2] or live[3] then return live end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
    redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[4])
    redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
    return {}";

/// Gives up a call; its people may be in another by now.
const RELEASE: &str = "
    for i = 1, 2 do
        if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end
    end
    redis.call('DEL', KEYS[3])";

impl Cache {
    /// Claims both people of a call against all other nodes. Nothing stands in the way when there is no Redis,
    /// or none that answers: then this node's own calls are all it knows.
    pub async fn claim_call(&self, call: &Snapshot) -> Claim {
        let Some(redis) = &self.redis else { return Claim::default() };
        let mut claim = script(CLAIM, &call.parties);
        claim.arg(call_key_of("")).arg(call.parties.call_id.to_string());
        claim.arg(self.place(call)).arg(CALL_LEASE.as_millis() as u64);
        let Ok(live) = redis.ask::<Vec<Option<String>>>(claim).await else {
            return Claim::default();
        };
        let call = |i: usize| {
            let place: Place = serde_json::from_str(live.get(i)?.as_deref()?).ok()?;
            Some(place.call)
        };
        Claim { caller_in: call(0), callee_in: call(1), same_id: call(2), taken: live.is_empty() }
    }

    /// Keeps a claim alive and says how the call stands now.
    pub async fn renew_call(&self, call: &Snapshot) {
        let Some(redis) = &self.redis else { return };
        let Parties { call_id, caller, callee } = call.parties;
        let lease = CALL_LEASE.as_millis() as u64;
        let mut pipeline = ::redis::pipe();
        for key in [user_key(caller), user_key(callee)] {
            pipeline.pset_ex(key, call_id.to_string(), lease).ignore();
        }
        pipeline.pset_ex(call_key_of(call_id), self.place(call), lease).ignore();
        let _ = redis.ask_all::<()>(pipeline).await; // the next renewal makes up for it
    }

    pub async fn release_call(&self, parties: &Parties) {
        let Some(redis) = &self.redis else { return };
        let mut release = script(RELEASE, parties);
        release.arg(parties.call_id.to_string());
        let _ = redis.ask::<()>(release).await; // or the lease ends
    }

    /// Where a call lives, if another node has told.
    pub async fn call_place(&self, id: CallId) -> Option<Place> {
        self.redis.as_ref()?.get_json(&call_key_of(id)).await
    }

    /// The live call somebody is in on any node.
    pub async fn call_of(&self, user: UserId) -> Option<Place> {
        let redis: &Redis = self.redis.as_ref()?;
        let mut get = ::redis::cmd("GET");
        get.arg(user_key(user));
        let id: Option<String> = redis.ask(get).await.ok()?;
        redis.get_json(&call_key_of(id?)).await
    }

    fn place(&self, call: &Snapshot) -> String {
        let place = Place { node: self.node, call: *call };
        serde_json::to_string(&place).expect("a place has only text keys")
    }
}

fn script(text: &str, parties: &Parties) -> ::redis::Cmd {
    let mut eval = ::redis::cmd("EVAL");
    eval.arg(text).arg(3);
    eval.arg(user_key(parties.caller)).arg(user_key(parties.callee));
    eval.arg(call_key_of(parties.call_id));
    eval
}

fn user_key(user: UserId) -> String {
    format!("beckon:call_of:{user}")
}

fn call_key_of(id: impl std::fmt::Display) -> String {
    format!("beckon:call:{id}")
}
