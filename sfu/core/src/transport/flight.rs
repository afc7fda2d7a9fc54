//! Our flight of the handshake that waits for its answer, and its retransmission timer (RFC 6347, 4.2.4).
//!
//! The endpoint's own timer is not sufficient: it stops at any part of an answer, waits equally long each time, and ends the
//! handshake after seven retransmissions, before a peer that still waits for our description can answer.

use std::time::{Duration, Instant};

use bytes::BytesMut;

/// Until the first repetition. RFC 6347, 4.2.4.1 allows less than its second where time matters: a call rings.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
/// It doubles up to here, far below the minute of RFC 6347, 4.2.4.1: a flight is small, and a call waits for it. With a
/// quarter of all datagrams lost, a retransmission and its answer both arrive in nine of sixteen cases.
const INTERVAL_MAX: Duration = Duration::from_millis(500);
/// How often the endpoint builds a flight again before it ends the handshake.
const REMADE_MAX: u32 = 7;

/// A flight that waits for its answer.
#[derive(Debug)]
pub(super) struct Flight {
    pub datagrams: Vec<BytesMut>,
    repetitions: u32,
    interval: Duration,
    due: Instant,
}

impl Flight {
    pub(super) fn sent(now: Instant, datagrams: Vec<BytesMut>) -> Flight {
        let interval = INTERVAL_MIN;
        Flight { datagrams, repetitions: 0, interval, due: now + interval }
    }

    /// When it is retransmitted.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Doubles the interval: no answer came in time.
    pub(super) fn back_off(&mut self) {
        self.interval = (self.interval * 2).min(INTERVAL_MAX);
    }

    /// Counts a retransmission. Returns whether the endpoint can still build the flight again.
    pub(super) fn repeat(&mut self, now: Instant) -> bool {
        self.due = now + self.interval;
        self.repetitions += 1;
        self.repetitions <= REMADE_MAX
    }
}
