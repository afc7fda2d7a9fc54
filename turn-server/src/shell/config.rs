//! How a TURN server is configured, and why it may fail to start.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::credentials::Credentials;
use crate::peers::PeerPolicy;
use crate::quota::Limits;

/// Listeners of one process: a client is identified by the index of its listener, too.
pub const LISTENERS_MAX: usize = 64;

/// What a TURN server is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Addresses to listen on for UDP. Port 0 picks a free one.
    pub udp: Vec<SocketAddr>,
    /// Who may use the relay.
    pub credentials: Credentials,
    /// Which peers it sends to. This machine's own addresses are added.
    pub peers: PeerPolicy,
    /// Limits of allocations and bandwidth.
    pub limits: Limits,
    /// Ports of relayed addresses.
    pub relay_ports: RangeInclusive<u16>,
    /// Where relay sockets are bound; for a family without an entry, the address that routes to the internet.
    pub relay_ips: Vec<IpAddr>,
    /// Behind NAT: how peers see the relay sockets.
    pub external_ips: Vec<IpAddr>,
    /// How long a connection may take to get an allocation, to finish a message, or to accept data.
    pub stream_patience: Duration,
    /// Sockets for relayed addresses at once, including reserved ones; each is a file descriptor. One more allocation is
    /// answered 508, and no person gets more than a quarter.
    pub sockets_max: usize,
    /// The file of revoked names, which keeps them revoked over a restart; `None` keeps them in memory only.
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
    /// A listener cannot be bound.
    #[error("cannot listen on udp {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// There are too many listeners.
    #[error("{LISTENERS_MAX} listeners at most")]
    TooManyListeners,
    /// The range of relay ports is empty.
    #[error("there are no relay ports")]
    NoPorts,
    /// The file of revoked names cannot be read or written.
    #[error("cannot remember who was sent away in {0}")]
    Revoked(PathBuf, #[source] io::Error),
    /// The system gives no thread, or no means to wait.
    #[error("cannot start a relay thread")]
    Thread(#[source] io::Error),
}
