//! Why somebody does not come in.

use super::departure::{DisconnectReason, LeaveAction};
use super::token::Invalid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    #[error("no authorization token was given")]
    NoToken,
    #[error("invalid authorization token: {0}")]
    Token(Invalid),
    #[error("permissions denied: {0}")]
    Denied(&'static str),
    #[error("invalid request: {0}")]
    Malformed(&'static str),
    /// LiveKit's own words: its clients tell by them that it is the room which is missing, not the address.
    #[error("requested room does not exist")]
    NoRoom,
    #[error("room has exceeded its max participants")]
    Full,
    #[error("the same identity has joined since")]
    Superseded,
    /// Never said: a client whose socket is open shows first that it is there.
    #[error("somebody of the same identity is there")]
    Occupied,
    #[error("too many joins, try again in a moment")]
    TooOften,
    #[error("this node has no media server")]
    NoMedia,
    #[error("the server is busy")]
    Busy,
}

impl NotAdmitted {
    /// What a client hears whose socket was open already.
    pub(super) fn last_word(self) -> (DisconnectReason, LeaveAction) {
        match self {
            NotAdmitted::NoRoom => (DisconnectReason::RoomDeleted, LeaveAction::Disconnect),
            NotAdmitted::Denied(_) => {
                (DisconnectReason::ParticipantRemoved, LeaveAction::Disconnect)
            }
            NotAdmitted::Superseded => {
                (DisconnectReason::DuplicateIdentity, LeaveAction::Disconnect)
            }
            NotAdmitted::Busy | NotAdmitted::TooOften => {
                (DisconnectReason::JoinFailure, LeaveAction::Reconnect)
            }
            _ => (DisconnectReason::JoinFailure, LeaveAction::Disconnect),
        }
    }
}
