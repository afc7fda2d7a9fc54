//! Why signalling could not start.

use std::path::PathBuf;

use crate::domain::refusal::Refusal;
use crate::store::sql::{self, Trouble};

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder cannot be made")]
    DataDir(#[source] std::io::Error),
    #[error("the database cannot be opened")]
    Database(#[source] sql::Error),
    #[error("{0}: {1}")]
    Setting(&'static str, &'static str),
    #[error("{key}: {} cannot be used", path.display())]
    Place { key: &'static str, path: PathBuf, source: std::io::Error },
    #[error("redis_url cannot be used")]
    RedisUrl(#[source] redis::RedisError),
    #[error("the key of the rooms cannot be read or made")]
    RoomKey(#[source] std::io::Error),
    #[error("{0}")]
    Settings(Refusal),
}

impl StartError {
    /// Whether the same start may succeed later, without a change of the configuration: the database is away.
    pub fn may_pass(&self) -> bool {
        matches!(self, StartError::Database(error) if error.trouble() == Trouble::Away)
    }
}
