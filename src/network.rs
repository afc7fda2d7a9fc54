//! Networks as an operator writes them.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// A network, or one address. IPv4 in mapped form is what it stands for, as it is in the addresses of peers.
pub(crate) fn network(text: &str) -> Result<IpNet, ipnet::AddrParseError> {
    let network = match text.parse::<IpAddr>() {
        Ok(ip) => IpNet::from(ip),
        Err(_) => text.parse()?,
    };
    let mapped = |ip: IpAddr| match ip {
        IpAddr::V6(ip) => ip.to_ipv4_mapped(),
        IpAddr::V4(_) => None,
    };
    let bits = network.prefix_len().checked_sub(96);
    let inner = mapped(network.addr()).zip(bits).and_then(|(ip, bits)| Ipv4Net::new(ip, bits).ok());
    Ok(inner.map_or(network, IpNet::V4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_may_be_a_single_address() {
        for (text, meant) in [
            ("127.0.0.1", "127.0.0.1/32"),
            ("::1", "::1/128"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("::ffff:10.1.2.3", "10.1.2.3/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), meant, "{text}");
        }
        for odd in ["", "10.0.0.0/33", "10.0.0", "localhost", "127.0.0.1:80", " 127.0.0.1"] {
            assert!(network(odd).is_err(), "{odd}");
        }
    }
}
