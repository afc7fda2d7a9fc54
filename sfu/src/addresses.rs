//! The addresses that clients are to send media to.

use std::net::{IpAddr, SocketAddr};

use crate::config::{Config, StartError};

/// At most this many candidates: each one makes clients try one more path.
const ADDRESSES_MAX: usize = 16;

/// The candidates of a socket that listens at `bound`.
pub(crate) fn candidates(
    config: &Config,
    bound: SocketAddr,
) -> Result<Vec<SocketAddr>, StartError> {
    let ips = if !config.addresses.is_empty() {
        config.addresses.clone()
    } else if bound.ip().is_unspecified() {
        let interfaces = if_addrs::get_if_addrs().map_err(StartError::Addresses)?;
        let up = interfaces.iter().filter(|interface| interface.is_oper_up());
        reachable(up.map(|interface| interface.ip()), bound.is_ipv6(), config.loopback)
    } else {
        vec![bound.ip()]
    };
    Ok(ips.into_iter().take(ADDRESSES_MAX).map(|ip| SocketAddr::new(ip, bound.port())).collect())
}

/// Link-local addresses mean nothing without their interface. Loopback reaches this machine alone, so it counts
/// only when asked for or when there is nothing else. IPv4 comes first: it is what most paths have.
fn reachable(ips: impl Iterator<Item = IpAddr>, with_ipv6: bool, loopback: bool) -> Vec<IpAddr> {
    let usable = ips.filter(|ip| !is_link_local(ip) && (with_ipv6 || ip.is_ipv4()));
    let (mut inward, mut outward): (Vec<_>, Vec<_>) = usable.partition(IpAddr::is_loopback);
    if loopback || outward.is_empty() {
        outward.append(&mut inward);
    }
    outward.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    outward.dedup();
    outward
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(ips: &[&str], with_ipv6: bool, loopback: bool) -> Vec<String> {
        let ips = ips.iter().map(|ip| ip.parse().unwrap());
        reachable(ips, with_ipv6, loopback).iter().map(IpAddr::to_string).collect()
    }

    const LAPTOP: [&str; 6] =
        ["127.0.0.1", "::1", "fe80::1", "2001:db8::2", "169.254.1.1", "192.0.2.2"];

    #[test]
    fn clients_are_told_what_others_can_reach() {
        assert_eq!(told(&LAPTOP, true, false), ["192.0.2.2", "2001:db8::2"]);
        assert_eq!(told(&LAPTOP, false, false), ["192.0.2.2"]);
    }

    #[test]
    fn loopback_is_told_when_asked_for_or_alone() {
        assert_eq!(told(&LAPTOP, false, true), ["192.0.2.2", "127.0.0.1"]);
        assert_eq!(told(&["127.0.0.1", "::1"], true, false), ["127.0.0.1", "::1"]);
    }

    #[test]
    fn configured_addresses_are_told_and_no_others() {
        let config =
            Config { addresses: vec!["203.0.113.7".parse().unwrap()], ..Config::default() };
        let told = candidates(&config, "0.0.0.0:7881".parse().unwrap()).unwrap();
        assert_eq!(told, ["203.0.113.7:7881".parse::<SocketAddr>().unwrap()]);
    }
}
