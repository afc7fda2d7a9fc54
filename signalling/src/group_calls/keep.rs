//! The one task that looks after all group calls of a node: deadlines, what happens in rooms and groups, leases,
//! other nodes' words.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::effects::{apply, finish, finish_beside, input, perform, renew};
use super::{events, remote};
use crate::calls::record;
use crate::clock::{every, moment};
use crate::domain::conversation::Role;
use crate::domain::group_call::{GroupCallInput, Origin};
use crate::domain::ids::{CallId, ConversationId};
use crate::domain::moment::Moment;
use crate::node::Node;
use crate::rooms;
use crate::store::conversations as rows;
use crate::words::group_calls::Membership;

/// How exact deadlines are, and how long a change may go untold while much is happening.
const SWEEP_EVERY: Duration = Duration::from_millis(250);
/// Three times within [`crate::cache::CALL_LEASE`].
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long somebody may stay in the call of a group that they left unnoticed, because Redis was away.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Runs until the node stops.
pub async fn keep(node: Arc<Node>) {
    let mut happenings = rooms::notices(&node);
    let (mut sweeps, mut renewals) = (every(SWEEP_EVERY), every(RENEW_EVERY));
    let mut looks = every(LOOK_EVERY);
    loop {
        tokio::select! {
            () = node.stop.cancelled() => return,
            happening = happenings.recv() => match happening {
                Ok(happening) => events::hear(&node, happening).await,
                Err(RecvError::Lagged(_)) => resync(&node).await,
                Err(RecvError::Closed) => return,
            },
            word = node.bus.inboxes().group_calls.next() => remote::hear(&node, word),
            change = node.bus.inboxes().memberships.next() => members_changed(&node, change),
            _ = sweeps.tick() => sweep(&node, moment()),
            _ = renewals.tick() => {
                tokio::spawn(renew_all(node.clone()));
            }
            _ = looks.tick() => {
                tokio::spawn(follow_all_members(node.clone()));
            }
        }
    }
}

/// Ends the calls of this node that nobody is in: told and recorded before the sockets close. Whoever is in one goes on
/// with it on whatever node they reach next.
pub async fn stop(node: &Arc<Node>) {
    let ids = node.group_calls.board().ids();
    for id in ids {
        if let Ok(follow_up) = apply(node, moment(), id, GroupCallInput::NodeStops) {
            finish(node, id, follow_up).await;
        }
    }
    record::all_written(&node.group_calls.endings).await;
}

/// Lets time pass for every call, and tells what was held back.
fn sweep(node: &Arc<Node>, now: Moment) {
    let mut board = node.group_calls.board();
    for id in board.ids() {
        let Some(entry) = board.get_mut(id) else { continue };
        let effects = entry.call.handle(now, GroupCallInput::Tick).unwrap_or_default();
        finish_beside(node, id, perform(node, &mut board, id, effects, now));
    }
    metrics::gauge!("beckon_group_calls_live").set(board.live().count() as f64);
    let people: usize = board.live().map(|entry| entry.call.inside().len()).sum();
    metrics::gauge!("beckon_group_calls_people").set(people as f64);
}

/// Whoever leaves a conversation leaves its call; whoever joins hears of it at once.
fn members_changed(node: &Arc<Node>, Membership { conversation, joined, left }: Membership) {
    let live = node.group_calls.board().live_of(conversation).map(|entry| entry.call.origin.id);
    let Some(id) = live else { return };
    input(node, id, GroupCallInput::MembersJoined(joined));
    input(node, id, GroupCallInput::MembersLeft(left));
    let node = node.clone();
    tokio::spawn(async move { follow_members(&node, id, conversation).await });
}

/// Looks who is in the conversation: the group may have another owner or be dissolved, and a notice of somebody who
/// left it may have been lost.
async fn follow_members(node: &Arc<Node>, id: CallId, conversation: ConversationId) {
    let members = match rows::places_in(&node.db, conversation).await {
        Ok(members) => members,
        Err(error) => return tracing::warn!(call.id = %id, %error, "a call's members are unknown"),
    };
    if members.is_empty() {
        return input(node, id, GroupCallInput::Dissolved);
    }
    if let Some(owner) = members.iter().find(|place| place.role == Role::Owner) {
        input(node, id, GroupCallInput::Owner(owner.member));
    }
    let members: HashSet<_> = members.iter().map(|place| place.member).collect();
    let outside = node.group_calls.board().get(id).map(|entry| entry.call.outsiders(&members));
    if let Some(outside) = outside.filter(|outside| !outside.is_empty()) {
        input(node, id, GroupCallInput::MembersLeft(outside));
    }
}

async fn follow_all_members(node: Arc<Node>) {
    for origin in live(&node) {
        follow_members(&node, origin.id, origin.conversation_id).await;
    }
}

/// Notices were missed: the rooms themselves tell who is in them.
async fn resync(node: &Arc<Node>) {
    let ids = node.group_calls.board().ids();
    for id in ids {
        events::compare(node, id).await;
    }
}

async fn renew_all(node: Arc<Node>) {
    for origin in live(&node) {
        renew(&node, origin.id).await;
    }
}

fn live(node: &Node) -> Vec<Origin> {
    node.group_calls.board().live().map(|entry| entry.call.origin).collect()
}
