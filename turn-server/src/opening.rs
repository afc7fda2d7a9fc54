//! Relay sockets: how the relay asks its caller for one, and what it is given.

use std::net::SocketAddr;

slotmap::new_key_type! {
    /// An allocation, and its relay socket.
    pub struct RelayKey;
}

/// What relay socket is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A fresh one.
    Fresh {
        /// IPv6 or IPv4.
        is_ipv6: bool,
        /// Which ports will do.
        port: Port,
    },
    /// One that was reserved, under this token.
    Reserved {
        /// As it was told to the client.
        token: [u8; 8],
    },
}

/// EVEN-PORT (RFC 8656, 18.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Any.
    Any,
    /// An even one.
    Even,
    /// An even one, and the next one reserved.
    EvenAndNext,
}

/// A relay socket that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// As peers see it.
    pub relayed: SocketAddr,
    /// Under which the next port is reserved.
    pub token: Option<[u8; 8]>,
}
