//! The one task that looks after all calls of a node: deadlines, broken sockets, leases, other nodes' words.

use std::sync::Arc;
use std::time::Duration;

use super::effects::{CallFollowUp, finish, perform, renew};
use super::{record, remote};
use crate::clock::{every, moment, ticks_ms};
use crate::domain::call::{CallInput, Snapshot};
use crate::domain::moment::Moment;
use crate::node::Node;

/// How exact deadlines are. Walking all calls this often costs less than keeping their deadlines sorted.
const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// Ten times within the time after which a silent node's sockets count as gone.
const VOUCH_EVERY: Duration = Duration::from_secs(2);
/// Three times within [`crate::cache::CALL_LEASE`].
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// Runs until the node stops.
pub async fn keep(node: Arc<Node>) {
    let (mut sweeps, mut vouches) = (every(SWEEP_EVERY), every(VOUCH_EVERY));
    let mut renewals = every(RENEW_EVERY);
    loop {
        tokio::select! {
            () = node.stop.cancelled() => return,
            word = node.bus.inboxes().calls.next() => remote::hear(&node, word),
            _ = sweeps.tick() => sweep(&node, moment()),
            _ = vouches.tick() => remote::vouch(&node, ticks_ms()),
            _ = renewals.tick() => {
                tokio::spawn(renew_all(node.clone()));
            }
        }
    }
}

/// Ends the calls that ring here, because nobody will look after them: told and recorded before the sockets close. The
/// answered ones go on with their two, who present them to whatever node they reach next.
pub async fn stop(node: &Arc<Node>) {
    let follow_ups = each(node, |_| vec![CallInput::NodeStops], moment());
    for follow_up in follow_ups {
        finish(node, follow_up).await;
    }
    record::all_written(&node.calls.endings).await;
}

/// Looks at every call: are its sockets connected, has its time run out?
pub(super) fn sweep(node: &Arc<Node>, now: Moment) {
    let watch = |call: Option<Snapshot>| {
        let sockets = call.into_iter().flat_map(|call| call.carriers());
        let seen = |socket| match node.hub.is_connected(socket) {
            true => CallInput::SocketBack(socket),
            // on another node, which vouches for it, or broken
            false => CallInput::SocketGone(socket),
        };
        sockets.map(seen).chain([CallInput::Tick]).collect()
    };
    for follow_up in each(node, watch, now) {
        let node = node.clone();
        tokio::spawn(async move { finish(&node, follow_up).await });
    }
    metrics::gauge!("beckon_calls_live").set(node.calls.board().live().count() as f64);
}

fn each(
    node: &Arc<Node>,
    inputs: impl Fn(Option<Snapshot>) -> Vec<CallInput>,
    now: Moment,
) -> Vec<CallFollowUp> {
    let mut board = node.calls.board();
    let mut follow_ups = Vec::new();
    for id in board.ids() {
        let Some(entry) = board.get_mut(id) else { continue };
        let inputs = inputs(entry.call.snapshot());
        let handled = inputs.into_iter().filter_map(|input| entry.call.handle(now, input).ok());
        let effects: Vec<_> = handled.flatten().collect();
        if !effects.is_empty() {
            follow_ups.extend(perform(node, &mut board, id, effects, None));
        }
    }
    follow_ups
}

async fn renew_all(node: Arc<Node>) {
    let live: Vec<Snapshot> =
        node.calls.board().live().filter_map(|entry| entry.call.snapshot()).collect();
    for call in live {
        renew(&node, &call).await;
    }
}
