//! A client as the relay knows it: by its 5-tuple.

use std::net::{IpAddr, SocketAddr};

/// A client, by its 5-tuple (RFC 8656, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// Its transport address.
    pub address: SocketAddr,
    /// Where its messages arrive, and answers leave.
    pub door: Door,
}

/// Where messages of a client arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// A UDP listener by its index, and the local address that the datagram was sent to.
    Udp(u8, Option<IpAddr>),
    /// A TCP or TLS connection, by its number.
    Stream(u64),
}

impl Client {
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.door, Door::Stream(_))
    }
}
