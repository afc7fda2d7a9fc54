//! Why signalling could not start.

use crate::domain::refusal::Refusal;
use crate::store::sql::{self, Trouble};

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder cannot be made")]
    DataDir(#[source] std::io::Error),
    #[error("the database cannot be opened")]
    Database(#[source] sql::Error),
    #[error("redis_url is no Redis address")]
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
