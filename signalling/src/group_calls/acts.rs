//! What people do about a call that lives on this node, wherever they asked.

use std::collections::HashSet;
use std::sync::Arc;

use super::{apply, existing, finish, growing, room, tell};
use crate::clock::{moment, now_ms};
use crate::domain::group_call::{Act, CallTicket, GroupCallState, Input, RINGING_MAX};
use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::user::User;
use crate::groups::invitable;
use crate::node::Node;
use crate::store::{self, conversations as rows};
use crate::words::group_calls::{Deed, Done};

/// Does what `user` asks; `own_url` is where they reached this node, if they did.
pub(super) async fn perform(
    node: &Arc<Node>,
    user: UserId,
    own_url: Option<&str>,
    id: CallId,
    deed: Deed,
) -> Result<Done> {
    match deed {
        Deed::Join => Ok(Done::Ticket(join(node, user, own_url, id).await?)),
        Deed::Invite { users } => Ok(Done::Call(invite(node, user, id, &users).await?)),
        Deed::Decline => act(node, user, id, Act::Decline, vec![]).await.map(|_| Done::Nothing),
        Deed::Mute { user: whom, source } => {
            act(node, user, id, Act::Mute(whom), vec![]).await?;
            room::mute(node, id, whom, source).await?;
            Ok(Done::Nothing)
        }
        Deed::Remove { user: whom } => {
            act(node, user, id, Act::Remove(whom), vec![]).await?;
            if let Err(error) = store::removals::put(&node.db, id, whom, now_ms()).await {
                // out they are; they could come back after a crash
                tracing::warn!(call.id = %id, %error, "a removal could not be kept");
            }
            Ok(Done::Nothing)
        }
        Deed::Grow { users } => {
            Ok(Done::Ticket(growing::grow(node, user, own_url, id, &users).await?))
        }
    }
}

async fn join(
    node: &Arc<Node>,
    user: UserId,
    own_url: Option<&str>,
    id: CallId,
) -> Result<CallTicket> {
    let url = room::url(node, own_url)?;
    let me = existing(node, user).await?;
    let member = rows::role_of(&node.db, conversation_of(node, id)?, user).await?.is_some();
    let call = act(node, user, id, Act::Join { member }, vec![me.clone()]).await?;
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
    act(node, user, id, Act::Invite { members, guests }, people).await
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
async fn act(
    node: &Arc<Node>,
    user: UserId,
    id: CallId,
    act: Act,
    people: Vec<User>,
) -> Result<GroupCallState> {
    know(node, id, people);
    let rest = apply(node, moment(), id, Input::Act { user, act })?;
    let call = node.group_calls.board().get(id).map(tell::state);
    finish(node, id, rest).await;
    call.ok_or(Code::CallOver.into())
}

/// Remembers people as they are now, for what is told of the call.
pub(super) fn know(node: &Node, id: CallId, people: Vec<User>) {
    if let Some(entry) = node.group_calls.board().get_mut(id) {
        entry.people.extend(people.into_iter().map(|user| (user.id, user)));
    }
}

fn conversation_of(node: &Node, id: CallId) -> Result<ConversationId> {
    let board = node.group_calls.board();
    Ok(board.get(id).ok_or(Code::NotFound)?.call.origin.conversation_id)
}
