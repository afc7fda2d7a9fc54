//! Why somebody is out of a room, and what its client shall do then.

/// Why a participant is out, or a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    ClientInitiated,
    DuplicateIdentity,
    ServerShutdown,
    ParticipantRemoved,
    RoomDeleted,
    StateMismatch,
    JoinFailure,
    SignalClose,
    ConnectionTimeout,
    MediaFailure,
}

impl DisconnectReason {
    /// Its name in metrics and logs.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            DisconnectReason::ClientInitiated => "CLIENT_INITIATED",
            DisconnectReason::DuplicateIdentity => "DUPLICATE_IDENTITY",
            DisconnectReason::ServerShutdown => "SERVER_SHUTDOWN",
            DisconnectReason::ParticipantRemoved => "PARTICIPANT_REMOVED",
            DisconnectReason::RoomDeleted => "ROOM_DELETED",
            DisconnectReason::StateMismatch => "STATE_MISMATCH",
            DisconnectReason::JoinFailure => "JOIN_FAILURE",
            DisconnectReason::SignalClose => "SIGNAL_CLOSE",
            DisconnectReason::ConnectionTimeout => "CONNECTION_TIMEOUT",
            DisconnectReason::MediaFailure => "MEDIA_FAILURE",
        }
    }
}

/// What a client shall do after the last word to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveAction {
    Disconnect,
    /// Come again, as a new participant.
    Reconnect,
}
