//! The configuration of a shard.

use std::net::SocketAddr;

use crate::transport::Identity;

/// What all rooms of a node share.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    pub identity: Identity,
    /// Where clients reach this shard, best first.
    pub candidates: Vec<SocketAddr>,
}
