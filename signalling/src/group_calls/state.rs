//! What a node knows of group calls.

use std::sync::{Mutex, MutexGuard};

use tokio_util::task::TaskTracker;

use super::entry::GroupCallEntry;
use crate::board::Board;
use crate::words::group_calls::GroupCallDone;
use crate::words::questions::Questions;

#[derive(Default)]
pub struct GroupCalls {
    board: Mutex<Board<GroupCallEntry>>,
    /// What is asked of the nodes where other calls live.
    pub(super) questions: Questions<GroupCallDone>,
    /// Endings under way: told, and on their way into the store.
    pub(super) endings: TaskTracker,
}

impl GroupCalls {
    pub(super) fn board(&self) -> MutexGuard<'_, Board<GroupCallEntry>> {
        self.board.lock().expect("nothing panics under this lock")
    }
}
