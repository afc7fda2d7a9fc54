//! What happens to a call that lives here, and what follows from it.

use std::sync::Arc;

use super::ending::{self, EndedGroupCall};
use super::entry::GroupCallEntry;
use super::{room, tell};
use crate::board::Board;
use crate::clock::moment;
use crate::domain::group_call::{GroupCallEffect, GroupCallInput};
use crate::domain::ids::{CallId, UserId};
use crate::domain::moment::Moment;
use crate::domain::refusal::{Code, Result};
use crate::node::Node;

/// What is left to do about an input once the board is unlocked.
#[derive(Default)]
pub(super) struct GroupCallFollowUp {
    evicted: Vec<UserId>,
    /// Everybody was told how the call stands: other nodes may know.
    told: bool,
    over: Option<EndedGroupCall>,
}

impl GroupCallFollowUp {
    fn is_nothing(&self) -> bool {
        self.evicted.is_empty() && !self.told && self.over.is_none()
    }
}

/// Applies an input to a call that lives here. What sockets hear of it is in their mailboxes before the board is
/// unlocked: they hear things in the order in which they happened.
pub(super) fn apply(
    node: &Node,
    now: Moment,
    id: CallId,
    input: GroupCallInput,
) -> Result<GroupCallFollowUp> {
    let mut board = node.group_calls.board();
    let entry = board.get_mut(id).ok_or(Code::NotFound)?;
    let effects = entry.call.handle(now, input)?;
    Ok(perform(node, &mut board, id, effects, now))
}

pub(super) fn perform(
    node: &Node,
    board: &mut Board<GroupCallEntry>,
    id: CallId,
    effects: Vec<GroupCallEffect>,
    now: Moment,
) -> GroupCallFollowUp {
    let mut follow_up = GroupCallFollowUp::default();
    for effect in effects {
        let Some(entry) = board.get_mut(id) else { break };
        match effect {
            GroupCallEffect::Tell { also } => entry.untold.get_or_insert_default().extend(also),
            GroupCallEffect::Ring { users, by } => tell::ringing(&node.bus, entry, users, by),
            GroupCallEffect::Evict(user) => follow_up.evicted.push(user),
            GroupCallEffect::End(ending) => {
                // whoever hears of the end must not find the door open
                room::withdraw(node, id);
                entry.untold.get_or_insert_default();
                follow_up.over = Some(EndedGroupCall::new(entry, ending));
                board.release(id);
            }
            GroupCallEffect::Forget => board.forget(id),
        }
    }
    if let Some(entry) = board.get_mut(id) {
        follow_up.told = tell::changed(&node.bus, entry, now.ticks);
    }
    follow_up
}

/// Does what an input still asks for.
pub(super) async fn finish(node: &Arc<Node>, id: CallId, follow_up: GroupCallFollowUp) {
    for user in follow_up.evicted {
        room::remove(node, id, user).await;
    }
    match follow_up.over {
        Some(over) => ending::settle(node, over).await,
        None if follow_up.told => renew(node, id).await,
        None => {}
    }
}

/// Keeps a call's claim, unless the call ended meanwhile: its claim must not come back.
pub(super) async fn renew(node: &Node, id: CallId) {
    let state = |node: &Node| {
        let board = node.group_calls.board();
        let entry = board.get(id).filter(|entry| entry.call.is_live())?;
        Some((tell::state(entry), entry.call.guests().collect::<Vec<_>>()))
    };
    let Some((call, guests)) = state(node) else { return };
    if !node.cache.renew_group_call(&call, &guests).await {
        tracing::warn!(call.id = %id, "another node has taken this group call up");
        node.group_calls.board().forget(id);
        room::close(node, id).await;
    } else if state(node).is_none() {
        node.cache.release_group_call(id, call.conversation_id).await;
    }
}

/// Applies what happened to a call of this node, if it is still there. What it asks for is done beside: a Redis
/// that is slow to answer holds nothing up.
pub(super) fn input(node: &Arc<Node>, id: CallId, input: GroupCallInput) {
    if let Ok(follow_up) = apply(node, moment(), id, input) {
        finish_beside(node, id, follow_up);
    }
}

pub(super) fn finish_beside(node: &Arc<Node>, id: CallId, follow_up: GroupCallFollowUp) {
    if !follow_up.is_nothing() {
        let node = node.clone();
        tokio::spawn(async move { finish(&node, id, follow_up).await });
    }
}
