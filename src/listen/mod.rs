//! The listeners: plain HTTP and HTTPS in front of the same router.

mod guard;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::middleware::{AddExtension, from_fn_with_state};
use axum_server::Handle;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::arrival::{self, Door};
use guard::Guard;

/// A client that has not sent its request line and headers by then is cut off. It also ends idle
/// keep-alive connections.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// A TLS handshake that takes longer is cut off.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of request line and headers; more is answered 431.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Headers in one request; more is answered 431.
const HEADERS_MAX: usize = 64;

/// The router as one connection sees it.
type App = AddExtension<Router, ConnectInfo<SocketAddr>>;

/// The listeners of one process, which stop together.
pub(crate) struct Listeners {
    handle: Handle<SocketAddr>,
    slots: Arc<Semaphore>,
    trusted_proxies: Arc<[IpNet]>,
    running: JoinSet<std::io::Result<()>>,
}

impl Listeners {
    /// No listener yet; all of them together will hold `connections_max` connections.
    pub(crate) fn new(connections_max: usize, trusted_proxies: &[IpNet]) -> Self {
        Listeners {
            handle: Handle::new(),
            slots: Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS))),
            trusted_proxies: trusted_proxies.into(),
            running: JoinSet::new(),
        }
    }

    /// Serves plain HTTP and returns the real address.
    pub(crate) fn http(
        &mut self,
        listener: TcpListener,
        app: Router,
    ) -> anyhow::Result<SocketAddr> {
        let guard = Guard::new(self.slots.clone());
        self.serve(listener, app, false, guard)
    }

    /// Serves HTTPS and returns the real address.
    pub(crate) fn https(
        &mut self,
        listener: TcpListener,
        app: Router,
        tls: RustlsConfig,
    ) -> anyhow::Result<SocketAddr> {
        let acceptor = RustlsAcceptor::new(tls)
            .handshake_timeout(TLS_HANDSHAKE_TIMEOUT)
            .acceptor(Guard::new(self.slots.clone()));
        self.serve(listener, app, true, acceptor)
    }

    fn serve<A>(
        &mut self,
        listener: TcpListener,
        app: Router,
        tls: bool,
        acceptor: A,
    ) -> anyhow::Result<SocketAddr>
    where
        A: Accept<TcpStream, App, Service = App> + Clone + Send + Sync + 'static,
        A::Stream: AsyncRead + AsyncWrite + Unpin + Send,
        A::Future: Send,
    {
        let address = listener.local_addr().context("a listener without an address")?;
        let door = Door { tls, trusted_proxies: self.trusted_proxies.clone() };
        let app = app.layer(from_fn_with_state(door, arrival::note));
        let mut server = axum_server::from_tcp(listener)?.handle(self.handle.clone());
        *server.http_builder() = http1();
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        self.running.spawn(server.acceptor(acceptor).serve(service));
        Ok(address)
    }

    /// Stops accepting; open requests get until `limit`. Returns when the last connection is closed.
    pub(crate) async fn drain(mut self, limit: Duration) {
        self.handle.graceful_shutdown(Some(limit));
        while self.running.join_next().await.is_some() {}
    }

    /// Returns only if a listener fails.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        match self.running.join_next().await {
            Some(Ok(Err(error))) => anyhow::Error::new(error).context("a listener failed"),
            Some(_) => anyhow::anyhow!("a listener stopped by itself"),
            None => std::future::pending().await,
        }
    }
}

/// HTTP/1.1 only: WebSockets need it, and its header timeout covers a connection from its first byte,
/// where protocol detection would wait for ever on a silent one.
fn http1() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
}

/// Binds an address and says which one when that fails.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
