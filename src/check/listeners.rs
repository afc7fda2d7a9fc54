//! Whether every listener could have its address: on this machine, and not the one of another listener.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use anyhow::anyhow;

use crate::cli::Listen;
use crate::config::ProcessConfig;

/// An address that is to be listened at, and the key that says so.
struct Wanted {
    key: &'static str,
    protocol: Protocol,
    at: SocketAddr,
    /// On IPv6's unspecified address, IPv4 is heard too.
    takes_both: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
}

/// Tells of listeners that could not be bound beside each other on this machine.
pub(super) fn faults(process: &ProcessConfig) -> Vec<anyhow::Error> {
    let wanted = wanted(process);
    let mut faults: Vec<_> = ports_of_media(process).into_iter().collect();
    for (nth, one) in wanted.iter().enumerate() {
        if let Some(former) = wanted[..nth].iter().find(|former| former.is_in_the_way_of(one)) {
            let (key, at) = (former.key, former.at);
            faults.push(anyhow!(
                "{} ({}) and {key} ({at}) cannot both listen there",
                one.key,
                one.at
            ));
        }
    }
    // media has many ports at one address
    let mut foreign: Vec<&Wanted> = wanted.iter().filter(|one| !is_here(one.at)).collect();
    foreign.dedup_by_key(|one| (one.key, one.at.ip()));
    let told = |one: &Wanted| anyhow!("{}: {} is no address of this machine", one.key, one.at.ip());
    faults.extend(foreign.into_iter().map(told));
    faults
}

fn wanted(process: &ProcessConfig) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let mut want = |key, protocol, at, takes_both| {
        wanted.push(Wanted { key, protocol, at, takes_both });
    };
    for (key, listen) in
        [("http.listen", process.http.listen), ("http.https_listen", process.http.https_listen)]
    {
        if let Listen::On(at) = listen {
            want(key, Protocol::Tcp, at, true);
        }
    }
    for at in &process.turn.tcp {
        want("turn.tcp", Protocol::Tcp, *at, true);
    }
    if let Listen::On(first) = process.media.listen {
        for nth in 0..process.media.shards {
            let port = if first.port() == 0 { 0 } else { first.port().saturating_add(nth) };
            want("media.listen", Protocol::Udp, SocketAddr::new(first.ip(), port), true);
        }
    }
    for at in &process.turn.udp {
        want("turn.udp", Protocol::Udp, *at, false);
    }
    wanted
}

/// Each thread has a port of its own.
fn ports_of_media(process: &ProcessConfig) -> Option<anyhow::Error> {
    let Listen::On(first) = process.media.listen else { return None };
    let shards = process.media.shards;
    let has_all = first.port() == 0 || first.port().checked_add(shards.saturating_sub(1)).is_some();
    (!has_all).then(|| {
        let port = first.port();
        anyhow!(
            "media.listen: {shards} ports from {port} on, as media.shards wants, end beyond 65535"
        )
    })
}

impl Wanted {
    fn is_in_the_way_of(&self, other: &Wanted) -> bool {
        let is_same_port = self.at.port() == other.at.port() && self.at.port() != 0;
        let ips = (self.at.ip().to_canonical(), other.at.ip().to_canonical());
        let covers = |one: &Wanted, ip: IpAddr| match one.at.ip() {
            IpAddr::V4(own) => own.is_unspecified() && ip.is_ipv4(),
            IpAddr::V6(own) => own.is_unspecified() && (ip.is_ipv6() || one.takes_both),
        };
        let is_same_place = ips.0 == ips.1 || covers(self, ips.1) || covers(other, ips.0);
        // one that goes beyond 65535 has been told of
        let is_counted = self.protocol == other.protocol && is_same_port;
        is_counted && is_same_place && (self.key != "media.listen" || other.key != "media.listen")
    }
}

/// Asks the kernel, which knows of addresses that no interface has. No port is taken that anybody could want.
fn is_here(mut at: SocketAddr) -> bool {
    at.set_port(0);
    UdpSocket::bind(at).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(change: impl Fn(&mut ProcessConfig)) -> Vec<String> {
        let mut process = ProcessConfig::default();
        change(&mut process);
        faults(&process).iter().map(ToString::to_string).collect()
    }

    fn web(http: &str, https: &str) -> Vec<String> {
        told(|process| {
            process.http.listen = http.parse().unwrap();
            process.http.https_listen = https.parse().unwrap();
        })
    }

    #[test]
    fn two_cannot_listen_in_one_place() {
        for (one, other) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("127.0.0.1:8080", "0.0.0.0:8080"),
            ("[::]:8080", "127.0.0.1:8080"),
            ("0.0.0.0:8080", "[::]:8080"),
            ("127.0.0.1:8080", "[::ffff:127.0.0.1]:8080"),
        ] {
            let told = web(one, other);
            let names_both =
                |text: &String| text.contains("http.listen") && text.contains("https_listen");
            assert!(told.len() == 1 && told.iter().all(names_both), "{one} {other}: {told:?}");
        }
        for (one, other) in [
            ("127.0.0.1:8080", "127.0.0.1:8443"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("127.0.0.1:8080", "127.0.0.2:8080"),
            ("127.0.0.1:8080", "off"),
        ] {
            assert_eq!(web(one, other), [""; 0], "{one} {other}");
        }
    }

    #[test]
    fn the_relay_and_media_want_ports_of_their_own() {
        let relay = |media: &str, shards: u16, udp: &[&str], tcp: &[&str]| {
            told(|process| {
                process.media.listen = media.parse().unwrap();
                process.media.shards = shards;
                process.turn.udp = udp.iter().map(|at| at.parse().unwrap()).collect();
                process.turn.tcp = tcp.iter().map(|at| at.parse().unwrap()).collect();
            })
        };
        let apart = relay("0.0.0.0:7881", 2, &["0.0.0.0:3478", "0.0.0.0:7883"], &["0.0.0.0:3478"]);
        assert_eq!(apart, [""; 0]);
        assert_eq!(relay("127.0.0.1:0", 4, &["127.0.0.1:0"], &["127.0.0.1:0"]), [""; 0]);
        for (media, shards, udp, tcp, key) in [
            ("0.0.0.0:3477", 2, &["127.0.0.1:3478"][..], &[][..], "turn.udp"),
            ("off", 1, &["127.0.0.1:3478", "127.0.0.1:3478"], &[], "turn.udp"),
            ("off", 1, &["127.0.0.1:3478"], &["0.0.0.0:8080"], "turn.tcp"),
            ("127.0.0.1:65000", 1000, &[], &[], "media.shards"),
            ("127.0.0.1:65535", 2, &[], &[], "media.shards"),
        ] {
            let told = relay(media, shards, udp, tcp);
            assert!(told.len() == 1 && told[0].contains(key), "{media} {udp:?} {tcp:?}: {told:?}");
        }
    }

    #[test]
    fn an_address_of_another_machine_is_named() {
        // RFC 5737: nobody's
        let told = web("192.0.2.1:8080", "192.0.2.1:8443");
        assert!(told.len() == 2 && told[0].starts_with("http.listen: 192.0.2.1 is no"), "{told:?}");
    }
}
