//! Where a peer may be, and from where it has answered.
//!
//! A check proves who sent it, not from where: its source address may be forged, by the peer itself or by an
//! attacker that replays the peer's check. Only a host at that address can answer a check of ours.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Addresses considered at once; beyond it the one that was silent longest is dropped. Clients try each of their
/// interfaces.
const PATHS_MAX: usize = 16;
/// Until the first check of ours is repeated; doubled each time, up to [`CHECK_INTERVAL_MAX`].
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// The initial RTO of RFC 8489, 6.2.1: it does not double beyond that, since a call waits for the answer.
const CHECK_INTERVAL_MAX: Duration = Duration::from_millis(500);
/// Checks of ours since the peer was last heard from (Rc of RFC 8489, 6.2.1).
const CHECKS_MAX: u32 = 7;
/// Bytes sent per byte received, to an address that has not answered; as in QUIC (RFC 9000, 8.1).
const AMPLIFICATION_MAX: usize = 3;
/// How long an answer counts after the last check from there: as long as consent (RFC 7675, 5.1).
const ANSWERED: Duration = Duration::from_secs(30);

/// A check that is due: where to, and the name of it.
pub(super) struct Due {
    pub(super) to: SocketAddr,
    pub(super) transaction: [u8; 12],
}

/// The addresses that checks came from, and how far each is validated.
#[derive(Debug, Default)]
pub(super) struct Paths {
    all: Vec<CandidatePath>,
}

#[derive(Debug)]
struct CandidatePath {
    address: SocketAddr,
    /// When the last check came from there.
    heard: Instant,
    is_answered: bool,
    /// The peer nominated it.
    is_nominated: bool,
    /// The transaction id of our check that waits for its answer.
    transaction: Option<[u8; 12]>,
    checks_left: u32,
    next_check: Instant,
    interval: Duration,
    /// Bytes received from it.
    received: usize,
    /// Bytes sent to it.
    sent: usize,
}

impl Paths {
    /// Notes a check of this many bytes from an address, which is checked in turn unless it has answered before.
    pub(super) fn heard(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: usize,
        is_nominated: bool,
        in_use: Option<SocketAddr>,
    ) {
        self.make_room(from, in_use);
        let at = self.all.iter().position(|path| path.address == from).unwrap_or_else(|| {
            self.all.push(CandidatePath::new(now, from));
            self.all.len() - 1
        });
        let path = &mut self.all[at];
        path.is_answered &= now.saturating_duration_since(path.heard) < ANSWERED;
        path.heard = now;
        path.is_nominated |= is_nominated;
        path.received += bytes;
        if !path.is_answered {
            path.checks_left = CHECKS_MAX;
            path.interval = CHECK_INTERVAL;
            path.next_check = path.next_check.min(now + CHECK_INTERVAL);
        }
    }

    /// Notes other bytes from an address: the peer still waits for us, so our checks continue too.
    pub(super) fn received(&mut self, from: SocketAddr, bytes: usize) {
        if let Some(path) = self.all.iter_mut().find(|path| path.address == from) {
            path.received += bytes;
            path.checks_left = CHECKS_MAX;
        }
    }

    pub(super) fn sent(&mut self, to: SocketAddr, bytes: usize) {
        if let Some(path) = self.all.iter_mut().find(|path| path.address == to) {
            path.sent += bytes;
        }
    }

    pub(super) fn is_answered(&self, address: SocketAddr) -> bool {
        self.all.iter().any(|path| path.address == address && path.is_answered)
    }

    /// Takes in an answer to a check of ours. Returns whether the peer nominated that path; `None` if it is no such answer.
    pub(super) fn answer(&mut self, from: SocketAddr, transaction: &[u8; 12]) -> Option<bool> {
        let mut paths = self.all.iter_mut();
        let path = paths
            .find(|path| path.address == from && path.transaction.as_ref() == Some(transaction))?;
        path.transaction = None;
        path.checks_left = 0;
        path.is_answered = true;
        Some(path.is_nominated)
    }

    /// The next check to send, which has this many bytes.
    pub(super) fn due(&mut self, now: Instant, bytes: usize) -> Option<Due> {
        let path = self.all.iter_mut().find(|path| {
            !path.is_answered
                && path.checks_left > 0
                && path.next_check <= now
                && path.sent + bytes <= path.received * AMPLIFICATION_MAX
        })?;
        path.checks_left -= 1;
        path.next_check = now + path.interval;
        path.interval = (path.interval * 2).min(CHECK_INTERVAL_MAX);
        path.sent += bytes;
        // Repeated under the same name, so that an answer to any of them counts.
        let transaction = *path.transaction.get_or_insert_with(rand::random);
        Some(Due { to: path.address, transaction })
    }

    /// Starts over with new credentials: nominations and checks under the old ones no longer count.
    pub(super) fn restart(&mut self) {
        for path in &mut self.all {
            path.is_nominated = false;
            path.transaction = None;
        }
    }

    fn make_room(&mut self, from: SocketAddr, in_use: Option<SocketAddr>) {
        if self.all.len() < PATHS_MAX || self.all.iter().any(|path| path.address == from) {
            return;
        }
        let unused = self.all.iter().enumerate().filter(|(_, path)| Some(path.address) != in_use);
        if let Some((oldest, _)) = unused.min_by_key(|(_, path)| path.heard) {
            self.all.remove(oldest);
        }
    }
}

impl CandidatePath {
    fn new(now: Instant, address: SocketAddr) -> CandidatePath {
        CandidatePath {
            address,
            heard: now,
            is_answered: false,
            is_nominated: false,
            transaction: None,
            checks_left: 0,
            next_check: now,
            interval: CHECK_INTERVAL,
            received: 0,
            sent: 0,
        }
    }
}
