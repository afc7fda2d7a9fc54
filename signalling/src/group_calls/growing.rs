//! A one-to-one call becomes a group call: same id, same conversation, and nobody hangs up.

use std::sync::Arc;

use super::opening::{count_start, open, withdraw};
use super::{acts, room, tell};
use crate::calls;
use crate::clock::moment;
use crate::domain::call::{Parties, Snapshot};
use crate::domain::call_record::CallMedia;
use crate::domain::group_call::{CallTicket, GroupCall, GroupMedia, Origin};
use crate::domain::ids::{CallId, UserId};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::node::Node;
use crate::store;

/// Makes a group call of `user`'s one-to-one call on this node, and rings `users` into it.
pub(super) async fn grow(
    node: &Arc<Node>,
    user: UserId,
    own_url: Option<&str>,
    id: CallId,
    users: &[UserId],
) -> Result<CallTicket> {
    let direct = calls::active(node, user, id)?;
    let url = room::url(node, own_url.filter(|_| both_reach(node, &direct)))?;
    let Parties { caller, callee, .. } = direct.parties;
    let guests = acts::wanted(node, user, users).await?;
    if guests.iter().any(|guest| direct.parties.includes(guest.id)) {
        return Err(Refusal::invalid("user_ids"));
    }
    let both = store::users::by_ids(&node.db, [caller, callee]).await?;
    let me = both.iter().find(|one| one.id == user).cloned().ok_or(Code::NotFound)?;
    let origin = origin(&direct);
    let call = GroupCall::grown(origin, [caller, callee], room::size_max(node), moment());
    if open(node, call, both).await?.is_some() {
        return Err(Code::Conflict.into()); // the two left guests behind in another call
    }
    if let Err(refusal) = calls::hand_on(node, user, id).await {
        withdraw(node, id, origin.conversation_id).await;
        return Err(refusal);
    }
    count_start(origin.media, "call");
    if let Some(entry) = node.group_calls.board().get(id) {
        tell::moved(&node.bus, entry, [caller, callee]);
    }
    let users: Vec<_> = guests.iter().map(|guest| guest.id).collect();
    let call = acts::invite(node, user, id, &users).await?;
    Ok(room::ticket(node, url, call, &me, false))
}

fn origin(direct: &Snapshot) -> Origin {
    let media = match direct.media {
        CallMedia::Voice => GroupMedia::Voice,
        CallMedia::Video | CallMedia::Screen => GroupMedia::Video,
    };
    Origin {
        id: direct.parties.call_id,
        conversation_id: direct.conversation_id,
        media,
        started_by: direct.parties.caller,
        started_at: direct.accepted_at.unwrap_or(direct.started_at),
    }
}

/// Whether the rooms of this node can be reached where the two reached it, because both are here.
fn both_reach(node: &Node, direct: &Snapshot) -> bool {
    direct.carriers().all(|socket| node.hub.socket(socket).is_some())
}
