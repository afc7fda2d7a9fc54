/// Which side starts the DTLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers a ClientHello.
    Server,
    /// Sends it.
    Client,
}
