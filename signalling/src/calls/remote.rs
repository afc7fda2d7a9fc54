//! Calls that live on another node: what people here do is asked of that node, and both nodes tell each other
//! every few seconds that they still carry the call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::{Rest, apply, finish};
use crate::clock::{moment, ticks_ms};
use crate::domain::call::{Act, Input, SOCKET_GRACE_MS};
use crate::domain::frame::{Payload, ServerFrame};
use crate::domain::ids::{CallId, NodeId, SocketId, UserId};
use crate::domain::message::CallOutcome;
use crate::domain::refusal::{Code, Result};
use crate::node::Node;
use crate::notice::Notice;
use crate::words::calls::{CallWord, Carrier, Deed, Word};
use crate::words::questions::Questions;

/// An answer that takes longer will not come.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Remote {
    questions: Questions<()>,
    /// Calls of other nodes that sockets of this node carry.
    carried: Mutex<HashMap<CallId, Carried>>,
}

struct Carried {
    node: NodeId,
    socket: SocketId,
    /// When the other node last said that the call lives, in ticks.
    confirmed_at: i64,
}

/// Asks the node where the call lives to do this.
pub(super) async fn ask(
    node: &Node,
    user: UserId,
    socket: SocketId,
    call_id: CallId,
    act: Act,
    signal: Option<Payload>,
) -> Result<()> {
    let remote = &node.calls.remote;
    let known = remote.carried().get(&call_id).map(|carried| carried.node);
    let holder = match known {
        Some(holder) => holder,
        None => node.cache.call_place(call_id).await.ok_or(Code::NotFound)?.node,
    };
    if holder == node.id {
        return Err(Code::CallOver.into()); // forgotten here a moment ago
    }
    let deed = |request| Deed { request, call_id, user, socket, act, signal };
    let say = |request| say(node, holder, Word::Ask(deed(request)));
    remote.questions.ask(ANSWER_WITHIN, say).await?;
    if matches!(act, Act::Accept | Act::Resume { .. }) {
        let carried = Carried { node: holder, socket, confirmed_at: ticks_ms() };
        remote.carried().insert(call_id, carried);
    }
    Ok(())
}

/// Takes in what another node says.
pub(super) fn hear(node: &Arc<Node>, CallWord { from, to, what }: CallWord) {
    if to != node.id {
        return;
    }
    match what {
        Word::Ask(deed) => perform(node, from, deed),
        Word::Answer { request, code } => {
            node.calls.remote.questions.answer(request, code.map_or(Ok(()), Err));
        }
        Word::Carrying { carriers } => confirm(node, from, carriers),
        Word::StillLive { calls } => {
            node.calls.remote.keep_only(from, &calls, ticks_ms());
        }
    }
}

/// The input is applied before the next word is heard: signals stay in order.
fn perform(node: &Arc<Node>, from: NodeId, deed: Deed) {
    let Deed { request, call_id, user, socket, act, signal } = deed;
    let input = Input::Act { user, socket, act };
    let done = match apply(node, moment(), call_id, input, signal.as_ref()) {
        Some(done) => done.map_err(|refusal| refusal.code),
        None => Err(Code::NotFound),
    };
    match done {
        Ok(rest) if rest.is_nothing() => say(node, from, Word::Answer { request, code: None }),
        Ok(rest) => {
            let node = node.clone();
            tokio::spawn(async move {
                finish(&node, rest).await;
                say(&node, from, Word::Answer { request, code: None });
            });
        }
        Err(code) => {
            let code = Some(code.as_str().to_owned());
            say(node, from, Word::Answer { request, code });
        }
    }
}

fn confirm(node: &Arc<Node>, from: NodeId, carriers: Vec<Carrier>) {
    let now = moment();
    for Carrier { call_id, socket, connected, closed } in &carriers {
        let input = match (connected, closed) {
            (true, _) => Input::SocketSeen(*socket),
            (false, true) => Input::SocketClosed(*socket),
            (false, false) => continue,
        };
        // ends nothing, so there is nothing to finish
        let _ = apply(node, now, *call_id, input, None);
    }
    let board = node.calls.board();
    let calls = carriers.iter().map(|c| c.call_id).filter(|id| board.is_live(*id)).collect();
    drop(board);
    say(node, from, Word::StillLive { calls });
}

/// Tells the other nodes which of their calls are carried here, and this node's people which are lost because
/// their node has been silent for too long.
pub(super) fn vouch(node: &Node, now: i64) {
    for (holder, calls) in node.calls.remote.by_holder() {
        let carrier = |(call_id, socket)| {
            let closed = node.hub.socket(socket).is_none();
            Carrier { call_id, socket, connected: is_connected(node, socket), closed }
        };
        say(node, holder, Word::Carrying { carriers: calls.into_iter().map(carrier).collect() });
    }
    for (call_id, socket) in node.calls.remote.take_lost(now) {
        let frame = ServerFrame::CallEnded { call_id, outcome: CallOutcome::Lost, by: None };
        if let Some(mailbox) = node.hub.socket(socket) {
            node.bus.to_users([mailbox.user], frame);
        }
    }
}

/// Whether a socket is on this node and not broken.
pub(super) fn is_connected(node: &Node, socket: SocketId) -> bool {
    node.hub.socket(socket).is_some_and(|mailbox| mailbox.broken_since().is_none())
}

fn say(node: &Node, to: NodeId, what: Word) {
    node.bus.publish(Notice::Calls(CallWord { from: node.id, to, what }));
}

impl Remote {
    fn by_holder(&self) -> HashMap<NodeId, Vec<(CallId, SocketId)>> {
        let mut holders: HashMap<_, Vec<_>> = HashMap::new();
        for (call_id, carried) in self.carried().iter() {
            holders.entry(carried.node).or_default().push((*call_id, carried.socket));
        }
        holders
    }

    /// `from` has said which of its calls still live; the others are over, and their people know.
    fn keep_only(&self, from: NodeId, live: &[CallId], now: i64) {
        self.carried().retain(|id, carried| {
            if carried.node == from && live.contains(id) {
                carried.confirmed_at = now;
            }
            carried.node != from || live.contains(id)
        });
    }

    fn take_lost(&self, now: i64) -> Vec<(CallId, SocketId)> {
        let mut carried = self.carried();
        let is_lost = |carried: &Carried| now - carried.confirmed_at > SOCKET_GRACE_MS;
        carried.extract_if(|_, c| is_lost(c)).map(|(id, c)| (id, c.socket)).collect()
    }

    /// No longer carries what lived on a node that is gone.
    pub(super) fn forget_node(&self, gone: NodeId) {
        self.carried().retain(|_, carried| carried.node != gone);
    }

    fn carried(&self) -> MutexGuard<'_, HashMap<CallId, Carried>> {
        self.carried.lock().expect("nothing panics under this lock")
    }
}

impl Rest {
    fn is_nothing(&self) -> bool {
        self.moved.is_none() && self.over.is_none()
    }
}
