//! The other nodes: that one is gone is noticed within seconds, and what it began is ended or goes on elsewhere.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::MissedTickBehavior;

use crate::cache::BEAT_EVERY;
use crate::domain::ids::NodeId;
use crate::node::Node;
use crate::{calls, group_calls, presence};

/// Runs until the node stops.
pub async fn keep(node: Arc<Node>) {
    let mut beats = tokio::time::interval(BEAT_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut others = HashSet::new();
    loop {
        tokio::select! {
            () = node.stop.cancelled() => return,
            _ = beats.tick() => beat(&node, &mut others).await,
        }
    }
}

/// Without a Redis that answers nobody is taken to be gone, nor when it has forgotten who was there.
async fn beat(node: &Arc<Node>, others: &mut HashSet<NodeId>) {
    let Some(beat) = node.cache.beat().await else { return others.clear() };
    if !beat.was_known {
        others.clear();
        node.cache.renew_presence().await;
    }
    for gone in others.difference(&beat.alive) {
        tracing::warn!(node.id = %gone, "a node is gone");
        metrics::counter!("beckon_nodes_gone_total").increment(1);
        calls::node_gone(node, *gone).await;
        group_calls::node_gone(node, *gone).await;
    }
    for gone in beat.gone {
        if node.cache.bury(gone).await {
            presence::node_gone(node, gone).await;
        }
    }
    *others = beat.alive;
}
