//! How a TURN server is configured, and why it may fail to start.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::credentials::Credentials;
use crate::peers::PeerPolicy;
use crate::quota::Limits;

/// Listeners of one process: a client is told apart by the number of its own.
pub(super) const LISTENERS_MAX: usize = 64;

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
