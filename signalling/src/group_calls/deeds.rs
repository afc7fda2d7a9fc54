//! What people ask for about a call that lives on this node, wherever they asked.

use std::sync::Arc;

use super::{acts, growing, room};
use crate::clock::now_ms;
use crate::domain::group_call::GroupCallAct;
use crate::domain::ids::{CallId, UserId};
use crate::domain::refusal::Result;
use crate::node::Node;
use crate::store;
use crate::words::group_calls::{GroupCallDeed, GroupCallDone};

/// Does what `user` asks; `own_url` is where they reached this node, if they did.
pub(super) async fn perform(
    node: &Arc<Node>,
    user: UserId,
    own_url: Option<&str>,
    id: CallId,
    deed: GroupCallDeed,
) -> Result<GroupCallDone> {
    match deed {
        GroupCallDeed::Join => {
            Ok(GroupCallDone::Ticket(acts::join(node, user, own_url, id).await?))
        }
        GroupCallDeed::Invite { users } => {
            Ok(GroupCallDone::Call(acts::invite(node, user, id, &users).await?))
        }
        GroupCallDeed::Decline => acts::act(node, user, id, GroupCallAct::Decline, vec![])
            .await
            .map(|_| GroupCallDone::Nothing),
        GroupCallDeed::Mute { user: whom, source } => {
            acts::act(node, user, id, GroupCallAct::Mute(whom), vec![]).await?;
            room::mute(node, id, whom, source).await?;
            Ok(GroupCallDone::Nothing)
        }
        GroupCallDeed::Remove { user: whom } => {
            acts::act(node, user, id, GroupCallAct::Remove(whom), vec![]).await?;
            if let Err(error) = store::removals::put(&node.db, id, whom, now_ms()).await {
                // out they are; they could come back after a crash
                tracing::warn!(call.id = %id, %error, "a removal could not be kept");
            }
            Ok(GroupCallDone::Nothing)
        }
        GroupCallDeed::Grow { users } => {
            Ok(GroupCallDone::Ticket(growing::grow(node, user, own_url, id, &users).await?))
        }
    }
}
