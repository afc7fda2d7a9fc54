//! Group calls that live on another node: what people here do about them is asked of that node.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use super::acts;
use crate::bus::Notice;
use crate::bus::group_calls::{Deed, Done, GroupWord, Word};
use crate::domain::ids::{CallId, NodeId, UserId};
use crate::domain::refusal::{Code, Result};
use crate::node::Node;

/// An answer that takes longer will not come.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

type Answer = Result<Done, String>;

#[derive(Default)]
pub(super) struct Remote {
    next_request: AtomicU64,
    asked: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
}

/// Asks the node where the call lives to do this.
pub(super) async fn ask(
    node: &Node,
    holder: NodeId,
    user: UserId,
    call_id: CallId,
    deed: Deed,
) -> Result<Done> {
    let remote = &node.group_calls.remote;
    let request = remote.next_request.fetch_add(1, Ordering::Relaxed);
    let (answer, answered) = oneshot::channel();
    remote.asked().insert(request, answer);
    say(node, holder, Word::Ask { request, user, call_id, deed });
    let answer = tokio::time::timeout(ANSWER_WITHIN, answered).await;
    remote.asked().remove(&request);
    match answer {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(code))) => Err(Code::named(&code).unwrap_or(Code::Internal).into()),
        _ => Err(Code::Unavailable.into()),
    }
}

/// Takes in what another node says.
pub(super) fn hear(node: &Arc<Node>, GroupWord { from, to, what }: GroupWord) {
    if to != node.id {
        return;
    }
    match what {
        Word::Ask { request, user, call_id, deed } => {
            let node = node.clone();
            tokio::spawn(async move {
                let done = acts::perform(&node, user, None, call_id, deed).await;
                let done = done.map_err(|refusal| refusal.code.as_str().to_owned());
                say(&node, from, Word::Answer { request, done });
            });
        }
        Word::Answer { request, done } => {
            if let Some(asker) = node.group_calls.remote.asked().remove(&request) {
                let _ = asker.send(done); // they may have given up
            }
        }
    }
}

fn say(node: &Node, to: NodeId, what: Word) {
    node.bus.publish(Notice::GroupCalls(Box::new(GroupWord { from: node.id, to, what })));
}

impl Remote {
    fn asked(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.asked.lock().expect("nothing panics under this lock")
    }
}
