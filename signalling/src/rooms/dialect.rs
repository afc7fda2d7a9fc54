//! How the clients of a door are spoken to.

use beckon_sfu_api::DataKind;
use bytes::Bytes;

use super::notice::Notice;

/// The protocol of a door, as far as a room needs it: the room itself knows none.
#[derive(Debug)]
pub struct Dialect {
    /// A notice as the frame that goes to a socket.
    pub encode: fn(Notice) -> Bytes,
    /// Reads whom a message over a data channel is for, and puts its sender's true name on it. The error is its label in
    /// metrics.
    pub address: fn(Bytes, Sender<'_>) -> Result<Addressed, &'static str>,
}

/// Who sent a message; nameless if hidden.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    pub identity: &'a str,
    pub participant: &'a str,
    pub kind: DataKind,
}

/// A message between participants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressed {
    pub to: Recipients,
    pub payload: Bytes,
}

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// Everybody else.
    All,
    /// Those who may hear metrics.
    MetricsListeners,
    Named {
        identities: Vec<String>,
        participants: Vec<String>,
    },
}

/// A notice that many hear: it is encoded once for each dialect among them.
pub(super) struct Shared {
    notice: Notice,
    frames: Vec<(&'static Dialect, Bytes)>,
}

impl Shared {
    pub(super) fn new(notice: Notice) -> Shared {
        Shared { notice, frames: Vec::new() }
    }

    pub(super) fn frame(&mut self, dialect: &'static Dialect) -> Bytes {
        let known = self.frames.iter().find(|(known, _)| std::ptr::eq(*known, dialect));
        if let Some((_, frame)) = known {
            return frame.clone();
        }
        let frame = (dialect.encode)(self.notice.clone());
        self.frames.push((dialect, frame.clone()));
        frame
    }
}
