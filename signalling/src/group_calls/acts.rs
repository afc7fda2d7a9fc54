//! What people do in a call that lives on this node.

use std::collections::HashSet;
use std::sync::Arc;

use super::effects::{apply, finish};
use super::{room, tell};
use crate::clock::moment;
use crate::domain::group_call::{
    CallTicket, GroupCallAct, GroupCallInput, GroupCallState, RINGING_MAX,
};
use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::user::User;
use crate::groups::invitable;
use crate::node::Node;
use crate::people;
use crate::store::{self, conversations as rows};

/// A ticket for somebody who may come in.
pub(super) async fn join(
    node: &Arc<Node>,
    user: UserId,
    own_url: Option<&str>,
    id: CallId,
) -> Result<CallTicket> {
    let url = room::url(node, own_url)?;
    let me = people::active(node, user).await?;
    let member = rows::role_of(&node.db, conversation_of(node, id)?, user).await?.is_some();
    let call = act(node, user, id, GroupCallAct::Join { member }, vec![me.clone()]).await?;
    Ok(room::ticket(node, url, call, &me, !member))
}

/// Contacts of `user`, who are rung.
pub(super) async fn invite(
    node: &Arc<Node>,
    user: UserId,
    id: CallId,
    users: &[UserId],
) -> Result<GroupCallState> {
    let people = wanted(node, user, users).await?;
    let inside: HashSet<_> =
        rows::member_ids(&node.db, conversation_of(node, id)?).await?.into_iter().collect();
    let (members, guests) =
        people.iter().map(|user| user.id).partition(|user| inside.contains(user));
    act(node, user, id, GroupCallAct::Invite { members, guests }, people).await
}

/// The contacts among `users` whom somebody may ask in: all of them, or none.
pub(super) async fn wanted(node: &Node, user: UserId, users: &[UserId]) -> Result<Vec<User>> {
    if users.len() > RINGING_MAX {
        return Err(Refusal { field: Some("user_ids"), ..Code::TooLarge.into() });
    }
    let contacts = invitable(&node.db, user, users).await?;
    if contacts.is_empty() {
        return Err(Refusal::invalid("user_ids"));
    }
    Ok(store::users::by_ids(&node.db, contacts).await?)
}

/// Applies an act, and returns how the call stands then. `people` are those it brings in.
pub(super) async fn act(
    node: &Arc<Node>,
    user: UserId,
    id: CallId,
    act: GroupCallAct,
    people: Vec<User>,
) -> Result<GroupCallState> {
    remember_profiles(node, id, people);
    let follow_up = apply(node, moment(), id, GroupCallInput::Act { user, act })?;
    let call = node.group_calls.board().get(id).map(tell::state);
    finish(node, id, follow_up).await;
    call.ok_or(Code::CallOver.into())
}

/// Remembers people as they are now, for what is told of the call.
pub(super) fn remember_profiles(node: &Node, id: CallId, people: Vec<User>) {
    if let Some(entry) = node.group_calls.board().get_mut(id) {
        entry.people.extend(people.into_iter().map(|user| (user.id, user)));
    }
}

fn conversation_of(node: &Node, id: CallId) -> Result<ConversationId> {
    let board = node.group_calls.board();
    Ok(board.get(id).ok_or(Code::NotFound)?.call.origin.conversation_id)
}
