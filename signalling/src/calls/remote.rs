//! Calls that live on another node: what people here do is asked of that node, and both nodes tell each other
//! every few seconds that they still carry the call.

use std::sync::Arc;
use std::time::Duration;

use super::effects::{apply, finish};
use crate::clock::{moment, ticks_ms};
use crate::domain::call::{CallAct, CallInput};
use crate::domain::call_record::CallOutcome;
use crate::domain::frame::{Payload, ServerFrame};
use crate::domain::ids::{CallId, NodeId, SocketId, UserId};
use crate::domain::refusal::{Code, Result};
use crate::node::Node;
use crate::notice::Notice;
use crate::words::Addressed;
use crate::words::calls::{CallDeed, CallWord, Carrier};

/// An answer that takes longer will not come.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Asks the node where the call lives to do this.
pub(super) async fn ask(
    node: &Node,
    user: UserId,
    socket: SocketId,
    call_id: CallId,
    act: CallAct,
    signal: Option<Payload>,
) -> Result<()> {
    let holder = match node.calls.carried.holder_of(call_id) {
        Some(holder) => holder,
        None => node.cache.held_call(call_id).await.ok_or(Code::NotFound)?.node,
    };
    if holder == node.id {
        return Err(Code::CallOver.into()); // forgotten here a moment ago
    }
    let deed = |request| CallDeed { request, call_id, user, socket, act, signal };
    let say = |request| say(node, holder, CallWord::Ask(deed(request)));
    node.calls.questions.ask(ANSWER_WITHIN, say).await?;
    if matches!(act, CallAct::Accept | CallAct::Resume { .. }) {
        node.calls.carried.insert(call_id, holder, socket, ticks_ms());
    }
    Ok(())
}

/// Takes in what another node says.
pub(super) fn hear(node: &Arc<Node>, Addressed { from, to, what }: Addressed<CallWord>) {
    if to != node.id {
        return;
    }
    match what {
        CallWord::Ask(deed) => perform(node, from, deed),
        CallWord::Answer { request, code } => {
            node.calls.questions.answer(request, code.map_or(Ok(()), Err));
        }
        CallWord::Carrying { carriers } => confirm(node, from, carriers),
        CallWord::StillLive { calls } => {
            node.calls.carried.keep_only(from, &calls, ticks_ms());
        }
    }
}

/// The input is applied before the next word is heard: signals stay in order.
fn perform(node: &Arc<Node>, from: NodeId, deed: CallDeed) {
    let CallDeed { request, call_id, user, socket, act, signal } = deed;
    let input = CallInput::Act { user, socket, act };
    let done = match apply(node, moment(), call_id, input, signal.as_ref()) {
        Some(done) => done.map_err(|refusal| refusal.code),
        None => Err(Code::NotFound),
    };
    match done {
        Ok(follow_up) if follow_up.is_nothing() => {
            say(node, from, CallWord::Answer { request, code: None })
        }
        Ok(follow_up) => {
            let node = node.clone();
            tokio::spawn(async move {
                finish(&node, follow_up).await;
                say(&node, from, CallWord::Answer { request, code: None });
            });
        }
        Err(code) => {
            let code = Some(code.as_str().to_owned());
            say(node, from, CallWord::Answer { request, code });
        }
    }
}

fn confirm(node: &Arc<Node>, from: NodeId, carriers: Vec<Carrier>) {
    let now = moment();
    for Carrier { call_id, socket, connected, closed } in &carriers {
        let input = match (connected, closed) {
            (true, _) => CallInput::SocketSeen(*socket),
            (false, true) => CallInput::SocketClosed(*socket),
            (false, false) => continue,
        };
        // ends nothing, so there is nothing to finish
        let _ = apply(node, now, *call_id, input, None);
    }
    let board = node.calls.board();
    let calls = carriers.iter().map(|c| c.call_id).filter(|id| board.is_live(*id)).collect();
    drop(board);
    say(node, from, CallWord::StillLive { calls });
}

/// Tells the other nodes which of their calls are carried here, and this node's people which are lost because
/// their node has been silent for too long.
pub(super) fn vouch(node: &Node, now: i64) {
    for (holder, calls) in node.calls.carried.by_holder() {
        let carrier = |(call_id, socket)| {
            let closed = node.hub.socket(socket).is_none();
            Carrier { call_id, socket, connected: node.hub.is_connected(socket), closed }
        };
        say(
            node,
            holder,
            CallWord::Carrying { carriers: calls.into_iter().map(carrier).collect() },
        );
    }
    for (call_id, socket) in node.calls.carried.take_lost(now) {
        let frame = ServerFrame::CallEnded { call_id, outcome: CallOutcome::Lost, by: None };
        if let Some(mailbox) = node.hub.socket(socket) {
            node.bus.to_users([mailbox.user], frame);
        }
    }
}

fn say(node: &Node, to: NodeId, what: CallWord) {
    node.bus.publish(Notice::Calls(Addressed { from: node.id, to, what }));
}
