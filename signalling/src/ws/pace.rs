//! How fast a socket may talk: one bucket for whatever it sends. Beyond it the socket is not read, so that TCP slows
//! the client down; one that goes on all the same is closed.

use std::time::{Duration, Instant};

/// How many seconds' worth may come at once: the candidates of a call, the receipts of a conversation scrolled through,
/// an outbox.
const BURST_SECONDS: f64 = 4.0;
/// A longer frame counts as several, so that 64 KiB ones are no way around.
const BYTES_A_FRAME: f64 = 4096.0;
/// How long a socket may be held up before it is closed, less the time it was silent.
const HELD_UP_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    tokens: f64,
    filled: Instant,
    held_up: Duration,
}

/// Held up for too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooFast;

impl Pace {
    /// `per_second` frames in the long run.
    pub(super) fn new(per_second: u32, now: Instant) -> Pace {
        let per_second = f64::from(per_second.max(1));
        Pace {
            per_second,
            tokens: per_second * BURST_SECONDS,
            filled: now,
            held_up: Duration::ZERO,
        }
    }

    /// How long to wait before acting on a frame of so many bytes, and reading on.
    pub(super) fn wait(&mut self, bytes: usize, now: Instant) -> Result<Duration, TooFast> {
        let passed = now.saturating_duration_since(self.filled);
        self.filled = now;
        let most = self.per_second * BURST_SECONDS;
        self.tokens = most.min(self.tokens + passed.as_secs_f64() * self.per_second);
        self.tokens -= 1.0 + bytes as f64 / BYTES_A_FRAME;
        let wait = Duration::from_secs_f64((-self.tokens).max(0.0) / self.per_second);
        self.held_up = match wait.is_zero() {
            true => self.held_up.saturating_sub(passed),
            false => self.held_up + wait,
        };
        if self.held_up > HELD_UP_MAX { Err(TooFast) } else { Ok(wait) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER_SECOND: u32 = 50;

    /// Sends frames of `bytes` at this rate for as long, as a client that waits when it is not read.
    fn run(
        pace: &mut Pace,
        now: &mut Instant,
        a_second: f64,
        bytes: usize,
        seconds: f64,
    ) -> Result<u32, TooFast> {
        let (end, mut frames) = (*now + Duration::from_secs_f64(seconds), 0);
        while *now < end {
            *now += pace.wait(bytes, *now)? + Duration::from_secs_f64(1.0 / a_second);
            frames += 1;
        }
        Ok(frames)
    }

    #[test]
    fn a_busy_client_notices_nothing() {
        let mut now = Instant::now();
        let mut pace = Pace::new(PER_SECOND, now);
        for _ in 0..10 {
            for _ in 0..150 {
                assert_eq!(pace.wait(300, now), Ok(Duration::ZERO), "a burst");
            }
            assert!(run(&mut pace, &mut now, 30.0, 300, 10.0).is_ok());
        }
    }

    #[test]
    fn an_outbox_of_a_thousand_gets_through() {
        let mut pace = Pace::new(PER_SECOND, Instant::now());
        let mut now = Instant::now();
        for _ in 0..600 {
            now += pace.wait(200, now).unwrap();
        }
    }

    #[test]
    fn a_flood_is_slowed_down_and_then_sent_away() {
        for bytes in [0, 100, 64 * 1024] {
            let mut now = Instant::now();
            let (began, mut pace) = (now, Pace::new(PER_SECOND, now));
            let mut frames = 0.0;
            while let Ok(wait) = pace.wait(bytes, now) {
                now += wait;
                frames += 1.0 + bytes as f64 / BYTES_A_FRAME;
            }
            let passed = (now - began).as_secs_f64();
            assert!((9.0..12.0).contains(&passed), "{passed}");
            let per_second = f64::from(PER_SECOND);
            assert!(frames < per_second * (BURST_SECONDS + 12.0), "{frames}");
        }
    }
}
