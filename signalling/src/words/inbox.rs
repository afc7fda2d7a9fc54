//! Words for this node, waiting for the one task that reads them.

use tokio::sync::{Mutex, mpsc};

use super::Addressed;
use super::calls::CallWord;
use super::group_calls::{GroupCallWord, Membership};

/// More are dropped: the bus is a hint, and whoever asked in vain is told so.
const WAITING_MAX: usize = 4096;

/// What is not for sockets.
#[derive(Debug, Default)]
pub struct Inboxes {
    /// What nodes say to each other about calls.
    pub calls: Inbox<Addressed<CallWord>>,
    /// And about group calls.
    pub group_calls: Inbox<Addressed<GroupCallWord>>,
    /// Who joined and left conversations, for their calls.
    pub memberships: Inbox<Membership>,
}

#[derive(Debug)]
pub struct Inbox<T> {
    put: mpsc::Sender<T>,
    take: Mutex<mpsc::Receiver<T>>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        let (put, take) = mpsc::channel(WAITING_MAX);
        Inbox { put, take: Mutex::new(take) }
    }
}

impl<T> Inbox<T> {
    pub fn put(&self, word: T) {
        if self.put.try_send(word).is_err() {
            metrics::counter!("beckon_bus_dropped_total").increment(1);
        }
    }

    /// Waits for the next word.
    pub async fn next(&self) -> T {
        self.take.lock().await.recv().await.expect("the sender lives beside the receiver")
    }
}
