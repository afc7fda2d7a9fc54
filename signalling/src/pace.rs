//! How slowly a body may come.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes that have to come within [`PACE_TIME`]: 500 a second, less than the slowest link that is of any use. Whoever
/// brings less has lost the connection, or holds it for its own sake.
const PACE_BYTES: usize = 15_000;
const PACE_TIME: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });

/// Sees to it that a body comes at least at that pace.
pub(crate) struct Pace {
    came: usize,
    /// When the next [`PACE_BYTES`] must have come.
    pub(crate) until: Instant,
}

impl Pace {
    pub(crate) fn begin() -> Pace {
        Pace { came: 0, until: Instant::now() + PACE_TIME }
    }

    pub(crate) fn came(&mut self, bytes: usize) {
        self.came += bytes;
        if self.came >= PACE_BYTES {
            *self = Pace::begin();
        }
    }
}
