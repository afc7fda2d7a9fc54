//! A generated corpus of addresses inside, in every spelling that may lead there: none escapes.

use proptest::prelude::*;

use super::*;

/// IANA's special-purpose registry, multicast and what clouds answer metadata at, written down once more.
const INSIDE: &str = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
    255.255.255.255/32 169.254.169.254/32 169.254.170.2/32 100.100.100.200/32 192.0.0.192/32 168.63.129.16/32";

const INSIDE_V6: &str = "::/128 ::1/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23
    2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
    fd00:ec2::254/128 fd20:ce::254/128";

fn nets(list: &str) -> Vec<IpNet> {
    list.split_whitespace().map(|net| net.parse().unwrap()).collect()
}

/// An address of one of these networks, their edges more often than by chance.
fn within(list: &str) -> impl Strategy<Value = IpAddr> + use<> {
    let nets = prop::sample::select(nets(list));
    (nets, prop_oneof![Just(0), Just(u128::MAX), any::<u128>()]).prop_map(|(net, host)| match net {
        IpNet::V4(net) => {
            let host = host as u32 & u32::from(net.hostmask());
            IpAddr::V4((u32::from(net.network()) | host).into())
        }
        IpNet::V6(net) => {
            let host = host & u128::from(net.hostmask());
            IpAddr::V6((u128::from(net.network()) | host).into())
        }
    })
}

fn inside_v4() -> impl Strategy<Value = Ipv4Addr> {
    within(INSIDE).prop_map(|ip| match ip {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(_) => unreachable!("the list holds IPv4"),
    })
}

/// Every IPv6 address that some stack or gateway takes for this IPv4 address.
fn spellings(ip: Ipv4Addr, noise: u128) -> Vec<(&'static str, Ipv6Addr)> {
    let ip = u128::from(u32::from(ip));
    let low = |bits: u32| noise & ((1 << bits) - 1);
    let all: [(&str, u128); 13] = [
        ("mapped", 0xffff << 32 | ip),
        ("compatible", ip),
        ("translated, RFC 2765", 0xffff << 48 | ip),
        ("NAT64, RFC 6052 /96", 0x64_ff9b << 96 | ip),
        ("NAT64, RFC 8215 /48", 0x64_ff9b_0001 << 80 | low(80)),
        ("NAT64, RFC 8215 /96", 0x64_ff9b_0001 << 80 | low(48) << 32 | ip),
        ("6to4", 0x2002 << 112 | ip << 80 | low(80)),
        ("Teredo server", 0x2001_0000 << 96 | ip << 64 | low(64)),
        ("Teredo client", 0x2001_0000 << 96 | low(64) << 32 | (ip ^ 0xffff_ffff)),
        ("ISATAP", 0x2a00_1450 << 96 | low(32) << 64 | 0x5efe << 32 | ip),
        ("ISATAP, global", 0x2a00_1450 << 96 | low(32) << 64 | 0x0200_5efe << 32 | ip),
        ("link-local ISATAP", 0xfe80 << 112 | 0x5efe << 32 | ip),
        ("unique local", 0xfd00 << 112 | low(80) << 32 | ip),
    ];
    all.map(|(spelling, bits)| (spelling, bits.into())).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_inside_escapes(ip in inside_v4(), noise: u128, port: u16) {
        let peers = Peers::new(PeerPolicy::default());
        prop_assert!(!peers.may_permit(ip.into()));
        prop_assert!(!peers.may_send((ip, port).into()));
        for (spelling, ip) in spellings(ip, noise) {
            prop_assert!(!peers.may_permit(ip.into()), "{} as {}", ip, spelling);
            prop_assert!(!peers.may_send((ip, port).into()), "{} as {}", ip, spelling);
        }
    }

    #[test]
    fn nothing_inside_of_ipv6_escapes(ip in within(INSIDE_V6), port: u16) {
        let peers = Peers::new(PeerPolicy::default());
        prop_assert!(!peers.may_permit(ip));
        prop_assert!(!peers.may_send((ip, port).into()));
    }

    #[test]
    fn std_and_we_agree_on_what_is_inside(bits: u32) {
        let ip = Ipv4Addr::from(bits);
        let inside = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
            || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified();
        prop_assert!(!inside || is_special(ip.into()), "{}", ip);
    }

    #[test]
    fn what_is_opened_is_open_in_that_spelling_only(ip in within("10.1.0.0/16"), noise: u128) {
        let allow = nets("10.1.0.0/16");
        let peers = Peers::new(PeerPolicy { allow, ..PeerPolicy::default() });
        prop_assert!(peers.may_permit(ip));
        if let IpAddr::V4(ip) = ip {
            for (spelling, ip) in spellings(ip, noise) {
                prop_assert!(!peers.may_permit(ip.into()), "{} as {}", ip, spelling);
            }
        }
    }

    #[test]
    fn what_is_denied_is_closed_whatever_is_allowed(ip in within("10.1.0.0/16 ::/0")) {
        let policy = PeerPolicy {
            allow: nets("0.0.0.0/0 ::/0"),
            deny: nets("10.1.0.0/16 ::/0"),
            ..PeerPolicy::default()
        };
        prop_assert!(!Peers::new(policy).may_permit(ip));
    }
}

#[test]
fn the_internet_is_open() {
    let public = "1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.0.1.1 198.17.0.1
        198.20.0.1 223.255.255.255 11.0.0.0 2606:4700:4700::1111 2a00:1450:4001:81c::200e 2001:4860:4860::8888
        2400:cb00::1 3ffe::1";
    for ip in public.split_whitespace() {
        assert!(Peers::new(PeerPolicy::default()).may_permit(ip.parse().unwrap()), "{ip}");
    }
}
