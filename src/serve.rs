//! `beckon serve`: assemble the parts, run, drain, stop.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn;
use beckon_signalling::Signalling;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::cli::{Listen, Role, ServeArgs};
use crate::config::{self, Config};
use crate::listen::{self, Listeners};
use crate::ops::{self, Ops};
use crate::{certs, commands, limits, logs, media, metrics, observe, web};

/// A request body that brings nothing for so long is given up.
const BODY_STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs until a signal or a failing listener.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let with_media = with_media(&args.role)?;
    let loaded = config::load(&args.config)?;
    let mut log = loaded.config.process.log.clone();
    log.format = args.log_format.or(log.format);
    logs::install(&log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let mut config = loaded.config;
    if !with_media {
        config.process.media.listen = Listen::Off;
    }
    serve(config).await
}

/// Whether this process forwards media too. Asking for a part that is not there must fail, or an operator would
/// wait for calls that never connect.
fn with_media(roles: &[Role]) -> anyhow::Result<bool> {
    if roles.contains(&Role::Turn) {
        anyhow::bail!("--role turn is not supported in this version");
    }
    if roles == [Role::Sfu] {
        anyhow::bail!("--role sfu without signalling is not supported in this version");
    }
    Ok(roles.is_empty() || roles.contains(&Role::Sfu))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let connections_max = limits::raise_open_files().min(config.process.http.max_connections);
    let recorder = metrics::install()?;
    commands::make_data_dir(&config)?;

    let process = &config.process;
    let listeners = Listeners::new(connections_max, &process.http.trusted_proxies);
    let http = bind(process.http.listen).await?;
    let https = bind(process.http.https_listen).await?;
    let media = media::start(process)?;
    let node = media.as_ref().map(|media| media.node());
    let signalling =
        Signalling::start(config.signalling.clone(), node).await.context("cannot start")?;
    let signalling = Arc::new(signalling);
    let draining = Arc::new(AtomicBool::new(false));
    let app = router(Ops {
        signalling: signalling.clone(),
        media: media.clone(),
        draining: draining.clone(),
        recorder,
        metrics_token: process.metrics.token.clone(),
    });

    if let Some(listener) = http {
        announce("http", listeners.http(listener, app.clone())?);
    }
    if let Some(listener) = https {
        let identity = certs::load(certs::find_or_make(&config)?)?;
        announce("https", listeners.https(listener, app, identity)?);
    }

    stop.asked().await;
    draining.store(true, Ordering::Relaxed);
    let limit = Duration::from_secs(process.shutdown.drain_seconds);
    tracing::info!(limit_s = limit.as_secs(), "draining");
    tokio::select! {
        _ = async { tokio::join!(listeners.drain(limit), signalling.drain(limit)) } => {}
        () = stop.asked() => tracing::warn!("stopped before everything was drained"),
    }
    if let Some(media) = media {
        tokio::task::spawn_blocking(move || media.stop()).await?;
    }
    tracing::info!("stopped");
    Ok(())
}

/// All routes of the process. What no part claims is the web client's.
fn router(ops: Ops) -> Router {
    let signalling = ops.signalling.router();
    let unless_set =
        |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    Router::new()
        .merge(ops::router(ops))
        .merge(signalling)
        .fallback_service(web::router())
        .layer(RequestBodyTimeoutLayer::new(BODY_STALL_TIMEOUT))
        .layer(from_fn(observe::request))
        .layer(unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(unless_set(header::REFERRER_POLICY, "no-referrer"))
}

async fn bind(address: Listen) -> anyhow::Result<Option<TcpListener>> {
    match address {
        Listen::On(address) => listen::bind(address).await.map(Some),
        Listen::Off => Ok(None),
    }
}

/// One line for scripts, with the real port, and one for people. Whoever started us may have closed their
/// end of standard output, which is no reason not to serve.
fn announce(scheme: &str, address: SocketAddr) {
    tracing::info!(%address, scheme, "listening");
    let mut text = format!("listening on {scheme}://{address}\n");
    let port = address.port();
    if address.ip().is_loopback() {
        text += &format!("  open {scheme}://localhost:{port} in a browser on this machine\n");
    } else if address.ip().is_unspecified() {
        for ip in certs::local_addresses().filter(|ip| address.is_ipv6() || ip.is_ipv4()) {
            text += &format!("  open {scheme}://{} on other devices\n", SocketAddr::new(ip, port));
        }
    }
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// SIGTERM and Ctrl-C. The first asks to drain, the second to stop at once.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("cannot listen for signals");
        Ok(Stop {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
