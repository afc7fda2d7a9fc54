//! The threads' counts, as metrics and as one log line per minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::stats::Stats;

/// Refusals are logged by number and not one by one: strangers decide how many there are.
const DIGEST_INTERVAL: Duration = Duration::from_secs(60);

/// Adds up the counts of all threads.
#[derive(Debug)]
pub(super) struct RelayReport {
    digest: Mutex<Digest>,
}

#[derive(Debug)]
struct Digest {
    due: Instant,
    refused: Refusals,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Refusals {
    unauthenticated: u64,
    forbidden: u64,
    over_quota: u64,
    other: u64,
    unanswered: u64,
    over_bandwidth: u64,
}

/// Describes the metrics of the relay to the recorder.
pub fn describe() {
    metrics::describe_gauge!("beckon_turn_allocations", "Allocations of the relay.");
    metrics::describe_counter!("beckon_turn_allocations_total", "Allocations made.");
    metrics::describe_counter!("beckon_turn_packets_total", "Packets relayed, by direction.");
    metrics::describe_counter!("beckon_turn_bytes_total", "Bytes relayed, by direction.");
    metrics::describe_counter!("beckon_turn_bindings_total", "STUN Binding requests answered.");
    metrics::describe_counter!("beckon_turn_refused_total", "TURN requests refused, by reason.");
    metrics::describe_counter!("beckon_turn_dropped_total", "TURN packets dropped, by reason.");
}

impl RelayReport {
    pub(super) fn new(now: Instant) -> RelayReport {
        let digest = Digest { due: now + DIGEST_INTERVAL, refused: Refusals::default() };
        RelayReport { digest: Mutex::new(digest) }
    }

    pub(super) fn add(&self, now: Instant, stats: &Stats, allocations: usize, lost: u64) {
        count(stats, allocations, lost);
        let mut digest = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        digest.add(stats);
        if now >= digest.due {
            digest.due = now + DIGEST_INTERVAL;
            let refused = std::mem::take(&mut digest.refused);
            if refused != Refusals::default() {
                tracing::info!(?refused, "a minute of refusals");
            }
        }
    }
}

impl Digest {
    fn add(&mut self, stats: &Stats) {
        let refused = &mut self.refused;
        refused.unauthenticated += stats.unauthenticated;
        refused.forbidden += stats.forbidden;
        refused.over_quota += stats.over_quota;
        refused.other += stats.refused;
        refused.unanswered += stats.unanswered;
        refused.over_bandwidth += stats.over_bandwidth;
    }
}

fn count(stats: &Stats, allocations: usize, lost: u64) {
    metrics::gauge!("beckon_turn_allocations").set(allocations as f64);
    for (direction, packets, bytes) in [
        ("to_peers", stats.to_peers, stats.to_peers_bytes),
        ("to_clients", stats.to_clients, stats.to_clients_bytes),
    ] {
        metrics::counter!("beckon_turn_packets_total", "direction" => direction).increment(packets);
        metrics::counter!("beckon_turn_bytes_total", "direction" => direction).increment(bytes);
    }
    for (reason, refused) in [
        ("unauthenticated", stats.unauthenticated),
        ("forbidden", stats.forbidden),
        ("over_quota", stats.over_quota),
        ("other", stats.refused),
    ] {
        metrics::counter!("beckon_turn_refused_total", "reason" => reason).increment(refused);
    }
    for (reason, dropped) in [
        ("not_permitted", stats.discarded),
        ("over_bandwidth", stats.over_bandwidth),
        ("rationed", stats.unanswered),
        ("unsendable", lost),
    ] {
        metrics::counter!("beckon_turn_dropped_total", "reason" => reason).increment(dropped);
    }
    metrics::counter!("beckon_turn_allocations_total").increment(stats.made);
    metrics::counter!("beckon_turn_bindings_total").increment(stats.bindings);
}
