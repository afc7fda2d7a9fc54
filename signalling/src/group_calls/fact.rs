//! What lets a person go on with a group call after the process that held it.

use crate::calls::FactKind;
use crate::clock::now_ms;
use crate::domain::call::FACT_LIFE_MS;
use crate::domain::group_call::{GroupCallFact, GroupCallState, Origin};
use crate::domain::ids::UserId;
use crate::node::Node;

/// What somebody who is let in carries.
pub(super) fn sign(node: &Node, call: &GroupCallState, holder: UserId, guest: bool) -> String {
    let origin = Origin {
        id: call.id,
        conversation_id: call.conversation_id,
        media: call.media,
        started_by: call.started_by,
        started_at: call.started_at,
    };
    let now = now_ms();
    let (issued_at, expires_at) = (now, now + FACT_LIFE_MS);
    let fact = GroupCallFact { origin, holder, guest, issued_at, expires_at };
    node.calls.facts.sign(FactKind::GroupCall, &fact)
}
