//! Relay sockets: how the relay asks its caller for one, and what it is given.

use std::net::SocketAddr;

slotmap::new_key_type! {
    /// An allocation and its relay socket.
    pub struct RelayKey;
}

/// The relay socket that an Allocate request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A new one.
    Fresh { is_ipv6: bool, port: Port },
    /// One that an earlier EVEN-PORT reserved (RESERVATION-TOKEN; RFC 8656, 18.9).
    Reserved {
        /// The token that the client was given.
        token: [u8; 8],
    },
}

/// EVEN-PORT (RFC 8656, 18.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Any port: the attribute is absent.
    Any,
    /// An even port.
    Even,
    /// An even port, with the next higher one reserved.
    EvenAndNext,
}

/// A relay socket that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The relayed transport address, as peers see it.
    pub relayed: SocketAddr,
    /// The token of the reserved next port, if one was asked for.
    pub token: Option<[u8; 8]>,
}
