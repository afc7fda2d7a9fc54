//! The clocks; domain and hub are given their readings.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::moment::Moment;

/// Milliseconds since 1970 UTC. Somebody may set this clock: deadlines are for [`ticks_ms`].
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Milliseconds on a clock that only goes forward, at the pace of time. It means nothing to another process.
pub fn ticks_ms() -> i64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_millis() as i64
}

/// What time it is, by both clocks.
pub fn moment() -> Moment {
    Moment { wall: now_ms(), ticks: ticks_ms() }
}
