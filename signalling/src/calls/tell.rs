//! What the sockets of the two hear of their call.

use super::FactKind;
use super::entry::{CallEntry, People};
use crate::bus::Bus;
use crate::clock::now_ms;
use crate::domain::call::{CallFact, Snapshot};
use crate::domain::frame::{CallPhase, CallState, Payload, ServerFrame};
use crate::domain::ids::{SocketId, UserId};
use crate::domain::user::{Profile, Relation};
use crate::ice::in_call;
use crate::node::Node;
use crate::notice::Notice;

/// Tells all sockets of both how the call stands. Each hears whether it is one of those that carry the call.
pub(super) fn state(node: &Node, entry: &CallEntry, frame: fn(CallState) -> ServerFrame) {
    let Some(call) = entry.call.snapshot() else { return };
    for user in call.knowing() {
        let told = |mine| frame(seen_by(node, entry, &call, user, mine)).into();
        match call.carrier_of(user) {
            None => node.bus.publish(Notice::Users { ids: vec![user], frame: told(false) }),
            Some(carrier) => {
                node.bus.publish(Notice::Socket { id: carrier, frame: told(true) });
                let others = Notice::OtherSockets { user, but: carrier, frame: told(false) };
                node.bus.publish(others);
            }
        }
    }
}

/// Tells the two sockets that carry the call, and no others.
pub(super) fn carriers(node: &Node, entry: &CallEntry, frame: fn(CallState) -> ServerFrame) {
    let Some(call) = entry.call.snapshot() else { return };
    for user in [call.parties.caller, call.parties.callee] {
        if let Some(id) = call.carrier_of(user) {
            let frame = frame(seen_by(node, entry, &call, user, true)).into();
            node.bus.publish(Notice::Socket { id, frame });
        }
    }
}

/// Tells a socket that carried the call, as if another device had answered, that another one of its person does.
pub(super) fn taken(node: &Node, entry: &CallEntry, former: SocketId) {
    let Some(call) = entry.call.snapshot() else { return };
    let Some(mailbox) = node.hub.socket(former) else { return };
    let call = seen_by(node, entry, &call, mailbox.user, false);
    mailbox.push(ServerFrame::CallAccepted { call }.into());
}

fn seen_by(node: &Node, entry: &CallEntry, call: &Snapshot, me: UserId, mine: bool) -> CallState {
    let People { caller, callee } = &entry.people;
    let (me, other) = if me == caller.id { (caller, callee) } else { (callee, caller) };
    let (me, other) = (me.to_profile(Relation::Oneself), other.to_profile(Relation::Contact));
    call_state(node, call, &me, &other, mine)
}

/// A live call as `me` sees it from one of their sockets.
pub(super) fn call_state(
    node: &Node,
    call: &Snapshot,
    me: &Profile,
    other: &Profile,
    mine: bool,
) -> CallState {
    let (caller, callee) = if me.id == call.parties.caller { (me, other) } else { (other, me) };
    let now = now_ms();
    let fact = CallFact::of(call, now).filter(|_| mine);
    CallState {
        id: call.parties.call_id,
        conversation_id: call.conversation_id,
        caller: caller.clone(),
        callee: callee.clone(),
        media: call.media,
        state: if call.accepted_at.is_some() { CallPhase::Active } else { CallPhase::Ringing },
        started_at: call.started_at,
        accepted_at: call.accepted_at,
        mine,
        ice_servers: node.ice.servers(in_call(call.parties.call_id, me.id), now),
        connection: call.connection,
        fact: fact.map(|fact| node.calls.facts.sign(FactKind::Call, &fact)),
    }
}

/// Hands a signal to the socket at the other end.
pub(super) fn relay(bus: &Bus, to: SocketId, signal: Option<&Payload>) {
    if let Some(frame) = signal {
        metrics::counter!("beckon_call_signals_total").increment(1);
        bus.publish(Notice::Socket { id: to, frame: frame.clone() });
    }
}
