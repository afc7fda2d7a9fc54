//! A client as the relay knows it: by its 5-tuple.

use std::net::{IpAddr, SocketAddr};

/// A client as it is heard: the 5-tuple (RFC 8656, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// Where it is.
    pub address: SocketAddr,
    /// How it came in, and how it is answered.
    pub door: Door,
}

/// What a client came in through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// A listener, and which of its addresses was meant.
    Udp(u8, Option<IpAddr>),
    /// A TCP or TLS connection.
    Stream(u64),
}

impl Client {
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.door, Door::Stream(_))
    }
}
