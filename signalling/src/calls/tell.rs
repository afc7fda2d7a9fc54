//! What the sockets of the two hear of their call.

use super::board::Entry;
use crate::bus::{Bus, Notice};
use crate::clock::now_ms;
use crate::domain::call::Snapshot;
use crate::domain::frame::{CallPhase, CallState, IceServer, Payload, ServerFrame};
use crate::domain::ids::SocketId;
use crate::domain::user::{Profile, Relation};
use crate::ice::{Ice, in_call};

/// Tells all sockets of both how the call stands. Each hears whether it is one of those that carry the call.
pub(super) fn state(bus: &Bus, entry: &Entry, ice: &Ice, frame: fn(CallState) -> ServerFrame) {
    let Some(call) = entry.call.snapshot() else { return };
    let (caller, callee) = (&entry.people.caller, &entry.people.callee);
    for (me, other) in [(caller, callee), (callee, caller)] {
        let (me, other) = (me.to_profile(Relation::Oneself), other.to_profile(Relation::Contact));
        let told = |mine| {
            let ice_servers = ice.servers(in_call(call.parties.call_id, me.id), now_ms());
            frame(call_state(&call, &me, &other, mine, ice_servers)).into()
        };
        match call.carrier_of(me.id) {
            None => bus.publish(Notice::Users { ids: vec![me.id], frame: told(false) }),
            Some(carrier) => {
                bus.publish(Notice::Socket { id: carrier, frame: told(true) });
                let others = Notice::OtherSockets { user: me.id, but: carrier, frame: told(false) };
                bus.publish(others);
            }
        }
    }
}

/// A live call as `me` sees it from one of their sockets.
pub(super) fn call_state(
    call: &Snapshot,
    me: &Profile,
    other: &Profile,
    mine: bool,
    ice_servers: Vec<IceServer>,
) -> CallState {
    let (caller, callee) = if me.id == call.parties.caller { (me, other) } else { (other, me) };
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
        ice_servers,
    }
}

/// Hands a signal to the socket at the other end.
pub(super) fn relay(bus: &Bus, to: SocketId, signal: Option<&Payload>) {
    if let Some(frame) = signal {
        metrics::counter!("beckon_call_signals_total").increment(1);
        bus.publish(Notice::Socket { id: to, frame: frame.clone() });
    }
}
