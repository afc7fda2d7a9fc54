//! Calls of other nodes that sockets of this node carry.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use crate::domain::call::SOCKET_GRACE_MS;
use crate::domain::ids::{CallId, NodeId, SocketId};

#[derive(Default)]
pub(super) struct Carried {
    calls: Mutex<HashMap<CallId, CarriedCall>>,
}

struct CarriedCall {
    holder: NodeId,
    socket: SocketId,
    /// When the holder last said that the call lives, in ticks.
    confirmed_at: i64,
}

impl Carried {
    /// This socket carries a call of `holder`, as it has just said.
    pub(super) fn insert(&self, id: CallId, holder: NodeId, socket: SocketId, now: i64) {
        self.lock().insert(id, CarriedCall { holder, socket, confirmed_at: now });
    }

    /// The node that a call which is carried here lives on.
    pub(super) fn holder_of(&self, id: CallId) -> Option<NodeId> {
        self.lock().get(&id).map(|call| call.holder)
    }

    pub(super) fn by_holder(&self) -> HashMap<NodeId, Vec<(CallId, SocketId)>> {
        let mut holders: HashMap<_, Vec<_>> = HashMap::new();
        for (id, call) in self.lock().iter() {
            holders.entry(call.holder).or_default().push((*id, call.socket));
        }
        holders
    }

    /// `from` has said which of its calls still live; the others are over, and their people know.
    pub(super) fn keep_only(&self, from: NodeId, live: &[CallId], now: i64) {
        self.lock().retain(|id, call| {
            if call.holder == from && live.contains(id) {
                call.confirmed_at = now;
            }
            call.holder != from || live.contains(id)
        });
    }

    /// Takes out the calls whose holder has been silent for too long.
    pub(super) fn take_lost(&self, now: i64) -> Vec<(CallId, SocketId)> {
        let mut calls = self.lock();
        let is_lost = |call: &CarriedCall| now - call.confirmed_at > SOCKET_GRACE_MS;
        calls.extract_if(|_, call| is_lost(call)).map(|(id, call)| (id, call.socket)).collect()
    }

    /// No longer carries what lived on a node that is gone.
    pub(super) fn forget_node(&self, gone: NodeId) {
        self.lock().retain(|_, call| call.holder != gone);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, CarriedCall>> {
        self.calls.lock().expect("nothing panics under this lock")
    }
}
