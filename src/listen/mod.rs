//! The listeners: plain HTTP and HTTPS in front of the same router, TURN over TCP and TLS.

mod entrance;
mod guard;
mod heads;
mod linger;
mod pace;
mod refused;
mod reserve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use beckon_signalling::domain::network::Network;
use beckon_signalling::shares::{Bounds, Holder, Shares};
use beckon_turn_server::Turn;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::arrival::Door;
use crate::certs::Identity;
use crate::config::HttpConfig;
use entrance::{Behind, Entrance, Pages};
use guard::Guarded;
use heads::LargeHeads;
use reserve::Reserve;

/// The pause after a failing accept: out of descriptors, it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is served, and what is left of it when all places are taken.
#[derive(Clone)]
pub(crate) struct Served {
    pub app: Router,
    pub probes: Router,
}

/// The listeners of one process, which stop together.
pub(crate) struct Listeners {
    slots: Shares,
    reserve: Reserve,
    large_heads: LargeHeads,
    trusted_proxies: Arc<[IpNet]>,
    keep_alive: Duration,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Listeners {
    /// No listener yet; all of them together will hold `connections_max` connections, of one network half as many.
    pub(crate) fn new(connections_max: usize, http: &HttpConfig) -> Self {
        let bounds = Bounds {
            all: connections_max,
            person: connections_max,
            network: connections_max.div_ceil(2),
        };
        Listeners {
            slots: Shares::new(bounds),
            reserve: Reserve::new(),
            large_heads: LargeHeads::default(),
            trusted_proxies: http.trusted_proxies.as_slice().into(),
            keep_alive: Duration::from_secs(http.keep_alive_seconds),
            stop: CancellationToken::new(),
            connections: TaskTracker::new(),
        }
    }

    /// Serves plain HTTP and returns the real address.
    pub(crate) fn http(&self, listener: TcpListener, served: Served) -> anyhow::Result<SocketAddr> {
        self.serve(listener, Behind::Pages(self.pages(served, false)))
    }

    /// Serves HTTPS, and TURN over TLS if there is a relay, and returns the real address.
    pub(crate) fn https(
        &self,
        listener: TcpListener,
        served: Served,
        identity: Identity,
        relay: Option<Arc<Turn>>,
    ) -> anyhow::Result<SocketAddr> {
        self.serve(listener, Behind::Tls { identity, pages: self.pages(served, true), relay })
    }

    /// Serves TURN over TCP and over TLS, and returns the real address.
    pub(crate) fn turn(
        &self,
        listener: TcpListener,
        identity: Identity,
        relay: Arc<Turn>,
    ) -> anyhow::Result<SocketAddr> {
        self.serve(listener, Behind::Relay { identity, relay })
    }

    fn pages(&self, Served { app, probes }: Served, tls: bool) -> Pages {
        let door = Door { tls, trusted_proxies: self.trusted_proxies.clone() };
        Pages {
            app,
            probes,
            door,
            large_heads: self.large_heads.clone(),
            keep_alive: self.keep_alive,
        }
    }

    fn serve(&self, listener: TcpListener, behind: Behind) -> anyhow::Result<SocketAddr> {
        let address = listener.local_addr().context("a listener without an address")?;
        let entrance = Entrance { behind, stop: self.stop.clone(), is_reserve: false };
        let slots = self.slots();
        self.connections.spawn(accept(listener, slots, self.connections.clone(), entrance));
        Ok(address)
    }

    fn slots(&self) -> Slots {
        Slots {
            all: self.slots.clone(),
            reserve: self.reserve.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }

    /// Stops accepting, and gives open requests until `limit`. WebSockets are not waited for here.
    pub(crate) async fn drain(self, limit: Duration) {
        self.stop.cancel();
        self.connections.close();
        if timeout(limit, self.connections.wait()).await.is_err() {
            tracing::warn!(open = self.connections.len(), "requests were cut short");
        }
    }
}

/// Places for connections, and whose are counted together.
struct Slots {
    all: Shares,
    reserve: Reserve,
    trusted_proxies: Arc<[IpNet]>,
}

impl Slots {
    /// Serves a connection in a task of its own if there is a place for it, or closes it.
    fn admit(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        entrance: &Entrance,
        connections: &TaskTracker,
    ) {
        let (holder, entrance) = (holder(peer, &self.trusted_proxies), entrance.clone());
        if let Ok(share) = self.all.take_now(holder) {
            connections.spawn(entrance.connection(Guarded::new(share.into(), stream), peer));
            return;
        }
        metrics::counter!("beckon_connections_refused_total").increment(1);
        let Some(entrance) = entrance.for_probes() else { return };
        let slot = self.reserve.take(holder);
        // it may have to wait for the ones before it, and those behind it for nothing
        connections.spawn(async move {
            if let Some(slot) = slot.await {
                entrance.connection(Guarded::new(slot, stream), peer).await;
            }
        });
    }
}

/// Whose connection it is. A proxy's are those of many people.
fn holder(peer: SocketAddr, trusted_proxies: &[IpNet]) -> Holder {
    let ip = peer.ip().to_canonical();
    match trusted_proxies.iter().any(|network| network.contains(&ip)) {
        true => Holder::default(),
        false => Holder::network(Network::of(ip)),
    }
}

async fn accept(listener: TcpListener, slots: Slots, connections: TaskTracker, entrance: Entrance) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = entrance.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => slots.admit(stream, peer, &entrance, &connections),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Binds an address and says which one when that fails.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_cannot_take_all_connections_and_a_proxy_is_no_network() {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let http = HttpConfig { trusted_proxies, ..HttpConfig::default() };
        let listeners = Listeners::new(10, &http);
        let slots = listeners.slots();
        let take = |ip: &str| {
            let peer = SocketAddr::new(ip.parse().unwrap(), 1);
            slots.all.take_now(holder(peer, &slots.trusted_proxies)).ok()
        };
        let held: Vec<_> = (0..5).map(|_| take("203.0.113.7").expect("a slot")).collect();
        assert!(take("203.0.113.7").is_none() && take("::ffff:203.0.113.7").is_none());
        assert!(take("203.0.113.8").is_some());
        drop(held);
        let _of_one_64: Vec<_> = (0..5).map(|n| take(&format!("2001:db8::{n}")).unwrap()).collect();
        assert!(take("2001:db8::7").is_none());
        let _behind: Vec<_> = (0..5).map(|_| take("10.0.0.1").expect("of many people")).collect();
    }
}
