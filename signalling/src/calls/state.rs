//! What a node knows of calls.

use std::sync::{Mutex, MutexGuard};

use tokio_util::task::TaskTracker;

use super::carried::Carried;
use super::entry::CallEntry;
use super::facts::Facts;
use crate::board::Board;
use crate::words::questions::Questions;

pub struct Calls {
    pub facts: Facts,
    board: Mutex<Board<CallEntry>>,
    /// What is asked of the nodes where other calls live.
    pub(super) questions: Questions<()>,
    /// Calls of other nodes that sockets of this node carry.
    pub(super) carried: Carried,
    /// Endings under way: told, and on their way into the store.
    pub(super) endings: TaskTracker,
}

impl Calls {
    pub fn new(facts: Facts) -> Calls {
        Calls {
            facts,
            board: Mutex::default(),
            questions: Questions::default(),
            carried: Carried::default(),
            endings: TaskTracker::new(),
        }
    }

    pub(super) fn board(&self) -> MutexGuard<'_, Board<CallEntry>> {
        self.board.lock().expect("nothing panics under this lock")
    }
}
