//! The one task that looks after all group calls of a node: deadlines, what happens in rooms and groups, leases,
//! other nodes' words.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{apply, finish, owner_of, perform, remote, renew, room, tell};
use crate::bus::group_calls::Membership;
use crate::clock::now_ms;
use crate::domain::frame::ServerFrame;
use crate::domain::group_call::Input;
use crate::domain::ids::{CallId, ConversationId};
use crate::node::Node;
use crate::rooms;

/// How exact deadlines are, and how long a change may go untold while much is happening.
const SWEEP_EVERY: Duration = Duration::from_millis(250);
/// Three times within [`crate::cache::CALL_LEASE`].
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long a node that stops waits for the records of its calls.
const RECORDS_WITHIN: Duration = Duration::from_secs(5);

/// Runs until the node stops.
pub async fn keep(node: Arc<Node>) {
    let mut happenings = rooms::notices(&node);
    let (mut sweeps, mut renewals) = (every(SWEEP_EVERY), every(RENEW_EVERY));
    loop {
        tokio::select! {
            () = node.stop.cancelled() => return,
            happening = happenings.recv() => match happening {
                Ok(happening) => room::hear(&node, happening).await,
                Err(RecvError::Lagged(_)) => look_again(&node).await,
                Err(RecvError::Closed) => return,
            },
            word = node.hub.group_words.next() => remote::hear(&node, word),
            change = node.hub.memberships.next() => members_changed(&node, change),
            _ = sweeps.tick() => sweep(&node, now_ms()),
            _ = renewals.tick() => {
                tokio::spawn(renew_all(node.clone()));
            }
        }
    }
}

/// Ends all calls of this node, because nobody will look after them: told and recorded before the sockets close.
pub async fn stop(node: &Arc<Node>) {
    let ids = node.group_calls.board().ids();
    for id in ids {
        input(node, id, Input::NodeStops).await;
    }
    node.group_calls.endings.close();
    if tokio::time::timeout(RECORDS_WITHIN, node.group_calls.endings.wait()).await.is_err() {
        tracing::error!("the node stops before all group call records are written");
    }
}

/// Applies what happened to a call of this node, if it is still there.
pub(super) async fn input(node: &Arc<Node>, id: CallId, input: Input) {
    if let Ok(rest) = apply(node, now_ms(), id, input) {
        finish(node, id, rest).await;
    }
}

/// Lets time pass for every call, and tells what was held back.
fn sweep(node: &Arc<Node>, now: i64) {
    let mut board = node.group_calls.board();
    for id in board.ids() {
        let Some(entry) = board.get_mut(id) else { continue };
        let effects = entry.call.handle(now, Input::Tick).unwrap_or_default();
        let rest = perform(node, &mut board, id, effects, now);
        if rest.told || rest.over.is_some() {
            let node = node.clone();
            tokio::spawn(async move { finish(&node, id, rest).await });
        }
    }
    metrics::gauge!("beckon_group_calls_live").set(board.live().count() as f64);
    let people: usize = board.live().map(|entry| entry.call.inside().len()).sum();
    metrics::gauge!("beckon_group_calls_people").set(people as f64);
}

/// Whoever leaves a conversation leaves its call; whoever joins hears of it at once.
fn members_changed(node: &Arc<Node>, Membership { conversation, joined, left }: Membership) {
    let id = {
        let board = node.group_calls.board();
        let Some(entry) = board.live_in(conversation) else { return };
        if !joined.is_empty() {
            let call = tell::state(entry);
            node.bus.to_users(joined.clone(), ServerFrame::GroupCall { call });
        }
        entry.call.origin.id
    };
    let inputs = [Input::MembersJoined(joined), Input::MembersLeft(left)];
    let rests: Vec<_> =
        inputs.into_iter().filter_map(|input| apply(node, now_ms(), id, input).ok()).collect();
    let node = node.clone();
    tokio::spawn(async move {
        for rest in rests {
            finish(&node, id, rest).await;
        }
        follow_owner(&node, id, conversation).await;
    });
}

/// The group may have another owner, or be dissolved.
async fn follow_owner(node: &Arc<Node>, id: CallId, conversation: ConversationId) {
    match owner_of(node, conversation).await {
        Ok(Some(owner)) => input(node, id, Input::Owner(owner)).await,
        Ok(None) => input(node, id, Input::Dissolved).await,
        Err(error) => tracing::warn!(call.id = %id, %error, "a call's group could not be read"),
    }
}

/// Notices were missed: the rooms themselves tell who is in them.
async fn look_again(node: &Arc<Node>) {
    let ids = node.group_calls.board().ids();
    for id in ids {
        room::compare(node, id).await;
    }
}

async fn renew_all(node: Arc<Node>) {
    let live: Vec<_> = node.group_calls.board().live().map(|entry| entry.call.origin.id).collect();
    for id in live {
        renew(&node, id).await;
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
