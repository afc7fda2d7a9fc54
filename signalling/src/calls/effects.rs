//! What happens to a call that lives here, and what follows from it.

use std::sync::Arc;

use super::ending::{self, EndedCall};
use super::entry::CallEntry;
use super::tell;
use crate::board::Board;
use crate::domain::call::{CallEffect, CallInput, Snapshot};
use crate::domain::frame::{Payload, ServerFrame};
use crate::domain::ids::CallId;
use crate::domain::moment::Moment;
use crate::domain::refusal::Result;
use crate::node::Node;
use crate::notice::Notice;

/// What is left to do about an input once the board is unlocked.
#[derive(Default)]
pub(super) struct CallFollowUp {
    /// Other sockets carry the call now: other nodes may know.
    moved: Option<Snapshot>,
    over: Option<EndedCall>,
}

impl CallFollowUp {
    pub(super) fn is_nothing(&self) -> bool {
        self.moved.is_none() && self.over.is_none()
    }
}

/// Applies an input to a call that lives here; `None` if it does not. Everything that sockets hear of it is put
/// into their mailboxes before the board is unlocked: they hear things in the order in which they happened.
pub(super) fn apply(
    node: &Node,
    now: Moment,
    call_id: CallId,
    input: CallInput,
    signal: Option<&Payload>,
) -> Option<Result<CallFollowUp>> {
    let mut board = node.calls.board();
    let entry = board.get_mut(call_id)?;
    let effects = match entry.call.handle(now, input) {
        Ok(effects) => effects,
        Err(code) => return Some(Err(code.into())),
    };
    Some(perform(node, &mut board, call_id, effects, signal))
}

pub(super) fn perform(
    node: &Node,
    board: &mut Board<CallEntry>,
    call_id: CallId,
    effects: Vec<CallEffect>,
    signal: Option<&Payload>,
) -> Result<CallFollowUp> {
    let mut follow_up = CallFollowUp::default();
    for effect in effects {
        let Some(entry) = board.get_mut(call_id) else { break };
        match effect {
            CallEffect::TellAccepted => {
                tell::state(node, entry, |call| ServerFrame::CallAccepted { call });
                follow_up.moved = entry.call.snapshot();
            }
            CallEffect::TellResumed => {
                tell::carriers(node, entry, |call| ServerFrame::CallResumed { call });
                follow_up.moved = entry.call.snapshot();
            }
            CallEffect::TellTaken(socket) => tell::taken(node, entry, socket),
            CallEffect::TellAway(socket) => {
                let frame = ServerFrame::CallAway { call_id }.into();
                node.bus.publish(Notice::Socket { id: socket, frame });
            }
            CallEffect::Relay(to) => {
                entry.count_signal()?;
                tell::relay(&node.bus, to, signal);
            }
            CallEffect::End(ending) => {
                follow_up.over = Some(EndedCall::new(&entry.call, ending));
                board.release(call_id);
            }
            CallEffect::Forget => board.forget(call_id),
        }
    }
    Ok(follow_up)
}

/// Does what an input still asks for, and returns when the two may call anew.
pub(super) async fn finish(node: &Arc<Node>, follow_up: CallFollowUp) {
    if let Some(call) = follow_up.moved {
        renew(node, &call).await;
    }
    if let Some(over) = follow_up.over {
        ending::settle(node, over).await;
    }
}

/// Keeps a call's claim, unless the call ended meanwhile: its claim must not come back.
pub(super) async fn renew(node: &Node, call: &Snapshot) {
    let id = call.parties.call_id;
    if !node.cache.renew_call(call).await {
        tracing::warn!(call.id = %id, "another node has taken this call up");
        let mut board = node.calls.board();
        board.release(id);
        board.forget(id);
    } else if !node.calls.board().is_live(id) {
        node.cache.release_call(&call.parties).await;
    }
}
