//! Who is writing to which upload on this node: one request at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::ids::{FileId, UserId};

/// Requests that may write at once, all people together: each holds a part of a few MiB in memory.
const WRITERS_MAX: usize = 64;

/// How long a client that asks for the offset waits for a stale request to let go.
const LET_GO: Duration = Duration::from_secs(5);

type Key = (UserId, FileId);

#[derive(Clone, Default)]
pub(super) struct Writers {
    active: Arc<Mutex<HashMap<Key, Signals>>>,
}

#[derive(Clone, Default)]
struct Signals {
    stop: CancellationToken,
    stopped: CancellationToken,
}

/// The right to write to one upload, until dropped.
pub(super) struct Writer {
    writers: Writers,
    key: Key,
    signals: Signals,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Occupied {
    /// By another request for the same upload.
    Here,
    /// There are too many elsewhere.
    Everywhere,
}

impl Writers {
    pub(super) fn begin(&self, user: UserId, id: FileId) -> Result<Writer, Occupied> {
        let mut active = self.active.lock().expect("no panic while locked");
        if active.contains_key(&(user, id)) {
            return Err(Occupied::Here);
        }
        if active.len() >= WRITERS_MAX {
            return Err(Occupied::Everywhere);
        }
        let signals = Signals::default();
        active.insert((user, id), signals.clone());
        Ok(Writer { writers: self.clone(), key: (user, id), signals })
    }

    /// Asks the request that writes to this upload, if any, to store what it has and end. Its
    /// client has most likely lost that connection, or it would not ask for the offset.
    pub(super) async fn interrupt(&self, user: UserId, id: FileId) {
        let active = self.active.lock().expect("no panic while locked").get(&(user, id)).cloned();
        if let Some(signals) = active {
            signals.stop.cancel();
            // Past that time the caller finds the upload occupied.
            let _ = tokio::time::timeout(LET_GO, signals.stopped.cancelled()).await;
        }
    }
}

impl Writer {
    pub(super) async fn interrupted(&self) {
        self.signals.stop.cancelled().await;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.writers.active.lock().expect("no panic while locked").remove(&self.key);
        self.signals.stopped.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_writer_an_upload() {
        let (writers, user, id) = (Writers::default(), UserId::fresh(), FileId::fresh());
        let writer = writers.begin(user, id).ok().unwrap();
        assert_eq!(writers.begin(user, id).err(), Some(Occupied::Here));
        assert!(writers.begin(UserId::fresh(), id).is_ok(), "a stranger blocks nobody");
        drop(writer);
        assert!(writers.begin(user, id).is_ok());
    }

    #[tokio::test]
    async fn a_stale_writer_is_interrupted() {
        let (writers, user, id) = (Writers::default(), UserId::fresh(), FileId::fresh());
        let writer = writers.begin(user, id).ok().unwrap();
        let stale = tokio::spawn(async move { writer.interrupted().await });
        writers.interrupt(user, id).await;
        assert!(writers.begin(user, id).is_ok());
        stale.await.unwrap();
    }

    #[test]
    fn writers_are_bounded() {
        let (writers, user) = (Writers::default(), UserId::fresh());
        let held: Vec<_> =
            (0..WRITERS_MAX).map(|_| writers.begin(user, FileId::fresh()).ok().unwrap()).collect();
        assert_eq!(writers.begin(user, FileId::fresh()).err(), Some(Occupied::Everywhere));
        drop(held);
        assert!(writers.begin(user, FileId::fresh()).is_ok());
    }
}
