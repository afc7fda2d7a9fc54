//! The shell around the media core: one thread and one socket per shard, and the handle through which signalling reaches
//! them.
//!
//! The core decides everything; the shell gives it datagrams, orders and the time, and carries out what it says.

#![warn(unreachable_pub)]

mod addresses;
mod config;
mod handle;
mod meter;
mod orders;
mod socket;
mod worker;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use beckon_sfu_api::MediaNode;
use beckon_sfu_core::transport::Identity;

use crate::handle::Handle;
use crate::worker::Worker;

pub use crate::config::{Config, StartError};
pub use crate::meter::describe as describe_metrics;

/// The media node, running until [`Sfu::stop`].
pub struct Sfu {
    node: Arc<Handle>,
    listening: Vec<SocketAddr>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sfu {
    /// Binds the sockets and starts a thread for each.
    pub fn start(config: Config) -> Result<Sfu, StartError> {
        let identity = Identity::generate();
        let (mut listening, mut orders, mut threads) = (Vec::new(), Vec::new(), Vec::new());
        // All ports or none: no thread runs before every socket is bound.
        let mut workers = Vec::new();
        for index in 0..config.shards {
            let listen = nth_port(config.listen, index).ok_or(StartError::Shards)?;
            let (worker, address, sender) = Worker::new(&config, index, listen, &identity)?;
            workers.push(worker);
            listening.push(address);
            orders.push(sender);
        }
        if workers.is_empty() {
            return Err(StartError::Shards);
        }
        for (index, worker) in workers.into_iter().enumerate() {
            let thread = std::thread::Builder::new().name(format!("beckon-media-{index}"));
            threads.push(thread.spawn(move || worker.run()).map_err(StartError::Thread)?);
        }
        let node = Arc::new(Handle::new(orders));
        Ok(Sfu { node, listening, threads: Mutex::new(threads) })
    }

    /// The handle for signalling.
    pub fn node(&self) -> Arc<dyn MediaNode> {
        self.node.clone()
    }

    /// Where the shards listen.
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }

    /// Whether all threads live. One that ended took its rooms with it, and only a restart brings it back.
    pub fn ready(&self) -> bool {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        !threads.is_empty() && threads.iter().all(|thread| !thread.is_finished())
    }

    /// Closes all rooms and their connections, and waits the moment until the threads are done.
    pub fn stop(&self) {
        self.node.stop();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A panic was logged when it happened.
            let _ = thread.join();
        }
    }
}

/// Port 0 stays 0: each shard gets a free one.
fn nth_port(first: SocketAddr, index: u16) -> Option<SocketAddr> {
    let port = match first.port() {
        0 => 0,
        port => port.checked_add(index)?,
    };
    Some(SocketAddr::new(first.ip(), port))
}
