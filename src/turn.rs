//! The relay of this process, and what people are told of it.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use beckon_signalling::config::{Calls, IceUrl};
use beckon_signalling::ice::{CREDENTIAL_LIFE_S, Revoke};
use beckon_turn_server::{Config as RelayConfig, Credentials, Limits, PeerPolicy, Turn};
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use crate::certs;
use crate::config::{Config, ProcessConfig, TurnConfig};

/// Where a relay listens that was asked for by its role alone.
const PORT: u16 = 3478;

/// More addresses of one transport only make browsers slow to begin.
const URLS_MAX: usize = 2;

/// Until a name server has said where a host is. Longer, and whoever starts this process takes it for dead.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// In the data folder: whose credentials were taken back.
const REVOKED: &str = "turn-revoked";

const CREDENTIAL_LIFE: Duration = Duration::from_secs(CREDENTIAL_LIFE_S.unsigned_abs());

/// Gives a relay that was asked for by its role, and nothing else, somewhere to listen.
pub(crate) fn listen_by_default(turn: &mut TurnConfig) {
    if turn.is_on() {
        return;
    }
    let [ipv4, ipv6]: [SocketAddr; 2] =
        [(Ipv4Addr::UNSPECIFIED, PORT).into(), (Ipv6Addr::UNSPECIFIED, PORT).into()];
    let has_ipv6 = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok();
    turn.udp = if has_ipv6 { vec![ipv4, ipv6] } else { vec![ipv4] };
    // Over TCP, the IPv6 listener hears IPv4 too.
    turn.tcp = vec![if has_ipv6 { ipv6 } else { ipv4 }];
}

/// Sees to it that signalling and the relay share a secret.
pub(crate) fn share_secret(config: &mut Config) {
    let (turn, calls) = (&mut config.process.turn, &mut config.signalling.calls);
    let is_set = |secret: &SecretString| !secret.expose_secret().is_empty();
    if turn.secrets.is_empty() {
        let made = || uuid::Uuid::new_v4().simple().to_string().into();
        let known = Some(calls.turn_secret.clone()).filter(is_set);
        turn.secrets.push(known.unwrap_or_else(made));
    }
    if let Some(first) = turn.secrets.first().filter(|_| !is_set(&calls.turn_secret)) {
        calls.turn_secret = first.clone();
    }
}

/// Starts the relay's threads. `media` is where the media node of this process listens, `sockets_max` how many relayed
/// addresses there are descriptors for.
pub(crate) async fn start(
    config: &Config,
    media: &[SocketAddr],
    sockets_max: usize,
) -> anyhow::Result<Turn> {
    let ProcessConfig { turn, external_ips, .. } = &config.process;
    let mut deny = turn.deny_peers.clone();
    for url in [&config.signalling.database_url, &config.signalling.redis_url] {
        deny.extend(hosts(url.expose_secret()).await);
    }
    let secrets = turn.secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect();
    let users = turn.users.iter().map(|user| (&*user.name, user.password.expose_secret()));
    let config = RelayConfig {
        udp: turn.udp.clone(),
        credentials: Credentials::new(&turn.realm, secrets, users),
        peers: PeerPolicy {
            allow: turn.allow_peers.clone(),
            deny,
            media: seen(media, external_ips),
            own: Vec::new(),
            development: turn.development_loopback,
        },
        limits: Limits {
            allocations_per_user: turn.allocations_per_user,
            allocations: turn.allocations_max,
            bytes_per_second_per_user: turn.bytes_per_second_per_user,
            bytes_per_second: turn.bytes_per_second,
            ..Limits::default()
        },
        relay_ports: turn.relay_ports.0.clone(),
        external_ips: external_ips.clone(),
        threads: turn.threads,
        sockets_max,
        revoked_file: Some(revoked_file(&config.process)),
        ..RelayConfig::default()
    };
    beckon_turn_server::start(config).context("cannot start the relay")
}

/// Where the relay remembers, over a restart, whose credentials were taken back.
pub(crate) fn revoked_file(process: &ProcessConfig) -> PathBuf {
    process.data_dir.0.join(REVOKED)
}

/// Where the media node is reached: at its own addresses, and at those that others see of this machine.
fn seen(media: &[SocketAddr], external_ips: &[IpAddr]) -> Vec<SocketAddr> {
    let outside = |at: &SocketAddr| {
        let port = at.port();
        external_ips.iter().map(move |ip| SocketAddr::new(*ip, port))
    };
    media.iter().copied().chain(media.iter().flat_map(outside)).collect()
}

/// The addresses of the host in a URL, as far as they are known now.
async fn hosts(url: &str) -> Vec<IpNet> {
    let Some((_, rest)) = url.split_once("://") else { return Vec::new() };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    // Without a port there is none to look up; any will do.
    let with_port = if host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:0")
    };
    let looking_up = timeout(LOOK_UP_WITHIN, tokio::net::lookup_host(with_port));
    match looking_up.await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())) {
        Ok(addresses) => addresses.map(|address| address.ip().into()).collect(),
        Err(error) => {
            tracing::warn!(%error, "a host that the relay must not reach is unknown");
            Vec::new()
        }
    }
}

/// Where clients of the relay are heard.
pub(crate) struct Heard<'a> {
    pub udp: &'a [SocketAddr],
    pub tcp: &'a [SocketAddr],
    /// Over TLS, beside HTTPS.
    pub tls: Option<SocketAddr>,
}

/// Tells signalling of the relay, unless the operator says which servers people are to use. `hosts` tells how clients
/// may call this server at some addresses and find its certificate good.
pub(crate) fn offer(
    calls: &mut Calls,
    external_ips: &[IpAddr],
    heard: &Heard<'_>,
    hosts: impl Fn(&[IpAddr]) -> Vec<String>,
) {
    let reached = |listener: &SocketAddr| reached(external_ips, *listener);
    let is_same_family =
        |(listener, at): &(SocketAddr, SocketAddr)| listener.is_ipv6() == at.is_ipv6();
    // A TCP listener for all of IPv6 hears IPv4 as well.
    let is_heard = |pair: &(SocketAddr, SocketAddr)| {
        is_same_family(pair) || pair.0.ip() == Ipv6Addr::UNSPECIFIED
    };
    let udp = heard.udp.iter().flat_map(reached).filter(is_same_family).map(|(_, at)| at);
    let udp: Vec<_> = udp.take(URLS_MAX).collect();
    if calls.stun_urls.is_empty() {
        calls.stun_urls = udp.iter().map(|at| IceUrl(format!("stun:{at}"))).collect();
    }
    if calls.turn_urls.is_empty() {
        let tcp = heard.tcp.iter().flat_map(reached).filter(is_heard);
        let tls = heard.tls.iter().flat_map(|listener| {
            let ips = reached(listener).into_iter().filter(is_heard).map(|(_, at)| at.ip());
            let hosts = hosts(&ips.collect::<Vec<_>>()).into_iter();
            hosts.map(|host| format!("turns:{host}:{}?transport=tcp", listener.port()))
        });
        let udp = udp.iter().map(|at| format!("turn:{at}?transport=udp"));
        let tcp = tcp.map(|(_, at)| format!("turn:{at}?transport=tcp")).take(URLS_MAX);
        calls.turn_urls = udp.chain(tcp).chain(tls.take(URLS_MAX)).map(IceUrl).collect();
    }
}

/// How signalling ends what somebody relays.
pub(crate) fn revoke(relay: &Arc<Turn>) -> Revoke {
    let relay = relay.clone();
    Arc::new(move |holder| {
        let (relay, holder) = (relay.clone(), holder.to_owned());
        tokio::spawn(async move { relay.revoke(&holder, CREDENTIAL_LIFE).await });
    })
}

/// A listener, with each of the addresses at which clients may reach it.
fn reached(external_ips: &[IpAddr], listener: SocketAddr) -> Vec<(SocketAddr, SocketAddr)> {
    let ips: Vec<IpAddr> = if !external_ips.is_empty() {
        external_ips.to_vec()
    } else if listener.ip().is_unspecified() {
        certs::local_addresses().collect()
    } else {
        vec![listener.ip()]
    };
    ips.into_iter().map(|ip| (listener, SocketAddr::new(ip, listener.port()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people are told of a relay that is heard at these addresses, with a certificate for these hosts.
    fn offered(external: &[&str], udp: &[&str], tcp: &[&str], tls: &str) -> [Vec<String>; 2] {
        let parse = |list: &[&str]| list.iter().map(|at| at.parse().unwrap()).collect::<Vec<_>>();
        let external: Vec<_> = external.iter().map(|ip| ip.parse().unwrap()).collect();
        let mut calls = Calls::default();
        let heard = Heard { udp: &parse(udp), tcp: &parse(tcp), tls: tls.parse().ok() };
        let hosts = |ips: &[IpAddr]| ips.iter().map(|ip| format!("{ip}.example.com")).collect();
        offer(&mut calls, &external, &heard, hosts);
        [calls.stun_urls, calls.turn_urls].map(|urls| urls.into_iter().map(|url| url.0).collect())
    }

    #[test]
    fn people_are_told_where_the_relay_is() {
        let udp = ["192.0.2.1:3478", "[2001:db8::1]:3478"];
        let [stun, turn] = offered(&[], &udp, &["192.0.2.1:80"], "192.0.2.1:443");
        assert_eq!(stun, ["stun:192.0.2.1:3478", "stun:[2001:db8::1]:3478"]);
        assert_eq!(
            turn,
            [
                "turn:192.0.2.1:3478?transport=udp",
                "turn:[2001:db8::1]:3478?transport=udp",
                "turn:192.0.2.1:80?transport=tcp",
                "turns:192.0.2.1.example.com:443?transport=tcp",
            ]
        );
    }

    #[test]
    fn behind_nat_they_are_told_the_outer_address() {
        let udp = ["0.0.0.0:3478", "[::]:3478"];
        let [stun, turn] = offered(&["198.51.100.7"], &udp, &["[::]:3478"], "[::]:443");
        assert_eq!(stun, ["stun:198.51.100.7:3478"]);
        let tcp = "turn:198.51.100.7:3478?transport=tcp";
        let tls = "turns:198.51.100.7.example.com:443?transport=tcp";
        assert_eq!(turn, ["turn:198.51.100.7:3478?transport=udp", tcp, tls]);
    }

    #[test]
    fn what_the_operator_says_is_left_alone() {
        let own = vec![IceUrl("turns:chat.example.com:443?transport=tcp".into())];
        let mut calls = Calls { turn_urls: own, ..Calls::default() };
        let udp = ["192.0.2.1:3478".parse().unwrap()];
        let heard = Heard { udp: &udp, tcp: &[], tls: Some("192.0.2.1:443".parse().unwrap()) };
        offer(&mut calls, &[], &heard, |_| vec!["chat.example.com".into()]);
        assert_eq!(calls.turn_urls.len(), 1);
        assert_eq!(calls.stun_urls.len(), 1);
    }

    #[test]
    fn there_is_one_secret() {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let shared = |relay: &[&str], calls: &str| {
            let mut config = Config::default();
            config.process.turn.secrets = relay.iter().map(|text| secret(text)).collect();
            config.signalling.calls.turn_secret = secret(calls);
            share_secret(&mut config);
            let relay = config.process.turn.secrets[0].expose_secret().to_owned();
            (relay, config.signalling.calls.turn_secret.expose_secret().to_owned())
        };
        assert_eq!(shared(&["new", "old"], ""), ("new".into(), "new".into()));
        assert_eq!(shared(&[], "calls"), ("calls".into(), "calls".into()));
        let (relay, calls) = shared(&[], "");
        assert!(relay.len() >= 32 && relay == calls);
    }

    #[tokio::test]
    async fn hosts_are_found_in_urls() {
        for url in ["mysql://u:p@127.0.0.1/db", "redis://127.0.0.1:6379", "redis://127.0.0.1/0?x=1"]
        {
            assert_eq!(hosts(url).await, ["127.0.0.1/32".parse().unwrap()], "{url}");
        }
        assert_eq!(hosts("redis://[::1]:6379").await, ["::1/128".parse().unwrap()]);
        assert_eq!(hosts("sqlite:beckon.db").await, []);
    }
}
