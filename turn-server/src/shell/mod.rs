//! The shell: sockets, threads and connections around the relay.
//!
//! Each thread has a relay of its own and a socket on every listening address (SO_REUSEPORT): the kernel gives a client
//! always to the same one, so nothing is shared on the way of a packet.

mod addresses;
mod inbox;
mod opening;
mod report;
mod reservations;
mod socket;
mod stream;
mod worker;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::peers::PeerPolicy;
use crate::quota::Limits;
use crate::relay::{Families, House, Settings};
use crate::revoked::{Journal, Mark};
use crate::{Client, Credentials, Door};
use addresses::Addresses;
use inbox::{Input, Sender};
use opening::Openings;
use report::Report;
pub use report::describe as describe_metrics;
use reservations::RESERVATIONS_MAX;
use worker::Worker;

/// Listeners of one process: a client is told apart by the number of its own.
const LISTENERS_MAX: usize = 64;

/// More threads than this have nothing to do.
const THREADS_MAX: usize = 16;

/// What a TURN server is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients are heard over UDP. Port 0 picks a free one.
    pub udp: Vec<SocketAddr>,
    /// Who may use the relay.
    pub credentials: Credentials,
    /// Whom it sends to. This machine's own addresses are added.
    pub peers: PeerPolicy,
    /// How much of it there is.
    pub limits: Limits,
    /// Ports of relayed addresses.
    pub relay_ports: RangeInclusive<u16>,
    /// Where relay sockets are bound; of a family without one, the address that leads to the internet.
    pub relay_ips: Vec<IpAddr>,
    /// Behind NAT: how peers see the relay sockets.
    pub external_ips: Vec<IpAddr>,
    /// How long a connection may take to get an allocation, to finish a message, or to take what there is for it.
    pub stream_patience: Duration,
    /// Sockets for relayed addresses at once, those included that are kept for who has their token: each is a file
    /// descriptor. One more allocation is answered 508, and nobody gets more than a quarter.
    pub sockets_max: usize,
    /// Where it is written down whose names were taken back, so that they stay so over a restart; `None`: nowhere.
    pub revoked_file: Option<PathBuf>,
    /// 0 is one for every two processors: fewer threads find more to do at a time, which costs less.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            udp: Vec::new(),
            credentials: Credentials::default(),
            peers: PeerPolicy::default(),
            limits: Limits::default(),
            relay_ports: 49152..=65535,
            relay_ips: Vec::new(),
            external_ips: Vec::new(),
            stream_patience: Duration::from_secs(30),
            sockets_max: usize::MAX,
            revoked_file: None,
            threads: 0,
        }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be had.
    #[error("cannot listen on udp {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// There are too many of them.
    #[error("{LISTENERS_MAX} listeners at most")]
    TooManyListeners,
    /// The range of relay ports is empty.
    #[error("there are no relay ports")]
    NoPorts,
    /// It cannot be read or written whose names were taken back.
    #[error("cannot remember who was sent away in {0}")]
    Revoked(PathBuf, #[source] io::Error),
    /// The system gives no thread, or no means to wait.
    #[error("cannot start a relay thread")]
    Thread(#[source] io::Error),
}

/// A running TURN server, until [`Turn::stop`] or until it is dropped.
#[derive(Debug)]
pub struct Turn {
    addresses: Vec<SocketAddr>,
    house: House,
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
    let mut house = house(&config, &addresses, now);
    let mut journal = None;
    if let Some(path) = &config.revoked_file {
        let opened = Journal::open(path, unix_s());
        let (opened, revoked) = opened.map_err(|error| StartError::Revoked(path.clone(), error))?;
        house = house.remembering(revoked);
        journal = Some(Arc::new(Mutex::new(opened)));
    }
    let openings = Openings::new(config.relay_ports.clone(), addresses, reserved_max);
    let report = Arc::new(Report::new(now));

    let mut listening = config.udp.clone();
    let mut turn = Turn {
        addresses: Vec::new(),
        house,
        journal,
        senders: Vec::new(),
        threads: Mutex::default(),
        next_stream: AtomicU64::new(0),
        stream_patience: config.stream_patience,
    };
    for index in 0..threads(config.threads) {
        let listeners = worker::listen(&mut listening, index == 0)?;
        let (sender, inbox) = inbox::queue().map_err(StartError::Thread)?;
        let (house, openings, report) = (turn.house.clone(), openings.clone(), report.clone());
        let worker = Worker::new(house, listeners, inbox, openings, report);
        let worker = worker.map_err(StartError::Thread)?;
        let thread = thread::Builder::new().name(format!("turn-{index}"));
        let thread = thread.spawn(|| worker.run()).map_err(StartError::Thread)?;
        turn.senders.push(sender);
        turn.threads().push(thread);
    }
    turn.addresses = listening;
    Ok(turn)
}

fn house(config: &Config, addresses: &Addresses, now: Instant) -> House {
    let mut peers = config.peers.clone();
    peers.own.extend(addresses.own());
    let settings = Settings {
        credentials: config.credentials.clone(),
        peers,
        limits: limits(config),
        families: Families { ipv4: addresses.ipv4.is_some(), ipv6: addresses.ipv6.is_some() },
    };
    House::new(settings, now)
}

/// What the limits come to with so many sockets.
fn limits(config: &Config) -> Limits {
    let sockets = config.sockets_max - reserved_max(config.sockets_max);
    let Limits { allocations, allocations_per_user, .. } = config.limits;
    Limits {
        allocations: allocations.min(sockets),
        allocations_per_user: allocations_per_user.min((sockets / 4).max(1)),
        ..config.limits.clone()
    }
}

/// How many of so many sockets may wait for who has their token.
fn reserved_max(sockets_max: usize) -> usize {
    RESERVATIONS_MAX.min(sockets_max / 8)
}

fn threads(wanted: usize) -> usize {
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    if wanted == 0 { processors() / 2 } else { wanted }.clamp(1, THREADS_MAX)
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Turn {
    /// Where clients are heard over UDP, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Allocations there are now.
    pub fn allocations(&self) -> usize {
        self.house.allocations()
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
            // It said so when it died.
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
        // A listener for both families tells IPv4 in mapped form.
        let address = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let client = Client { address, door: Door::Stream(id) };
        stream::serve(stream, client, sender, self.stream_patience).await;
    }

    /// Ends all allocations of a holder, `alice/call` of the name `1700000000:alice/call`, and lets that name make no
    /// new ones for as long as it can live.
    pub async fn revoke(&self, holder: &str, life: Duration) {
        let (now_s, mark) = (unix_s(), Mark::of(holder));
        let until_s = now_s + life.as_secs();
        self.house.revoke(holder, until_s, now_s);
        for sender in &self.senders {
            sender.send(Input::Revoke(holder.into())).await;
        }
        let Some(journal) = self.journal.clone() else { return };
        let house = self.house.clone();
        let write = move || {
            // Nothing panics while it is held.
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            house.with_revoked(|revoked| journal.add(mark, until_s, revoked))
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
