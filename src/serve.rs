//! `beckon serve`: assemble the parts, run, drain, stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, map_request};
use beckon_sfu::Sfu;
use beckon_signalling::domain::ids::NodeId;
use beckon_signalling::{Signalling, StartError};
use beckon_turn_server::Turn;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::cli::{ConfigArgs, ServeArgs};
use crate::config::{self, Config};
use crate::doors::Doors;
use crate::listen::{Listeners, Served};
use crate::logs::{self, Logs};
use crate::ops::{self, Ops};
use crate::parts::Parts;
use crate::turn::Heard;
use crate::{check, data_dir, hsts, limits, media, metrics, observe, slashes, turn, web};

/// A database that is away is tried again after this time.
const START_AGAIN: Duration = Duration::from_secs(2);

/// Runs until a signal or a failing listener.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let parts = Parts::of(&args.role)?;
    let loaded = config::load(&args.config)?;
    let mut log = loaded.config.process.log.clone();
    log.format = args.log_format.or(log.format);
    let node = NodeId::fresh();
    let logs = logs::install(&log, node)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    reload_on_hangup(args.config, logs)?;
    serve(loaded.config, parts, node).await
}

async fn serve(mut config: Config, parts: Parts, node: NodeId) -> anyhow::Result<()> {
    parts.apply(&mut config);
    let findings = check::configuration(&config, parts);
    for warning in &findings.warnings {
        tracing::warn!("{warning}");
    }
    config::refuse(findings.errors)?;
    let mut stop = Stop::listen()?;
    let files = limits::raise_open_files();
    // Neither can take what the other needs to go on.
    let relay_max = if config.process.turn.is_on() { files / 2 } else { 0 };
    let connections_max = (files - relay_max).min(config.process.http.max_connections);
    let recorder = metrics::install()?;
    data_dir::make(&config.process.data_dir.0)?;

    let listeners = Listeners::new(connections_max, &config.process.http);
    let doors = Doors::bind(&config).await?;
    let media = media::start(&config.process)?;
    let relay = relay(&mut config, media.as_deref(), &doors, relay_max).await?;
    let _claim = parts.signalling.then(|| beckon_signalling::claim(&config.signalling));
    let _claim = _claim.transpose().context("cannot start")?;
    let signalling = match parts.signalling {
        true => {
            let start = || signalling(node, &config, media.as_deref(), relay.as_ref());
            let Some(started) = once_reachable(start, &mut stop).await? else { return Ok(()) };
            Some(started)
        }
        false => None,
    };
    let draining = Arc::new(AtomicBool::new(false));
    let ops = Ops {
        signalling: signalling.clone(),
        media: media.clone(),
        relay: relay.clone(),
        draining: draining.clone(),
        recorder,
        metrics_token: config.process.metrics.token.clone(),
    };
    let served = Served { probes: ops::probes(ops.clone()), app: router(ops) };
    doors.open(&listeners, served, relay.clone())?;

    stop.asked().await;
    draining.store(true, Ordering::Relaxed);
    ::metrics::gauge!("beckon_draining").set(1.0);
    leave(&mut stop, Duration::from_secs(config.process.shutdown.delay_seconds)).await;
    let limit = Duration::from_secs(config.process.shutdown.drain_seconds);
    tracing::info!(limit_s = limit.as_secs(), "draining");
    let drained = async {
        match &signalling {
            Some(signalling) => drop(tokio::join!(listeners.drain(limit), signalling.drain(limit))),
            None => listeners.drain(limit).await,
        }
    };
    tokio::select! {
        () = drained => {}
        () = stop.asked() => tracing::warn!("stopped before everything was drained"),
    }
    let stop_threads = move || {
        media.inspect(|media| media.stop());
        relay.inspect(|relay| relay.stop());
    };
    tokio::task::spawn_blocking(stop_threads).await?;
    tracing::info!("stopped");
    Ok(())
}

async fn signalling(
    id: NodeId,
    config: &Config,
    media: Option<&Sfu>,
    relay: Option<&Arc<Turn>>,
) -> Result<Arc<Signalling>, StartError> {
    let (node, revoke) = (media.map(Sfu::node), relay.map(turn::revoke));
    Ok(Arc::new(Signalling::start(id, config.signalling.clone(), node, revoke).await?))
}

/// Starts, as often as it takes while the database is away: databases are restarted too. None when asked to stop.
async fn once_reachable<F>(
    start: impl Fn() -> F,
    stop: &mut Stop,
) -> anyhow::Result<Option<Arc<Signalling>>>
where
    F: Future<Output = Result<Arc<Signalling>, StartError>>,
{
    loop {
        let error = tokio::select! {
            started = start() => match started {
                Ok(signalling) => return Ok(Some(signalling)),
                Err(error) => error,
            },
            () = stop.asked() => return Ok(None),
        };
        if !error.may_pass() {
            return Err(error).context("cannot start");
        }
        tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "cannot start yet");
        tokio::select! {
            () = tokio::time::sleep(START_AGAIN) => {}
            () = stop.asked() => return Ok(None),
        }
    }
}

/// Starts the relay, if there is to be one, and tells signalling of it.
async fn relay(
    config: &mut Config,
    media: Option<&Sfu>,
    doors: &Doors,
    sockets_max: usize,
) -> anyhow::Result<Option<Arc<Turn>>> {
    if !config.process.turn.is_on() {
        return Ok(None);
    }
    let relay = turn::start(config, media.map_or(&[], Sfu::listening), sockets_max).await?;
    let heard = Heard {
        udp: relay.addresses(),
        tcp: &doors.relay_addresses(),
        tls: doors.shared_address(),
    };
    let external_ips = &config.process.external_ips;
    turn::offer(&mut config.signalling.calls, external_ips, &heard, |ips| doors.hosts(ips));
    Ok(Some(Arc::new(relay)))
}

/// All routes of the process. What no part claims is the web client's, if people are served here.
fn router(ops: Ops) -> Router {
    let signalling = ops.signalling.as_ref().map(|signalling| signalling.router());
    let unless_set =
        |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    let operators = ops::router(ops);
    let all = match signalling {
        Some(signalling) => operators.merge(signalling).fallback_service(web::router()),
        None => operators,
    };
    let all = all
        .layer(from_fn(observe::request))
        .layer(from_fn(hsts::keep_to_tls))
        .layer(unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(unless_set(header::REFERRER_POLICY, "no-referrer"));
    Router::new().fallback_service(all).layer(map_request(slashes::merge))
}

/// Serves on while balancers notice, by `/readyz`, that this node is about to go.
async fn leave(stop: &mut Stop, delay: Duration) {
    if delay.is_zero() {
        return;
    }
    tracing::info!(delay_s = delay.as_secs(), "no longer ready");
    let _ = tokio::time::timeout(delay, stop.asked()).await;
}

/// SIGHUP never ends the process, whatever it serves. Certificates are reloaded by whoever offers them.
fn reload_on_hangup(args: ConfigArgs, logs: Logs) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match config::load(&args).and_then(|new| logs.change(&new.config.process.log)) {
                Ok(()) => tracing::info!("log.filter reloaded; other settings wait for a restart"),
                Err(error) => tracing::error!("the configuration is kept as it was: {error:#}"),
            }
        }
    });
    Ok(())
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
