//! What a connection comes to: pages, the relay, or one of the two as its first bytes tell.
//!
//! HTTP/1.1 only. WebSockets need it, and its header time-out holds from a connection's first byte, where
//! telling HTTP/1 and HTTP/2 apart would wait for ever on a silent one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use beckon_turn_server::Turn;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::guard::Guarded;
use super::heads::{HEADER_BYTES_MAX, HEADERS_MAX, LargeHeads, Place};
use super::holder;
use super::linger::Lingering;
use super::pace::{Paced, Phase};
use super::reserve;
use crate::arrival::Door;
use crate::certs::Identity;

/// A client that has not sent its request line and headers so long after their first byte is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that says nothing at all is cut off.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(10);

/// A TLS handshake that takes longer is cut off.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Room for the bytes that are looked at before somebody reads them. Longer reads go past it.
const PEEK_BYTES: usize = 256;

/// A TLS record that begins a handshake (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// STUN and TURN messages begin with two bits of zero, and HTTP with a letter (RFC 8489, 5).
const STUN_MAX: u8 = 0x3f;

/// A connection whose first bytes can be looked at before they are read.
type Peekable<S> = BufReader<S>;

/// What a listener leads to.
#[derive(Clone)]
pub(super) struct Entrance {
    pub(super) behind: Behind,
    pub(super) stop: CancellationToken,
    /// For connections beyond the limit, which have little time.
    pub(super) is_reserve: bool,
}

#[derive(Clone)]
pub(super) enum Behind {
    /// Plain HTTP.
    Pages(Pages),
    /// TLS, and in it HTTP or TURN.
    Tls { identity: Identity, pages: Pages, relay: Option<Arc<Turn>> },
    /// TURN, in TLS or plain.
    Relay { identity: Identity, relay: Arc<Turn> },
}

/// The router, and what requests through this listener have in common.
#[derive(Clone)]
pub(super) struct Pages {
    pub(super) app: Router,
    /// What is served when all places are taken.
    pub(super) probes: Router,
    pub(super) door: Door,
    /// Places for requests with long heads, over all listeners.
    pub(super) large_heads: LargeHeads,
    /// How long a connection is kept between two requests; zero keeps none.
    pub(super) keep_alive: Duration,
}

impl Pages {
    fn for_probes(self) -> Pages {
        Pages { app: self.probes.clone(), keep_alive: Duration::ZERO, ..self }
    }
}

impl Entrance {
    /// The way in for connections beyond the limit, which answers one probe each.
    pub(super) fn for_probes(self) -> Option<Entrance> {
        let Entrance { behind, stop, .. } = self;
        let behind = match behind {
            Behind::Pages(pages) => Behind::Pages(pages.for_probes()),
            Behind::Tls { identity, pages, .. } => {
                Behind::Tls { identity, pages: pages.for_probes(), relay: None }
            }
            Behind::Relay { .. } => return None,
        };
        Some(Entrance { behind, stop, is_reserve: true })
    }

    pub(super) async fn connection(self, stream: Guarded<Lingering>, peer: SocketAddr) {
        if !self.is_reserve {
            return self.led(stream, peer).await;
        }
        let claimed = stream.claimed();
        tokio::select! {
            () = self.led(stream, peer) => {}
            () = sleep(reserve::TIME) => claimed.cancel(),
            () = claimed.cancelled() => {}
        }
    }

    async fn led(self, stream: Guarded<Lingering>, peer: SocketAddr) {
        let Entrance { behind, stop, .. } = self;
        match behind {
            Behind::Pages(pages) => pages.serve(stream, peer, stop).await,
            Behind::Tls { identity, pages, relay } => {
                let Some(stream) = handshake(&identity, stream).await else { return };
                match relay {
                    Some(relay) => pages_or_relay(stream, peer, pages, relay, stop).await,
                    None => pages.serve(stream, peer, stop).await,
                }
            }
            Behind::Relay { identity, relay } => {
                let mut stream = Peekable::with_capacity(PEEK_BYTES, stream);
                match first_byte(&mut stream).await {
                    Some(TLS_HANDSHAKE) => {
                        let Some(stream) = handshake(&identity, stream).await else { return };
                        relayed(stream, peer, relay, stop).await;
                    }
                    Some(_) => relayed(stream, peer, relay, stop).await,
                    None => {}
                }
            }
        }
    }
}

async fn handshake<S>(identity: &Identity, stream: S) -> Option<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let acceptor = TlsAcceptor::from(identity.borrow().clone());
    match timeout(TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        _ => {
            metrics::counter!("beckon_tls_handshakes_failed_total").increment(1);
            None
        }
    }
}

/// Tells HTTP and TURN apart: the client speaks first in both.
async fn pages_or_relay<S>(
    stream: S,
    peer: SocketAddr,
    pages: Pages,
    relay: Arc<Turn>,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stream = Peekable::with_capacity(PEEK_BYTES, stream);
    match first_byte(&mut stream).await {
        Some(0..=STUN_MAX) => relayed(stream, peer, relay, stop).await,
        Some(_) => pages.serve(stream, peer, stop).await,
        None => {}
    }
}

/// `None` if the client closes the connection or says nothing.
async fn first_byte<S: AsyncRead + Unpin>(stream: &mut Peekable<S>) -> Option<u8> {
    let bytes = timeout(FIRST_BYTE_TIMEOUT, stream.fill_buf()).await.ok()?.ok()?;
    bytes.first().copied()
}

async fn relayed<S>(stream: S, peer: SocketAddr, relay: Arc<Turn>, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite,
{
    tokio::select! {
        () = relay.stream(stream, peer) => {}
        () = stop.cancelled() => {}
    }
}

impl Pages {
    /// Serves requests until either side has enough. Ends early for a WebSocket, which lives on by itself.
    async fn serve<S>(self, stream: S, peer: SocketAddr, stop: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Pages { app, door, keep_alive, large_heads, .. } = self;
        let phase = Phase::first_head();
        let place = Place::new(large_heads, holder(peer, &door.trusted_proxies));
        let stream = Paced::new(stream, phase.clone(), HEADER_TIMEOUT, place);
        let service = service_fn(move |request| {
            phase.begin();
            let (answering, phase) =
                (answer(app.clone(), door.clone(), request, peer), phase.clone());
            async move { answering.await.map(|response| phase.end_after(response)) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(!keep_alive.is_zero())
            .header_read_timeout(keep_alive.max(HEADER_TIMEOUT))
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
