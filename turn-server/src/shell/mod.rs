//! The shell: sockets, threads and connections around the relay.
//!
//! Each thread has a relay of its own and a socket on every listening address (SO_REUSEPORT): the kernel always gives a
//! client to the same one, so nothing is shared on the path of a packet.

mod addresses;
mod clock;
mod config;
mod inbox;
mod opening;
mod report;
mod reservations;
mod socket;
mod stream;
mod worker;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{Client, Door};
use crate::quota::Limits;
use crate::relay::{Families, Settings, Shared};
use crate::revoked::{Journal, Mark};
use addresses::Addresses;
use clock::unix_s;
pub use config::{Config, LISTENERS_MAX, StartError};
use inbox::{Input, Sender};
use opening::Openings;
use report::RelayReport;
pub use report::describe as describe_metrics;
use reservations::RESERVATIONS_MAX;
use worker::Worker;

/// More threads than this have nothing to do.
const THREADS_MAX: usize = 16;

/// A running TURN server, until [`Turn::stop`] or until it is dropped.
#[derive(Debug)]
pub struct Turn {
    addresses: Vec<SocketAddr>,
    shared: Shared,
    journal: Option<Arc<Mutex<Journal>>>,
    senders: Vec<Sender>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    next_stream: AtomicU64,
    stream_patience: Duration,
}

/// Starts the threads and returns when all of them listen.
pub fn start(config: Config) -> Result<Turn, StartError> {
    if config.udp.len() > LISTENERS_MAX {
        return Err(StartError::TooManyListeners);
    }
    if config.relay_ports.is_empty() || *config.relay_ports.start() == 0 {
        return Err(StartError::NoPorts);
    }
    let addresses = Addresses::find(&config);
    let now = Instant::now();
    let reserved_max = reserved_max(config.sockets_max);
    let mut shared = shared(&config, &addresses, now);
    let mut journal = None;
    if let Some(path) = &config.revoked_file {
        let opened = Journal::open(path, unix_s());
        let (opened, revoked) = opened.map_err(|error| StartError::Revoked(path.clone(), error))?;
        shared = shared.remembering(revoked);
        journal = Some(Arc::new(Mutex::new(opened)));
    }
    let openings = Openings::new(config.relay_ports.clone(), addresses, reserved_max);
    let report = Arc::new(RelayReport::new(now));

    let mut listening = config.udp.clone();
    let mut turn = Turn {
        addresses: Vec::new(),
        shared,
        journal,
        senders: Vec::new(),
        threads: Mutex::default(),
        next_stream: AtomicU64::new(0),
        stream_patience: config.stream_patience,
    };
    for index in 0..threads(config.threads) {
        let listeners = worker::listen(&mut listening, index == 0)?;
        let (sender, inbox) = inbox::queue().map_err(StartError::Thread)?;
        let (shared, openings, report) = (turn.shared.clone(), openings.clone(), report.clone());
        let worker = Worker::new(shared, listeners, inbox, openings, report);
        let worker = worker.map_err(StartError::Thread)?;
        let thread = thread::Builder::new().name(format!("turn-{index}"));
        let thread = thread.spawn(|| worker.run()).map_err(StartError::Thread)?;
        turn.senders.push(sender);
        turn.threads().push(thread);
    }
    turn.addresses = listening;
    Ok(turn)
}

fn shared(config: &Config, addresses: &Addresses, now: Instant) -> Shared {
    let mut peers = config.peers.clone();
    peers.own.extend(addresses.own());
    let settings = Settings {
        credentials: config.credentials.clone(),
        peers,
        limits: limits(config),
        families: Families { ipv4: addresses.ipv4.is_some(), ipv6: addresses.ipv6.is_some() },
    };
    Shared::new(settings, now)
}

/// The limits that apply with this many sockets.
fn limits(config: &Config) -> Limits {
    let sockets = config.sockets_max - reserved_max(config.sockets_max);
    let Limits { allocations, allocations_per_user, .. } = config.limits;
    Limits {
        allocations: allocations.min(sockets),
        allocations_per_user: allocations_per_user.min((sockets / 4).max(1)),
        ..config.limits.clone()
    }
}

/// How many of the sockets may be reserved ones.
fn reserved_max(sockets_max: usize) -> usize {
    RESERVATIONS_MAX.min(sockets_max / 8)
}

fn threads(wanted: usize) -> usize {
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    if wanted == 0 { processors() / 2 } else { wanted }.clamp(1, THREADS_MAX)
}

impl Turn {
    /// The UDP addresses it listens on, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Allocations there are now.
    pub fn allocations(&self) -> usize {
        self.shared.allocations()
    }

    /// Whether all threads live.
    pub fn ready(&self) -> bool {
        let threads = self.threads();
        !threads.is_empty() && threads.iter().all(|thread| !thread.is_finished())
    }

    /// Ends all allocations and waits the moment until the threads are done.
    pub fn stop(&self) {
        self.senders.iter().for_each(Sender::stop);
        for thread in self.threads().drain(..) {
            // A panic was logged when it happened.
            let _ = thread.join();
        }
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a client over a connection, until either side ends it: TURN over TCP, or over TLS that is unwrapped
    /// already.
    pub async fn stream<S>(&self, stream: S, remote: SocketAddr)
    where
        S: AsyncRead + AsyncWrite,
    {
        let id = self.next_stream.fetch_add(1, Ordering::Relaxed);
        let Some(sender) = self.senders.get(id as usize % self.senders.len().max(1)) else {
            return;
        };
        // A listener for both families reports IPv4 addresses in mapped form.
        let address = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let client = Client { address, door: Door::Stream(id) };
        stream::serve(stream, client, sender, self.stream_patience).await;
    }

    /// Ends all allocations of a holder, `alice/call` of the name `1700000000:alice/call`, and lets that name make no
    /// new ones for as long as it can live.
    pub async fn revoke(&self, holder: &str, life: Duration) {
        let (now_s, mark) = (unix_s(), Mark::of(holder));
        let until_s = now_s + life.as_secs();
        self.shared.revoke(holder, until_s, now_s);
        for sender in &self.senders {
            sender.send(Input::Revoke(holder.into())).await;
        }
        let Some(journal) = self.journal.clone() else { return };
        let shared = self.shared.clone();
        let write = move || {
            // Nothing panics while it is held.
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            shared.with_revoked(|revoked| journal.add(mark, until_s, revoked))
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(write).await {
            tracing::warn!(%error, "a name that was taken back counts again after a restart");
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.stop();
    }
}
