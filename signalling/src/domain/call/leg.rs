//! One of the two as a call knows them: the socket that carries it for them, and whether it is there.

use super::{PAGE_GRACE_MS, RETURN_WITHIN_MS, SOCKET_GRACE_MS};
use crate::domain::ids::SocketId;

/// The socket that carries the call for one of the two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg {
    /// None while somebody has not come back to a call that was taken up again.
    pub(super) socket: Option<SocketId>,
    /// The media connection that this side has; none when it needs a new one.
    pub(super) connection: Option<u32>,
    /// When it counts as lost, in ticks; none while it is known to be there.
    lost_at: Option<i64>,
    /// The page of this socket is gone for good; the person may come back with another one.
    away: bool,
}

impl Leg {
    pub(super) fn new(socket: SocketId, connection: Option<u32>) -> Leg {
        Leg { socket: Some(socket), connection, lost_at: None, away: false }
    }

    /// Somebody who was in the call before this node knew of it.
    pub(super) fn expected(now: i64) -> Leg {
        let lost_at = Some(now + RETURN_WITHIN_MS);
        Leg { socket: None, connection: None, lost_at, away: true }
    }

    /// Whether there is a page at this end, with or without a line to us.
    pub(super) fn is_present(&self) -> bool {
        self.socket.is_some() && !self.away
    }

    pub(super) fn is_lost(&self, now: i64) -> bool {
        self.lost_at.is_some_and(|at| now >= at)
    }

    pub(super) fn break_line(&mut self, now: i64) {
        self.lose_by(now + SOCKET_GRACE_MS);
    }

    pub(super) fn mend_line(&mut self) {
        if !self.away {
            self.lost_at = None;
        }
    }

    pub(super) fn is_vouched_for(&mut self, now: i64) {
        if !self.away {
            self.lost_at = Some(now + SOCKET_GRACE_MS);
        }
    }

    /// True when that is news.
    pub(super) fn leave_page(&mut self, now: i64) -> bool {
        self.lose_by(now + PAGE_GRACE_MS);
        !std::mem::replace(&mut self.away, true)
    }

    fn lose_by(&mut self, at: i64) {
        self.lost_at = Some(self.lost_at.map_or(at, |earlier| earlier.min(at)));
    }
}
