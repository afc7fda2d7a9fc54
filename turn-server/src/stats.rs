//! Counts since they were last taken.

use crate::refusal::Refusal;

/// Counts of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Allocations made.
    pub made: u64,
    /// Allocations ended, by their client, by time or by revocation.
    pub ended: u64,
    /// Packets from clients to peers.
    pub to_peers: u64,
    /// Their bytes, without headers.
    pub to_peers_bytes: u64,
    /// Packets from peers to clients.
    pub to_clients: u64,
    /// Their bytes, without headers.
    pub to_clients_bytes: u64,
    /// Packets for which there was no allocation, permission or channel, or that are no STUN or TURN.
    pub discarded: u64,
    /// Packets dropped by a bandwidth limit.
    pub over_bandwidth: u64,
    /// Messages of unauthenticated clients that were not answered because their network had its share.
    pub unanswered: u64,
    /// Binding requests answered.
    pub bindings: u64,
    /// Requests refused for lack of credentials, or wrong or stale ones: 401, 438.
    pub unauthenticated: u64,
    /// Requests refused because of their peer: 403.
    pub forbidden: u64,
    /// Requests refused because something was used up: 486, 508.
    pub over_quota: u64,
    /// Requests refused for other reasons.
    pub refused: u64,
}

impl Stats {
    pub(crate) fn count(&mut self, refusal: &Refusal) {
        *match refusal {
            Refusal::Unauthenticated | Refusal::StaleNonce => &mut self.unauthenticated,
            Refusal::Forbidden => &mut self.forbidden,
            Refusal::QuotaReached | Refusal::InsufficientCapacity => &mut self.over_quota,
            _ => &mut self.refused,
        } += 1;
    }
}
