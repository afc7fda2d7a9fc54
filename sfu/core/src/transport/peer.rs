//! How the endpoints of DTLS and SCTP know their peer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The endpoints know their peer by its address. It always gets this one (RFC 5737, a documentation address), so that a
/// move of the ICE path goes unnoticed.
pub(crate) const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);
