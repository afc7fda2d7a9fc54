//! Our flight of the handshake that waits for its answer, and when it is sent again (RFC 6347, 4.2.4).
//!
//! The endpoint's own timer does not do: it stops at any part of an answer, waits equally long each time, and ends the
//! handshake after seven repetitions, sooner than a peer can answer that still waits for our description.

use std::time::{Duration, Instant};

use bytes::BytesMut;

/// Until the first repetition. RFC 6347, 4.2.4.1 allows less than its second where time matters: a call rings.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
/// It doubles up to here, far below the minute of RFC 6347, 4.2.4.1: a flight is small, and somebody waits for it. With a
/// quarter of all datagrams lost, both ways of one repetition are through in five of nine cases.
const INTERVAL_MAX: Duration = Duration::from_millis(500);
/// How often the endpoint makes a flight anew before it ends the handshake.
const REMADE_MAX: u32 = 7;

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

    /// When it is to be repeated.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Nothing came in time.
    pub(super) fn back_off(&mut self) {
        self.interval = (self.interval * 2).min(INTERVAL_MAX);
    }

    /// It is sent again; whether the endpoint can make it anew.
    pub(super) fn repeat(&mut self, now: Instant) -> bool {
        self.due = now + self.interval;
        self.repetitions += 1;
        self.repetitions <= REMADE_MAX
    }
}
