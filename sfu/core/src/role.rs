//! The DTLS role of one side: client or server.

/// Which side starts the DTLS handshake. It also decides whose SRTP keys are whose, and who has which data channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers a ClientHello: `a=setup:passive`.
    Server,
    /// Sends it: `a=setup:active`.
    Client,
}
