//! Which nodes live. Each says so every second; one that stops saying so is gone, and everything it began with it.

use std::collections::HashSet;
use std::time::Duration;

use uuid::Uuid;

use super::Cache;
use crate::domain::ids::{NodeId, UserId};

/// A node that has not said for this long that it lives is gone.
pub const NODE_LEASE: Duration = Duration::from_secs(5);
/// Five times within [`NODE_LEASE`]: a slow answer or two must not bury anybody.
pub const BEAT_EVERY: Duration = Duration::from_secs(1);

/// All nodes that have not been buried.
pub(super) const NODES: &str = "beckon:nodes";

/// For scripts: what a key says about a call, unless the node that said it is gone.
pub(super) const LIVE: &str = "
    local function live(key)
        local place = redis.call('GET', key)
        if place and redis.call('EXISTS', 'beckon:node:' .. cjson.decode(place).node) == 1 then
            return place
        end
        return false
    end";

const BEAT: &str = "
    local known = redis.call('EXISTS', KEYS[1])
    redis.call('SET', KEYS[1], '1', 'PX', ARGV[2])
    redis.call('SADD', KEYS[2], ARGV[1])
    local answer = {tostring(known)}
    for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
        answer[#answer + 1] = redis.call('EXISTS', 'beckon:node:' .. id) .. id
    end
    return answer";

/// How things are among the nodes.
#[derive(Debug, Default)]
pub struct Beat {
    /// False when the others may have taken this node for gone: it was silent for too long, or Redis forgot.
    pub was_known: bool,
    pub alive: HashSet<NodeId>,
    /// Gone, and not buried yet.
    pub gone: HashSet<NodeId>,
}

impl Cache {
    /// Says that this node lives, and asks who else does; none without a Redis that answers.
    pub async fn beat(&self) -> Option<Beat> {
        let redis = self.redis.as_ref()?;
        let mut beat = ::redis::cmd("EVAL");
        beat.arg(BEAT).arg(2).arg(node_key(self.node)).arg(NODES);
        beat.arg(self.node.to_string()).arg(NODE_LEASE.as_millis() as u64);
        let answer: Vec<String> = redis.ask(beat).await.ok()?;
        let (known, nodes) = answer.split_first()?;
        let (mut alive, mut gone) = (HashSet::new(), HashSet::new());
        for node in nodes {
            let Some((lives, id)) = node.split_at_checked(1) else { continue };
            let Ok(id) = id.parse::<Uuid>() else { continue };
            let nodes = if lives == "1" { &mut alive } else { &mut gone };
            nodes.insert(NodeId(id));
        }
        Some(Beat { was_known: known == "1", alive, gone })
    }

    /// True for the one node that is to clear up after a node that is gone.
    pub async fn bury(&self, node: NodeId) -> bool {
        let Some(redis) = &self.redis else { return false };
        let mut remove = ::redis::cmd("SREM");
        remove.arg(NODES).arg(node.to_string());
        redis.ask::<u32>(remove).await.is_ok_and(|removed| removed == 1)
    }

    /// This node stops: nobody has to wait for its lease to end.
    pub async fn leave(&self) {
        let Some(redis) = &self.redis else { return };
        let mut delete = ::redis::cmd("DEL");
        delete.arg(node_key(self.node));
        let _ = redis.ask::<()>(delete).await; // or the lease ends
    }

    /// Takes everybody off a node that is gone, and says who was on it.
    pub async fn clear_presence(&self, node: NodeId) -> Vec<UserId> {
        let Some(redis) = &self.redis else { return vec![] };
        redis.take_people(node).await
    }
}

fn node_key(node: NodeId) -> String {
    format!("beckon:node:{node}")
}
