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

/// What a node that is ready can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    Fully,
    /// Histories, lists and files are read, and what would be written is refused. All nodes over a database share this, so
    /// a balancer that took such nodes away would take everything away.
    ReadOnly,
}

/// Why a node is not ready. The words name no host, so they may be shown to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    #[error("draining")]
    Draining,
    #[error("the database has no space left")]
    Full,
    #[error("the database does not answer")]
    Away,
    #[error("the database fails")]
    Failing,
}

/// What can be done when reading, which comes first, or writing failed.
fn despite(error: &sql::Error) -> Result<Ready, Unready> {
    match error.trouble() {
        Trouble::ReadOnly => Ok(Ready::ReadOnly),
        Trouble::Full => Err(Unready::Full),
        Trouble::Away => Err(Unready::Away),
        Trouble::Other => Err(Unready::Failing),
    }
}

/// The outcome of the last check.
#[derive(Default)]
pub struct Readiness(Mutex<Option<(Instant, Result<Ready, Unready>)>>);

impl Readiness {
    /// Reads and writes, unless that was done a moment ago.
    pub async fn check(&self, db: &Db) -> Result<Ready, Unready> {
        let mut last = self.0.lock().await;
        if let Some((at, outcome)) = *last
            && at.elapsed() < FRESH
        {
            return outcome;
        }
        let outcome = match timeout(CHECK_WITHIN, db.check(now_ms())).await {
            Ok(Ok(())) => Ok(Ready::Fully),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database is not well");
                despite(&error)
            }
            Err(_) => Err(Unready::Away),
        };
        *last = Some((Instant::now(), outcome));
        outcome
    }
}
