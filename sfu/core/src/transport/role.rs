//! Who begins.

use super::records;

/// Which side starts the DTLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers a ClientHello.
    Server,
    /// Sends it.
    Client,
}

impl Role {
    /// The message that starts the flight of the peer which ours answers.
    pub(super) fn question(self) -> u8 {
        match self {
            Role::Server => records::CLIENT_HELLO,
            Role::Client => records::SERVER_HELLO,
        }
    }

    /// The message that starts that answer (RFC 6347, 4.2.4, flights 4 and 5).
    pub(super) fn answer(self) -> u8 {
        match self {
            Role::Server => records::SERVER_HELLO,
            Role::Client => records::CERTIFICATE,
        }
    }
}
