//! The clock of our sender reports: NTP's format (RFC 3550, section 4), counted from a moment of our own. Receivers only
//! compare its readings with each other.

use std::time::Instant;

/// Zero would mean "no report yet" where a client repeats it.
const BEGIN_SECONDS: u64 = 1 << 31;

/// The NTP clock of this shard, which starts when the shard does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begin: Instant,
}

impl Clock {
    pub(crate) fn new(now: Instant) -> Clock {
        Clock { begin: now }
    }

    /// Seconds with 32 bits of fraction.
    pub(crate) fn ntp(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.begin);
        let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        ((BEGIN_SECONDS + passed.as_secs()) << 32) | fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_counts_seconds_and_their_fractions() {
        let begin = Instant::now();
        let clock = Clock::new(begin);
        let passed = clock.ntp(begin + Duration::from_millis(2500)) - clock.ntp(begin);
        assert_eq!(passed, (2 << 32) + (1 << 31));
    }
}
