//! Calls whose node is gone: what rang stops ringing, and who was talking here is asked to take their call elsewhere.

use crate::domain::call::Snapshot;
use crate::domain::call_record::CallOutcome;
use crate::domain::frame::ServerFrame;
use crate::domain::ids::NodeId;
use crate::node::Node;
use crate::notice::Notice;

/// Another node is gone. Each node tells its own people.
pub async fn node_gone(node: &Node, gone: NodeId) {
    node.calls.carried.forget_node(gone);
    for call in node.cache.calls_left_by(gone).await {
        tell_here(node, &call);
    }
}

fn tell_here(node: &Node, call: &Snapshot) {
    let call_id = call.parties.call_id;
    if call.accepted_at.is_some() {
        for id in call.carriers() {
            let frame = ServerFrame::CallOrphaned { call_id }.into();
            node.hub.deliver(&Notice::Socket { id, frame });
        }
        return;
    }
    let frame = ServerFrame::CallEnded { call_id, outcome: CallOutcome::Lost, by: None };
    node.hub.deliver(&Notice::Users { ids: call.knowing(), frame: frame.into() });
}
