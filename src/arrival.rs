//! How a request arrived: over TLS or not, and from whom, seen through trusted proxies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request};
use beckon_signalling::Arrival;
use ipnet::IpNet;

use crate::forwarded;

/// Hops that are looked at, nearest first.
const FORWARDED_HOPS_MAX: usize = 16;

/// What one listener knows about the requests that come through it.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// Whether the listener itself speaks TLS.
    pub tls: bool,
    pub trusted_proxies: Arc<[IpNet]>,
}

impl Door {
    /// Leaves [`Arrival`], [`Peer`] and the client's address in the request's extensions.
    pub(crate) fn note<B>(&self, request: &mut Request<B>, peer: SocketAddr) {
        let secure = self.secure(peer.ip(), request.headers());
        let client = self.client(peer, request.headers());
        request.extensions_mut().insert(Arrival { secure });
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(ConnectInfo(client));
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&ip.to_canonical()))
    }

    /// Whether the browser's own connection was encrypted. A proxy's word counts only when it is trusted.
    fn secure(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.tls || (self.trusts(peer) && forwarded::is_secure(headers))
    }

    /// The nearest address that is not one of our proxies; what stands left of it was written by a stranger.
    fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.trusts(peer.ip()) {
            return peer;
        }
        let mut nearest = peer.ip();
        for hop in forwarded::hops(headers).into_iter().take(FORWARDED_HOPS_MAX) {
            let Some(ip) = hop else { break };
            nearest = ip;
            if !self.trusts(ip) {
                break;
            }
        }
        if nearest == peer.ip() { peer } else { SocketAddr::new(nearest, 0) }
    }
}

/// The peer of the TCP connection, which may be a proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub SocketAddr);

#[cfg(test)]
mod tests {
    use super::*;

    fn door(trusted: &[&str]) -> Door {
        let trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
        Door { tls: false, trusted_proxies }
    }

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    fn client(door: &Door, peer: &str, forwarded: &str) -> String {
        let headers = headers("x-forwarded-for", forwarded);
        door.client(SocketAddr::new(peer.parse().unwrap(), 1), &headers).ip().to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_an_address_or_claim_tls() {
        let door = door(&["10.0.0.0/8"]);
        assert_eq!(client(&door, "203.0.113.9", "1.1.1.1"), "203.0.113.9");
        let https = headers("x-forwarded-proto", "https");
        assert!(!door.secure("203.0.113.9".parse().unwrap(), &https));
        assert!(door.secure("10.0.0.1".parse().unwrap(), &https));
    }

    #[test]
    fn the_nearest_untrusted_hop_is_the_client() {
        let door = door(&["10.0.0.0/8", "::1/128"]);
        assert_eq!(client(&door, "10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
        assert_eq!(client(&door, "::1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(client(&door, "::ffff:10.0.0.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(client(&door, "10.0.0.1", "rubbish"), "10.0.0.1");
        assert_eq!(client(&door, "10.0.0.1", "1.1.1.1, rubbish, 10.0.0.2"), "10.0.0.2");
        assert_eq!(client(&door, "10.0.0.1", "203.0.113.7:51000"), "203.0.113.7");
        assert_eq!(client(&door, "10.0.0.1", "1.1.1.1, [2001:db8::7]:443,"), "2001:db8::7");
    }
}
