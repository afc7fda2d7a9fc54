//! A group call outlives its node: whoever was in it presents the fact of their ticket, and it goes on under the same id,
//! with the same start and the same record.

use std::sync::Arc;

use super::opening::{open, owner_of};
use super::room;
use crate::calls::{FactKind, record};
use crate::clock::{moment, now_ms};
use crate::conversations::must_be_member;
use crate::domain::frame::{Payload, ServerFrame};
use crate::domain::group_call::{GroupCall, GroupCallFact, GroupCallPhase, GroupCallState, Origin};
use crate::domain::ids::{CallId, NodeId};
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Result};
use crate::node::Node;
use crate::notice::Notice;
use crate::people;
use crate::store::removals;

/// Goes on here with a call that no node knows, unless it is over.
pub(super) async fn take_up(
    node: &Arc<Node>,
    caller: Caller,
    id: CallId,
    fact: &str,
) -> Result<()> {
    let user = caller.user;
    let fact: GroupCallFact = node.calls.facts.read(FactKind::GroupCall, fact)?;
    let Origin { conversation_id, started_by, .. } = fact.origin;
    if fact.origin.id != id || fact.holder != user {
        return Err(Code::NotFound.into());
    }
    if !fact.guest {
        must_be_member(node, user, conversation_id).await?;
    }
    if fact.expires_at <= now_ms() || record::is_written(node, id, started_by).await? {
        return Err(Code::CallOver.into());
    }
    let removed = removals::of(&node.db, id).await?;
    if removed.contains(&user) {
        return Err(Code::Denied.into());
    }
    let owner = owner_of(node, conversation_id).await?;
    let size_max = room::size_max(node);
    let call = GroupCall::taken_up(&fact, owner, size_max, removed.clone(), moment());
    let people = vec![people::active(node, user).await?];
    match open(node, call, people).await {
        Ok(None) => {
            tracing::info!(call.id = %id, "a group call was taken up again");
            metrics::counter!("beckon_group_calls_taken_up_total").increment(1);
            // with a ticket of before they would not ask us
            for user in removed {
                room::remove(node, id, user).await;
            }
            Ok(())
        }
        // somebody else was faster, here or on another node
        Ok(Some(found)) if found == id => Ok(()),
        // the conversation has gone on to another call
        Ok(Some(_)) => Err(Code::CallOver.into()),
        Err(refusal) => Err(refusal),
    }
}

/// Another node is gone. Each node tells its own people what became of its calls; whoever was in one may go on.
pub async fn node_gone(node: &Node, gone: NodeId) {
    for call in node.cache.group_calls_left_by(gone).await {
        let id = call.conversation_id;
        let concerned = call.participants.iter().chain(&call.invited).map(|one| one.id).collect();
        let call = GroupCallState { state: GroupCallPhase::Over, lost: true, ..call };
        let frame = Payload::from(ServerFrame::GroupCall { call });
        node.hub.deliver(&Notice::Conversation { id, frame: frame.clone() });
        node.hub.deliver(&Notice::Users { ids: concerned, frame });
    }
}
