//! Which of the machine's addresses relay sockets are bound to, and how peers see them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::config::Config;

/// Somewhere on the internet. Nothing is sent there: the kernel is only asked which way it would go.
const FAR_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)), 53);
const FAR_V6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111)), 53);

/// Where relay sockets of one family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RelayIp {
    pub(super) bound: IpAddr,
    /// The same, unless there is NAT between.
    pub(super) seen: IpAddr,
}

/// Both families' relay addresses. A family that the machine does not speak has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) ipv4: Option<RelayIp>,
    pub(super) ipv6: Option<RelayIp>,
}

impl Addresses {
    pub(super) fn find(config: &Config) -> Addresses {
        let of = |is_ipv6| {
            let bound = bound(config, is_ipv6)?;
            let external = config.external_ips.iter().find(|ip| ip.is_ipv6() == is_ipv6);
            Some(RelayIp { bound, seen: external.copied().unwrap_or(bound) })
        };
        let addresses = Addresses { ipv4: of(false), ipv6: of(true) };
        tracing::info!(ipv4 = ?addresses.ipv4, ipv6 = ?addresses.ipv6, "relaying");
        addresses
    }

    pub(super) fn of(&self, is_ipv6: bool) -> Option<RelayIp> {
        if is_ipv6 { self.ipv6 } else { self.ipv4 }
    }

    /// Where our own sockets are reached that others see at this address: what is ours is reached without leaving the
    /// machine, since few NATs would bring it back.
    pub(super) fn inside(&self, address: SocketAddr) -> Option<SocketAddr> {
        let ip = self.of(address.is_ipv6()).filter(|ip| ip.seen != ip.bound)?;
        (ip.seen == address.ip()).then(|| SocketAddr::new(ip.bound, address.port()))
    }

    /// The inverse of [`inside`](Addresses::inside).
    pub(super) fn outside(&self, address: SocketAddr) -> Option<SocketAddr> {
        let ip = self.of(address.is_ipv6()).filter(|ip| ip.seen != ip.bound)?;
        (ip.bound == address.ip()).then(|| SocketAddr::new(ip.seen, address.port()))
    }

    /// All addresses that are this machine.
    pub(super) fn own(&self) -> Vec<IpAddr> {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
            tracing::warn!(%error, "the machine's addresses are unknown: the public ones are not closed to peers");
            Vec::new()
        });
        let relay_ips = [self.ipv4, self.ipv6].into_iter().flatten();
        let relay_ips = relay_ips.flat_map(|ip| [ip.bound, ip.seen]);
        interfaces.iter().map(if_addrs::Interface::ip).chain(relay_ips).collect()
    }
}

/// The configured address; else that of a listener of this family; else the one that routes to the internet; else, if
/// clients are served on this machine only, loopback.
fn bound(config: &Config, is_ipv6: bool) -> Option<IpAddr> {
    let heard = || config.udp.iter().map(SocketAddr::ip);
    let configured = config.relay_ips.iter().copied().find(|ip| ip.is_ipv6() == is_ipv6);
    let listener = || heard().find(|ip| ip.is_ipv6() == is_ipv6 && !ip.is_unspecified());
    let is_local = !config.udp.is_empty() && heard().all(|ip| ip.is_loopback());
    let loopback = loopback(is_ipv6);
    let here = move || is_local.then_some(loopback).filter(|ip| is_bindable(*ip));
    let far = if is_ipv6 { FAR_V6 } else { FAR_V4 };
    configured.or_else(listener).or_else(here).or_else(|| way_to(far)).or_else(|| {
        // A machine without a network serves itself.
        (!is_ipv6 || heard().any(|ip| ip.is_ipv6())).then_some(loopback)
    })
}

fn loopback(is_ipv6: bool) -> IpAddr {
    if is_ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() }
}

fn is_bindable(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

fn way_to(far: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if far.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(far).ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(udp: &[&str], relay: &[&str], external: &[&str]) -> Addresses {
        Addresses::find(&Config {
            udp: udp.iter().map(|address| address.parse().unwrap()).collect(),
            relay_ips: relay.iter().map(|ip| ip.parse().unwrap()).collect(),
            external_ips: external.iter().map(|ip| ip.parse().unwrap()).collect(),
            ..Config::default()
        })
    }

    fn same(ip: &str) -> Option<RelayIp> {
        let ip = ip.parse().unwrap();
        Some(RelayIp { bound: ip, seen: ip })
    }

    #[test]
    fn relay_sockets_are_where_clients_are_heard() {
        let addresses = find(&["192.0.2.1:3478", "[2001:db8::1]:3478"], &[], &[]);
        assert_eq!(addresses, Addresses { ipv4: same("192.0.2.1"), ipv6: same("2001:db8::1") });
        assert_eq!(find(&["127.0.0.1:0"], &[], &[]).ipv4, same("127.0.0.1"));
    }

    #[test]
    fn configured_ones_come_first() {
        let addresses = find(&["192.0.2.1:3478"], &["10.0.0.5", "2001:db8::5"], &[]);
        assert_eq!(addresses, Addresses { ipv4: same("10.0.0.5"), ipv6: same("2001:db8::5") });
    }

    #[test]
    fn behind_nat_peers_see_another_address() {
        let addresses = find(&["10.0.0.5:3478"], &[], &["198.51.100.7"]);
        let [bound, seen] = ["10.0.0.5", "198.51.100.7"].map(|ip| ip.parse().unwrap());
        assert_eq!(addresses.ipv4, Some(RelayIp { bound, seen }));
        assert!(addresses.own().contains(&bound) && addresses.own().contains(&seen));
    }
}
