//! The network somebody comes from: what one customer of a provider is given, and so what limits are counted by.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 address, or the /64 that an IPv6 address lies in: whoever has one address of a /64 has all of them
/// (RFC 4291, section 2.5.4; RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpAddr);

/// The bits of an IPv6 address that name its network.
const IPV6_PREFIX: u32 = 64;

/// The networks around one, of which somebody may have many: an IPv4 /24 or an IPv6 /48. Others live there too, so
/// limits on it are more generous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Neighbourhood(IpAddr);

/// The bits of an IPv4 address that a neighbourhood shares: an operator rarely has less than a /24.
const IPV4_AROUND_PREFIX: u32 = 24;
/// The bits of an IPv6 address that name what a provider gives to a site (RFC 6177).
const IPV6_SITE_PREFIX: u32 = 48;

/// 64:ff9b::/96 (RFC 6052): IPv4 clients as a server that speaks only IPv6 sees them. They are not one network.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

impl Network {
    /// The network of an address; one that is IPv4 in the clothes of IPv6 counts as IPv4.
    pub fn of(address: IpAddr) -> Network {
        match address.to_canonical() {
            IpAddr::V6(v6) if v6.segments()[..6] == NAT64 => {
                Network(Ipv4Addr::from_bits(v6.to_bits() as u32).into())
            }
            IpAddr::V4(v4) => Network(v4.into()),
            IpAddr::V6(v6) => Network(first_of(v6, IPV6_PREFIX).into()),
        }
    }

    pub fn around(self) -> Neighbourhood {
        match self.0 {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Neighbourhood(Ipv4Addr::new(a, b, c, 0).into())
            }
            IpAddr::V6(v6) => Neighbourhood(first_of(v6, IPV6_SITE_PREFIX).into()),
        }
    }
}

fn first_of(v6: Ipv6Addr, prefix: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - prefix)))
}

impl fmt::Display for Neighbourhood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(f, "{v4}/{IPV4_AROUND_PREFIX}"),
            IpAddr::V6(v6) => write!(f, "{v6}/{IPV6_SITE_PREFIX}"),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/{IPV6_PREFIX}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Network {
        Network::of(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_64_are_one_network() {
        assert_eq!(network("2001:db8:0:7::1"), network("2001:db8:0:7:ffff::9"));
        assert_ne!(network("2001:db8:0:7::1"), network("2001:db8:0:8::1"));
        assert_eq!(network("2001:db8:0:7::1").to_string(), "2001:db8:0:7::/64");
    }

    #[test]
    fn every_ipv4_address_is_a_network_in_either_spelling() {
        assert_ne!(network("203.0.113.7"), network("203.0.113.8"));
        assert_eq!(network("203.0.113.7"), network("::ffff:203.0.113.7"));
        assert_eq!(network("203.0.113.7").to_string(), "203.0.113.7");
        assert_eq!(network("203.0.113.7"), network("64:ff9b::203.0.113.7"));
    }

    #[test]
    fn neighbours_share_the_networks_around_them() {
        let around = |address| network(address).around();
        assert_eq!(around("203.0.113.7"), around("203.0.113.250"));
        assert_ne!(around("203.0.113.7"), around("203.0.114.7"));
        assert_eq!(around("2001:db8:1:2::7"), around("2001:db8:1:fff::7"));
        assert_ne!(around("2001:db8:1:2::7"), around("2001:db8:2:2::7"));
    }
}
