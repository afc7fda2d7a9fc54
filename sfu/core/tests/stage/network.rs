//! The network between clients and the shard: seeded, and as bad as a test wants it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// One direction of a client's way.
#[derive(Clone, Debug)]
pub struct Link {
    pub delay: Duration,
    /// Each packet takes up to so much longer, so that they overtake each other.
    pub jitter: Duration,
    /// The part of packets that gets lost.
    pub loss: f64,
    pub bits_per_second: Option<u64>,
    /// What would wait longer for a thin link is dropped.
    pub queue: Duration,
    /// When a thin link is done with what it was given.
    pub free_at: Option<Instant>,
}

impl Default for Link {
    fn default() -> Self {
        Link {
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            loss: 0.0,
            bits_per_second: None,
            queue: Duration::from_millis(300),
            free_at: None,
        }
    }
}

impl Link {
    /// When a packet sent now arrives, if it does.
    fn arrival(&mut self, now: Instant, bytes: usize, rng: &mut StdRng) -> Option<Instant> {
        let mut left = now;
        if let Some(bps) = self.bits_per_second {
            let start = self.free_at.map_or(now, |free| free.max(now));
            if start - now > self.queue {
                return None;
            }
            // UDP and IP need their headers too.
            let wire = (bytes as u64 + 28) * 8_000_000_000 / bps;
            left = start + Duration::from_nanos(wire);
            self.free_at = Some(left);
        }
        if rng.random::<f64>() < self.loss {
            return None;
        }
        Some(left + self.delay + self.jitter.mul_f64(rng.random()))
    }
}

/// What is under way, soonest first.
pub struct Network<T> {
    pub rng: StdRng,
    under_way: BinaryHeap<Reverse<(Instant, u64)>>,
    contents: std::collections::HashMap<u64, T>,
    sent: u64,
}

impl<T> Network<T> {
    pub fn new(seed: u64) -> Self {
        Network {
            rng: StdRng::seed_from_u64(seed),
            under_way: BinaryHeap::new(),
            contents: Default::default(),
            sent: 0,
        }
    }

    /// Whether it was not lost at once.
    pub fn send(&mut self, now: Instant, link: &mut Link, bytes: usize, what: T) -> bool {
        let arrival = link.arrival(now, bytes, &mut self.rng);
        if let Some(at) = arrival {
            self.deliver(at, what);
        }
        arrival.is_some()
    }

    /// Delivers something at a time, come what may.
    pub fn deliver(&mut self, at: Instant, what: T) {
        self.sent += 1;
        self.under_way.push(Reverse((at, self.sent)));
        self.contents.insert(self.sent, what);
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.under_way.peek().map(|Reverse((at, _))| *at)
    }

    pub fn take_due(&mut self, now: Instant) -> Option<T> {
        let Reverse((at, number)) = *self.under_way.peek()?;
        if at > now {
            return None;
        }
        self.under_way.pop();
        self.contents.remove(&number)
    }
}
