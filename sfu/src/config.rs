//! How the media node is configured, and why it may fail to start.

use std::net::{IpAddr, SocketAddr};

/// How the media node runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the first shard listens for UDP; the others on the ports after it. Port 0: a free one for each.
    pub listen: SocketAddr,
    /// The addresses announced to clients. Empty: that of `listen`, or for the unspecified address those of all the
    /// machine's interfaces.
    pub addresses: Vec<IpAddr>,
    /// Whether loopback counts among the interfaces although there are others.
    pub loopback: bool,
    /// Threads, each with rooms and a socket of its own.
    pub shards: u16,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: ([127, 0, 0, 1], 7881).into(),
            addresses: Vec::new(),
            loopback: false,
            shards: 1,
        }
    }
}

/// Why the media node could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the media node needs at least one shard, each with a port of its own below 65536")]
    Shards,
    #[error("cannot listen for media on UDP {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    #[error("the addresses of this machine cannot be read")]
    Addresses(#[source] std::io::Error),
    #[error("a thread for media cannot be started")]
    Thread(#[source] std::io::Error),
}
