//! What the connections of a load tell each other, so that each knows when it has seen everything.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::rest::Conversation;

/// How far each group has come, and how many senders still wait for acks.
pub(super) struct Progress {
    groups: Vec<Group>,
    senders: watch::Sender<u32>,
}

struct Group {
    base: u64,
    highest: AtomicU64,
}

/// Counts as a sender until dropped.
pub(super) struct Sender<'a>(&'a Progress);

impl Progress {
    /// `senders` are expected; the load is not quiet before each of them has come and gone.
    pub(super) fn new(groups: &[Conversation], senders: u32) -> Self {
        let groups = groups.iter().map(|group| group.last_seq);
        let groups = groups.map(|base| Group { base, highest: AtomicU64::new(base) }).collect();
        Self { groups, senders: watch::Sender::new(senders) }
    }

    /// The last message of a group before the load.
    pub(super) fn base(&self, group: usize) -> u64 {
        self.groups[group].base
    }

    /// The last message of a group that anybody had acked.
    pub(super) fn highest(&self, group: usize) -> u64 {
        self.groups[group].highest.load(Ordering::Relaxed)
    }

    pub(super) fn reached(&self, group: usize, seq: u64) {
        self.groups[group].highest.fetch_max(seq, Ordering::Relaxed);
    }

    /// Marks one of the expected senders; dropping it says that all of its messages are acked.
    pub(super) fn sender(&self) -> Sender<'_> {
        Sender(self)
    }

    /// Waits until every sender is done; `highest` is final from then on.
    pub(super) async fn quiet(&self) {
        // The sender half lives in `self`, so the channel cannot close while we wait.
        let _ = self.senders.subscribe().wait_for(|&sending| sending == 0).await;
    }
}

impl Drop for Sender<'_> {
    fn drop(&mut self) {
        self.0.senders.send_modify(|sending| *sending -= 1);
    }
}
