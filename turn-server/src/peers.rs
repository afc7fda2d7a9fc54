//! Which peers the relay sends to: no internal address in any notation (for example IPv4-mapped), unless the operator allows
//! it.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::RwLock;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IANA's special-purpose registry for IPv4, multicast, and the one metadata address that is not in it.
const CLOSED_V4: [Ipv4Net; 19] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    // Metadata services of most clouds are among the link-local ones.
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(192, 175, 48, 0, 24),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    // Azure's metadata and DNS.
    v4(168, 63, 129, 16, 32),
];

/// All of IPv6 is closed but this: mapped, compatible, translated, unique local, link-local, multicast are outside.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// IANA's special-purpose registry for IPv6, as far as it is inside [`GLOBAL_V6`].
const CLOSED_V6: [Ipv6Net; 5] = [
    // Protocol assignments, Teredo and ORCHID among them.
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    // 6to4.
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

const fn v4(a: u8, b: u8, c: u8, d: u8, len: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), len)
}

const fn v6(segments: [u16; 8], len: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), len)
}

/// The operator's rules about peers.
#[derive(Clone, Debug, Default)]
pub struct PeerPolicy {
    /// Allowed although they are special-purpose or our own. Each matches only the notation that it is written in.
    pub allow: Vec<IpNet>,
    /// Never allowed, whatever `allow` says: the database, the cache.
    pub deny: Vec<IpNet>,
    /// Addresses of the media node, which are always allowed. An unspecified IP address stands for all of our own.
    pub media: Vec<SocketAddr>,
    /// For development: allows relayed addresses and the media node on loopback. Elsewhere a peer on loopback is an attempt
    /// to reach other services of this machine.
    pub development: bool,
    /// This machine's addresses, including its external ones.
    pub own: Vec<IpAddr>,
}

/// The policy, and the relayed addresses of this server, which reach each other.
#[derive(Debug)]
pub(crate) struct Peers {
    policy: PeerPolicy,
    /// Asked only about our own addresses, so the data path hardly ever comes here.
    relayed: RwLock<HashSet<SocketAddr>>,
}

impl Peers {
    pub(crate) fn new(policy: PeerPolicy) -> Peers {
        Peers { policy, relayed: RwLock::default() }
    }

    /// Whether a permission may be installed for this IP address (RFC 8656, 10.2).
    pub(crate) fn may_permit(&self, ip: IpAddr) -> bool {
        match self.judge(ip) {
            PeerVerdict::Open => true,
            PeerVerdict::Closed => false,
            PeerVerdict::SomePorts => {
                self.policy.media.iter().any(|media| is_at(*media, ip))
                    || self.relayed.read().is_ok_and(|all| all.iter().any(|one| one.ip() == ip))
            }
        }
    }

    /// Whether this address may be sent to.
    pub(crate) fn may_send(&self, peer: SocketAddr) -> bool {
        match self.judge(peer.ip()) {
            PeerVerdict::Open => true,
            PeerVerdict::Closed => false,
            PeerVerdict::SomePorts => self.is_ours(peer),
        }
    }

    /// The same for a peer whose IP address has a permission: only of our own machine some ports are not meant.
    pub(crate) fn may_send_permitted(&self, peer: SocketAddr) -> bool {
        !self.policy.own.contains(&peer.ip()) || self.may_send(peer)
    }

    /// Whether this is one of our own sockets that are valid peers: a relayed address, or the media node.
    pub(crate) fn is_ours(&self, address: SocketAddr) -> bool {
        let PeerPolicy { media, own, .. } = &self.policy;
        let is_media =
            |media: &SocketAddr| media.port() == address.port() && is_at(*media, address.ip());
        (own.contains(&address.ip()) && media.iter().any(is_media))
            || self.relayed.read().is_ok_and(|all| all.contains(&address))
    }

    pub(crate) fn add_relayed(&self, address: SocketAddr) {
        if let Ok(mut all) = self.relayed.write() {
            all.insert(address);
        }
    }

    pub(crate) fn remove_relayed(&self, address: SocketAddr) {
        if let Ok(mut all) = self.relayed.write() {
            all.remove(&address);
        }
    }

    fn judge(&self, ip: IpAddr) -> PeerVerdict {
        let PeerPolicy { allow, deny, own, development, .. } = &self.policy;
        if deny.iter().any(|net| net.contains(&ip)) {
            PeerVerdict::Closed
        } else if allow.iter().any(|net| net.contains(&ip)) {
            PeerVerdict::Open
        } else if ip.is_loopback() && !development {
            PeerVerdict::Closed
        } else if own.contains(&ip) {
            PeerVerdict::SomePorts
        } else if is_special(ip) {
            PeerVerdict::Closed
        } else {
            PeerVerdict::Open
        }
    }
}

/// Whether a socket that is bound there is reached at this IP address of ours.
fn is_at(bound: SocketAddr, ip: IpAddr) -> bool {
    match bound.ip() {
        IpAddr::V4(any) if any.is_unspecified() => ip.is_ipv4(),
        // It receives IPv4 too.
        IpAddr::V6(any) if any.is_unspecified() => true,
        one => one == ip,
    }
}

enum PeerVerdict {
    Open,
    Closed,
    /// Our own machine: only sockets that are there for it.
    SomePorts,
}

/// Whether an address is none of a host on the public internet, or may lead to one that is not.
pub fn is_special(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => CLOSED_V4.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => {
            !GLOBAL_V6.contains(&ip)
                || CLOSED_V6.iter().any(|net| net.contains(&ip))
                || isatap(ip).is_some_and(|inner| is_special(inner.into()))
        }
    }
}

/// The IPv4 address inside an interface id of ISATAP (RFC 5214, 6.1), under any prefix.
fn isatap(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., flags, tag, high, low] = ip.segments();
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    (flags & !0x0200 == 0 && tag == 0x5efe).then(|| Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests;
