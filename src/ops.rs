//! What operators and their machines ask: `/healthz`, `/readyz`, `/metrics`.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use beckon_sfu::Sfu;
use beckon_signalling::{Ready, Signalling};
use beckon_turn_server::Turn;
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::arrival::Peer;
use crate::forwarded::is_forwarded;
use crate::metrics::render;

/// What these routes look at.
#[derive(Clone)]
pub(crate) struct Ops {
    pub signalling: Option<Arc<Signalling>>,
    pub media: Option<Arc<Sfu>>,
    pub relay: Option<Arc<Turn>>,
    pub draining: Arc<AtomicBool>,
    pub recorder: PrometheusHandle,
    pub metrics_token: Option<SecretString>,
}

/// The operators' routes.
pub(crate) fn router(ops: Ops) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape))
        .with_state(ops)
}

/// The operators' routes for when there is no place for people any more.
pub(crate) fn probes(ops: Ops) -> Router {
    let full = || async { (StatusCode::SERVICE_UNAVAILABLE, "too many connections\n") };
    router(ops).fallback(full)
}

/// Ready: the store reads and writes, or at least reads, threads live, and the process is not on its way out. The words name no host;
/// what does stays in the log.
async fn ready(State(ops): State<Ops>) -> Response {
    if ops.draining.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    let checked = ops.check().await;
    gauge!("beckon_ready").set(if checked == Ok(Ready::Fully) { 1.0 } else { 0.0 });
    match checked {
        Ok(Ready::Fully) => "ready\n".into_response(),
        Ok(Ready::ReadOnly) => "read-only: the database takes no writes\n".into_response(),
        Err(reason) => {
            tracing::warn!(reason, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response()
        }
    }
}

async fn scrape(
    State(ops): State<Ops>,
    Extension(Peer(peer)): Extension<Peer>,
    version: Version,
    headers: HeaderMap,
) -> Response {
    let is_local = peer.ip().to_canonical().is_loopback() && is_direct(version, &headers);
    if !is_local && !ops.presents_token(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if let Some(signalling) = &ops.signalling {
        signalling.observe();
    }
    let text = render(&ops.recorder);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Returns whether a request from this machine was made on it, and not by a proxy for somebody elsewhere. A proxy that
/// adds no header passes on the name that the browser asked for, or speaks HTTP/1.0, as nginx does unless told otherwise.
fn is_direct(version: Version, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host: Option<Authority> = host.and_then(|host| host.parse().ok());
    version >= Version::HTTP_11
        && host.is_some_and(|host| is_loopback(host.host()))
        && !is_forwarded(headers)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |ip| ip.to_canonical().is_loopback())
}

impl Ops {
    /// Every part that this process has is well.
    async fn check(&self) -> Result<Ready, String> {
        let ready = match &self.signalling {
            Some(signalling) => signalling.ready().await.map_err(|unready| unready.to_string())?,
            None => Ready::Fully,
        };
        if self.media.as_ref().is_some_and(|media| !media.ready()) {
            return Err("a media thread died".into());
        }
        if self.relay.as_ref().is_some_and(|relay| !relay.ready()) {
            return Err("a relay thread died".into());
        }
        Ok(ready)
    }

    fn presents_token(&self, headers: &HeaderMap) -> bool {
        let presented = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let presented = presented.and_then(|value| value.strip_prefix("Bearer "));
        match (presented, &self.metrics_token) {
            (Some(presented), Some(token)) => {
                presented.as_bytes().ct_eq(token.expose_secret().as_bytes()).into()
            }
            _ => false,
        }
    }
}
