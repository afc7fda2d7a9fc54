//! The clocks; domain and hub are given their readings.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::{Interval, MissedTickBehavior, interval_at};

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

/// Ticks in every period from its end on. One that comes late puts off those behind it.
pub fn every(period: Duration) -> Interval {
    let mut interval = interval_at(tokio::time::Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
