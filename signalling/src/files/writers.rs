//! Who is writing to which upload on this node: one request at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::client::Client;
use crate::domain::ids::{FileId, UserId};
use crate::domain::refusal::{Code, Refusal};
use crate::shares::{Bounds, Full, Share, Shares};

/// Requests that may write at once, all people together: each holds a part in memory. The web client sends two files
/// of a person at a time.
const WRITERS: Bounds = Bounds { all: 128, person: 4, network: 32 };

/// How long a client that asks for the offset waits for a stale request to let go.
const LET_GO: Duration = Duration::from_secs(5);

type Key = (UserId, FileId);

#[derive(Clone)]
pub(super) struct Writers {
    active: Arc<Mutex<HashMap<Key, Signals>>>,
    shares: Shares,
    /// Cancelled when the process drains.
    draining: CancellationToken,
}

#[derive(Clone)]
struct Signals {
    stop: CancellationToken,
    stopped: CancellationToken,
}

/// The right to write to one upload, until dropped.
pub(super) struct Writer {
    writers: Writers,
    key: Key,
    signals: Signals,
    _share: Share,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Occupied {
    /// By another request for the same upload.
    Here,
    /// There are too many elsewhere.
    Everywhere(Full),
    /// This node is about to go.
    Draining,
}

impl From<Occupied> for Refusal {
    fn from(occupied: Occupied) -> Self {
        match occupied {
            Occupied::Here => Code::Conflict.into(),
            Occupied::Everywhere(full) => full.into(),
            Occupied::Draining => Code::Busy.into(),
        }
    }
}

impl Default for Writers {
    fn default() -> Self {
        Writers {
            active: Arc::default(),
            shares: Shares::new(WRITERS),
            draining: CancellationToken::new(),
        }
    }
}

impl Writers {
    pub(super) fn begin(&self, by: Client, id: FileId) -> Result<Writer, Occupied> {
        if self.draining.is_cancelled() {
            return Err(Occupied::Draining);
        }
        let key = (by.user, id);
        let mut active = self.active.lock().expect("no panic while locked");
        if active.contains_key(&key) {
            return Err(Occupied::Here);
        }
        let share = self.shares.take_now(by.into()).map_err(Occupied::Everywhere)?;
        let stop = self.draining.child_token();
        let signals = Signals { stop, stopped: CancellationToken::new() };
        active.insert(key, signals.clone());
        Ok(Writer { writers: self.clone(), key, signals, _share: share })
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

    /// Lets nobody begin, and asks every request to store what it has and end.
    pub(super) fn drain(&self) {
        self.draining.cancel();
    }

    /// Returns when nobody writes.
    pub(super) async fn idle(&self) {
        self.shares.idle().await;
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
        let writer = writers.begin(user.into(), id).ok().unwrap();
        assert_eq!(writers.begin(user.into(), id).err(), Some(Occupied::Here));
        assert!(writers.begin(UserId::fresh().into(), id).is_ok(), "a stranger blocks nobody");
        drop(writer);
        assert!(writers.begin(user.into(), id).is_ok());
    }

    #[tokio::test]
    async fn a_stale_writer_is_interrupted() {
        let (writers, user, id) = (Writers::default(), UserId::fresh(), FileId::fresh());
        let writer = writers.begin(user.into(), id).ok().unwrap();
        let stale = tokio::spawn(async move { writer.interrupted().await });
        writers.interrupt(user, id).await;
        assert!(writers.begin(user.into(), id).is_ok());
        stale.await.unwrap();
    }

    #[test]
    fn a_person_has_a_share_of_the_writers() {
        let (writers, user) = (Writers::default(), UserId::fresh());
        let begin = |user: UserId| writers.begin(user.into(), FileId::fresh());
        let held: Vec<_> = (0..WRITERS.person).map(|_| begin(user).ok().unwrap()).collect();
        assert_eq!(begin(user).err(), Some(Occupied::Everywhere(Full::Own)));
        assert!(begin(UserId::fresh()).is_ok(), "others notice nothing");
        drop(held);
        assert!(begin(user).is_ok());
    }

    #[test]
    fn writers_are_bounded() {
        let writers = Writers::default();
        let begin = || writers.begin(UserId::fresh().into(), FileId::fresh());
        let _held: Vec<_> = (0..WRITERS.all).map(|_| begin().ok().unwrap()).collect();
        assert_eq!(begin().err(), Some(Occupied::Everywhere(Full::All)));
    }
}
