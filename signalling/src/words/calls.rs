//! What nodes say to each other about calls that live on one of them.

use serde::{Deserialize, Serialize};

use crate::domain::call::CallAct;
use crate::domain::frame::Payload;
use crate::domain::ids::{CallId, SocketId, UserId};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallWord {
    /// Somebody on the asking node does something in a call that lives on the asked one.
    Ask(CallDeed),
    /// What became of it; `code` is the refusal.
    Answer { request: u64, code: Option<String> },
    /// These sockets of mine carry calls of yours.
    Carrying { carriers: Vec<Carrier> },
    /// Of those, the calls that still live.
    StillLive { calls: Vec<CallId> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallDeed {
    pub request: u64,
    pub call_id: CallId,
    pub user: UserId,
    pub socket: SocketId,
    pub act: CallAct,
    /// The frame to hand on, when the act is a signal.
    pub signal: Option<Payload>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Carrier {
    pub call_id: CallId,
    pub socket: SocketId,
    /// False while it is broken and may yet be resumed.
    pub connected: bool,
    /// Gone for good, with its page.
    #[serde(default)]
    pub closed: bool,
}
