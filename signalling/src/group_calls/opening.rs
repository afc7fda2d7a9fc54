//! Putting a new call, or one that is taken up, on the board of this node.

use super::entry::GroupCallEntry;
use super::{room, tell};
use crate::domain::conversation::Role;
use crate::domain::group_call::{GroupCall, GroupMedia};
use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::refusal::Result;
use crate::domain::user::User;
use crate::node::Node;
use crate::store::conversations as rows;

/// Puts a call on the board, in a room of this node; the call its conversation has already, if it has one anywhere.
pub(super) async fn open(
    node: &Node,
    call: GroupCall,
    people: Vec<User>,
) -> Result<Option<CallId>> {
    let (id, conversation) = (call.origin.id, call.origin.conversation_id);
    room::announce(node, id, call.size_max)?;
    let found = match put_on_board(node, call, people) {
        Ok(Some(here)) if here == id => return Ok(Some(id)), // taken up a moment ago
        Ok(None) => claim(node, id).await,
        Ok(other) => other,
        Err(refusal) => {
            let is_known = node.group_calls.board().get(id).is_some();
            if !is_known {
                room::close(node, id).await;
            }
            return Err(refusal);
        }
    };
    if found.is_some() {
        withdraw(node, id, conversation).await;
    }
    Ok(found)
}

/// The live call of its conversation, if there is one here already.
fn put_on_board(node: &Node, call: GroupCall, people: Vec<User>) -> Result<Option<CallId>> {
    let mut board = node.group_calls.board();
    if let Some(live) = board.live_of(call.origin.conversation_id) {
        return Ok(Some(live.call.origin.id));
    }
    board.insert(GroupCallEntry::new(call, people))?;
    Ok(None)
}

/// The call of another node that came first, if one did.
async fn claim(node: &Node, id: CallId) -> Option<CallId> {
    let call = node.group_calls.board().get(id).map(tell::state)?;
    let held = node.cache.claim_group_call(&call).await?;
    (held.node != node.id).then_some(held.call.id)
}

/// Takes back a call that nobody has heard of here.
pub(super) async fn withdraw(node: &Node, id: CallId, conversation: ConversationId) {
    node.group_calls.board().forget(id);
    node.cache.release_group_call(id, conversation).await;
    room::close(node, id).await;
}

pub(super) async fn owner_of(node: &Node, group: ConversationId) -> Result<Option<UserId>> {
    let members = rows::places_in(&node.db, group).await?;
    Ok(members.into_iter().find(|place| place.role == Role::Owner).map(|place| place.member))
}

pub(super) fn count_start(media: GroupMedia, from: &'static str) {
    let media = match media {
        GroupMedia::Voice => "voice",
        GroupMedia::Video => "video",
    };
    metrics::counter!("beckon_group_calls_started_total", "media" => media, "from" => from)
        .increment(1);
}
