//! Reserved ports, which wait for an Allocate with their token (RFC 8656, 7.2).

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// RFC 8656, 7.2.
const RESERVATION_LIFE: Duration = Duration::from_secs(30);

/// Reservations at once; one more is refused. Each is a socket without traffic.
pub(super) const RESERVATIONS_MAX: usize = 256;

/// Shared by all threads, since another thread may serve the client that has the token.
#[derive(Debug)]
pub(super) struct Reservations<T> {
    max: usize,
    waiting: HashMap<[u8; 8], (Instant, T)>,
}

impl<T> Reservations<T> {
    /// For at most `max` reservations at once.
    pub(super) fn new(max: usize) -> Reservations<T> {
        Reservations { max, waiting: HashMap::new() }
    }

    /// Keeps a reservation. Returns whether there was room for it.
    pub(super) fn keep(&mut self, now: Instant, token: [u8; 8], reserved: T) -> bool {
        self.forget_before(now);
        let may = self.waiting.len() < self.max;
        if may {
            self.waiting.insert(token, (now + RESERVATION_LIFE, reserved));
        }
        may
    }

    pub(super) fn claim(&mut self, now: Instant, token: &[u8; 8]) -> Option<T> {
        self.forget_before(now);
        self.waiting.remove(token).map(|(_, reserved)| reserved)
    }

    pub(super) fn forget_before(&mut self, now: Instant) {
        self.waiting.retain(|_, (until, _)| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_claimed_once_and_in_time() {
        let now = Instant::now();
        let mut reservations = Reservations::new(RESERVATIONS_MAX);
        assert!(reservations.keep(now, [1; 8], "one") && reservations.keep(now, [2; 8], "two"));
        assert_eq!(reservations.claim(now, &[3; 8]), None);
        assert_eq!(reservations.claim(now, &[1; 8]), Some("one"));
        assert_eq!(reservations.claim(now, &[1; 8]), None);
        assert_eq!(reservations.claim(now + RESERVATION_LIFE, &[2; 8]), None);
    }

    #[test]
    fn there_are_only_so_many() {
        let now = Instant::now();
        let mut reservations = Reservations::new(RESERVATIONS_MAX);
        let tokens = || (0..=RESERVATIONS_MAX as u64).map(u64::to_be_bytes);
        assert_eq!(
            tokens().filter(|token| reservations.keep(now, *token, ())).count(),
            RESERVATIONS_MAX
        );
        assert!(reservations.keep(now + RESERVATION_LIFE, [9; 8], ()));
    }
}
