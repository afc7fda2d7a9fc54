//! The media node of this process.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use beckon_sfu::Sfu;

use crate::cli::Listen;
use crate::config::ProcessConfig;

/// Starts the threads that forward group calls, unless there are to be none.
pub(crate) fn start(process: &ProcessConfig) -> anyhow::Result<Option<Arc<Sfu>>> {
    let Listen::On(listen) = process.media.listen else { return Ok(None) };
    let http: Vec<SocketAddr> = [process.http.listen, process.http.https_listen]
        .into_iter()
        .filter_map(|listen| match listen {
            Listen::On(address) => Some(address),
            Listen::Off => None,
        })
        .collect();
    let config = beckon_sfu::Config {
        listen,
        addresses: process.external_ips.clone(),
        loopback: http.iter().any(|address| address.ip().is_loopback()),
        shards: process.media.shards,
    };
    let sfu = Sfu::start(config).context("cannot start the media node")?;
    Ok(Some(Arc::new(sfu)))
}
