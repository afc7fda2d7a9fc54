//! What all WebSockets have in common.

use crate::config::Limits;
use crate::shares::{Bounds, Shares};

/// What a socket reads at once. The buffer is held by every socket and zeroed for every read.
pub const READ_BYTES: usize = 4 * 1024;

/// Places for sockets. A login has at most [`crate::hub::SOCKETS_PER_LOGIN_MAX`] of them once they have said who they are.
pub fn shares(limits: &Limits) -> Shares {
    const PER_PERSON: usize = 64;
    Shares::new(Bounds {
        all: limits.sockets,
        person: PER_PERSON,
        network: limits.sockets.div_ceil(2),
    })
}
