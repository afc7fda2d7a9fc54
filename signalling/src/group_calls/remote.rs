//! Group calls that live on another node: what people here do about them is asked of that node.

use std::sync::Arc;
use std::time::Duration;

use super::deeds;
use crate::domain::ids::{CallId, NodeId, UserId};
use crate::domain::refusal::Result;
use crate::node::Node;
use crate::notice::Notice;
use crate::words::Addressed;
use crate::words::group_calls::{GroupCallDeed, GroupCallDone, GroupCallWord};

/// An answer that takes longer will not come.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Asks the node where the call lives to do this.
pub(super) async fn ask(
    node: &Node,
    holder: NodeId,
    user: UserId,
    call_id: CallId,
    deed: GroupCallDeed,
) -> Result<GroupCallDone> {
    let say = |request| say(node, holder, GroupCallWord::Ask { request, user, call_id, deed });
    node.group_calls.questions.ask(ANSWER_WITHIN, say).await
}

/// Takes in what another node says.
pub(super) fn hear(node: &Arc<Node>, Addressed { from, to, what }: Addressed<GroupCallWord>) {
    if to != node.id {
        return;
    }
    match what {
        GroupCallWord::Ask { request, user, call_id, deed } => {
            let node = node.clone();
            tokio::spawn(async move {
                let done = deeds::perform(&node, user, None, call_id, deed).await;
                let done = done.map_err(|refusal| refusal.code.as_str().to_owned());
                say(&node, from, GroupCallWord::Answer { request, done });
            });
        }
        GroupCallWord::Answer { request, done } => {
            node.group_calls.questions.answer(request, done);
        }
    }
}

fn say(node: &Node, to: NodeId, what: GroupCallWord) {
    node.bus.publish(Notice::GroupCalls(Box::new(Addressed { from: node.id, to, what })));
}
