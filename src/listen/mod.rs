//! The listeners: plain HTTP and HTTPS in front of the same router.
//!
//! HTTP/1.1 only. WebSockets need it, and its header time-out holds from a connection's first byte, where
//! telling HTTP/1 and HTTP/2 apart would wait for ever on a silent one.

mod guard;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::arrival::Door;
use crate::certs::Identity;
use guard::Guarded;

/// A client that has not sent its request line and headers by then is cut off. It also ends idle
/// keep-alive connections.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// A TLS handshake that takes longer is cut off.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of request line and headers; more is answered 431.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Headers in one request; more is answered 431.
const HEADERS_MAX: usize = 64;

/// The pause after a failing accept: out of descriptors, it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The listeners of one process, which stop together.
pub(crate) struct Listeners {
    slots: Arc<Semaphore>,
    trusted_proxies: Arc<[IpNet]>,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Listeners {
    /// No listener yet; all of them together will hold `connections_max` connections.
    pub(crate) fn new(connections_max: usize, trusted_proxies: &[IpNet]) -> Self {
        Listeners {
            slots: Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS))),
            trusted_proxies: trusted_proxies.into(),
            stop: CancellationToken::new(),
            connections: TaskTracker::new(),
        }
    }

    /// Serves plain HTTP and returns the real address.
    pub(crate) fn http(&self, listener: TcpListener, app: Router) -> anyhow::Result<SocketAddr> {
        self.serve(listener, app, None)
    }

    /// Serves HTTPS and returns the real address.
    pub(crate) fn https(
        &self,
        listener: TcpListener,
        app: Router,
        identity: Identity,
    ) -> anyhow::Result<SocketAddr> {
        self.serve(listener, app, Some(identity))
    }

    fn serve(
        &self,
        listener: TcpListener,
        app: Router,
        identity: Option<Identity>,
    ) -> anyhow::Result<SocketAddr> {
        let address = listener.local_addr().context("a listener without an address")?;
        let entrance = Entrance {
            app,
            door: Door { tls: identity.is_some(), trusted_proxies: self.trusted_proxies.clone() },
            identity,
            stop: self.stop.clone(),
        };
        let (slots, connections) = (self.slots.clone(), self.connections.clone());
        self.connections.spawn(accept(listener, slots, connections, entrance));
        Ok(address)
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

async fn accept(
    listener: TcpListener,
    slots: Arc<Semaphore>,
    connections: TaskTracker,
    entrance: Entrance,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = entrance.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(stream) = Guarded::admit(&slots, stream) {
                    connections.spawn(entrance.clone().connection(stream, peer));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// What a connection needs to know of the listener it came through.
#[derive(Clone)]
struct Entrance {
    app: Router,
    door: Door,
    identity: Option<Identity>,
    stop: CancellationToken,
}

impl Entrance {
    async fn connection(self, stream: Guarded<TcpStream>, peer: SocketAddr) {
        let Some(identity) = &self.identity else { return self.http(stream, peer).await };
        let acceptor = TlsAcceptor::from(identity.borrow().clone());
        match timeout(TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.http(stream, peer).await,
            _ => metrics::counter!("beckon_tls_handshakes_failed_total").increment(1),
        }
    }

    /// Serves requests until either side has enough. Ends early for a WebSocket, which lives on by itself.
    async fn http<S>(self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Entrance { app, door, stop, .. } = self;
        let service = service_fn(move |request| answer(app.clone(), door.clone(), request, peer));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(HEADER_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::trace!(%error, "a connection ended");
        }
    }
}

async fn answer(
    app: Router,
    door: Door,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response, Infallible> {
    door.note(&mut request, peer);
    app.oneshot(request).await
}

/// Binds an address and says which one when that fails.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}
