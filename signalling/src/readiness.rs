//! Whether this node can do what it promises, found out by doing it.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::clock::now_ms;
use crate::store::sql::{self, Db, Trouble};

/// A probe is answered within a second, the wait for another one's outcome included.
const CHECK_WITHIN: Duration = Duration::from_millis(900);
/// An outcome serves other probes for this long, so that probing loads nothing.
const FRESH: Duration = Duration::from_secs(1);

/// Why a node is not ready. The words name no host, so they may be shown to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    #[error("draining")]
    Draining,
    #[error("the database is read-only")]
    ReadOnly,
    #[error("the database has no space left")]
    Full,
    #[error("the database does not answer")]
    Away,
    #[error("the database fails")]
    Failing,
}

impl From<&sql::Error> for Unready {
    fn from(error: &sql::Error) -> Self {
        match error.trouble() {
            Trouble::ReadOnly => Unready::ReadOnly,
            Trouble::Full => Unready::Full,
            Trouble::Away => Unready::Away,
            Trouble::Other => Unready::Failing,
        }
    }
}

/// The outcome of the last check.
#[derive(Default)]
pub struct Readiness(Mutex<Option<(Instant, Result<(), Unready>)>>);

impl Readiness {
    /// Reads and writes, unless that was done a moment ago.
    pub async fn check(&self, db: &Db) -> Result<(), Unready> {
        let mut last = self.0.lock().await;
        if let Some((at, outcome)) = *last
            && at.elapsed() < FRESH
        {
            return outcome;
        }
        let outcome = match timeout(CHECK_WITHIN, db.check(now_ms())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database is not well");
                Err(Unready::from(&error))
            }
            Err(_) => Err(Unready::Away),
        };
        *last = Some((Instant::now(), outcome));
        outcome
    }
}
