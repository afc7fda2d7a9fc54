//! Group commit: messages that arrive while a commit is under way share the next one.
//!
//! No timer, so a lone message waits for nothing, and the busier a lane, the larger its groups. A conversation
//! always uses the same lane: its messages are numbered, and told to its members, in order of arrival.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, oneshot};

use crate::bus::{Bus, Notice};
use crate::domain::frame::ServerFrame;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::store::messages::{self, NewMessage, Sent};
use crate::store::sql::Db;

/// Bounds a statement's size and the time its conversations stay locked.
const GROUP_MAX: usize = 128;
/// Each lane keeps one connection busy. More lanes make smaller groups; SQLite has one writer.
const MYSQL_LANES: usize = 8;

#[derive(Clone)]
pub struct Lanes {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    bus: Bus,
    lanes: Vec<Mutex<Lane>>,
    waiting: AtomicUsize,
    waiting_max: usize,
    /// Rung whenever nothing is waiting any more.
    idle: Notify,
}

#[derive(Default)]
struct Lane {
    waiting: Vec<Waiting>,
    /// True exactly while a task drains this lane.
    draining: bool,
}

struct Waiting {
    message: NewMessage,
    answer: oneshot::Sender<Result<Sent>>,
}

/// A message in line; resolves after its commit. Dropping it does not unsend the message.
pub struct Pending(oneshot::Receiver<Result<Sent>>);

impl Pending {
    pub async fn committed(self) -> Result<Sent> {
        self.0.await.unwrap_or_else(|_| Err(Refusal::internal("the commit task went away")))
    }
}

impl Lanes {
    pub fn new(db: Db, bus: Bus, waiting_max: usize) -> Lanes {
        let lanes = match db {
            Db::MySql(_) => MYSQL_LANES,
            Db::Sqlite { .. } => 1,
        };
        let lanes = (0..lanes).map(|_| Mutex::default()).collect();
        let (waiting, idle) = (AtomicUsize::new(0), Notify::new());
        Lanes { shared: Arc::new(Shared { db, bus, lanes, waiting, waiting_max, idle }) }
    }

    /// Puts a message in line at once, so that one socket's messages keep their order.
    pub fn submit(&self, message: NewMessage) -> Result<Pending> {
        if self.shared.waiting.load(Ordering::Relaxed) >= self.shared.waiting_max {
            metrics::counter!("beckon_limited_total", "what" => "commits").increment(1);
            return Err(Code::Busy.into());
        }
        // the low bits of a UUIDv7 are random
        let index = message.conversation.0.as_u128() as usize % self.shared.lanes.len();
        let (answer, pending) = oneshot::channel();
        let was_draining = {
            let mut lane = self.shared.lane(index);
            lane.waiting.push(Waiting { message, answer });
            std::mem::replace(&mut lane.draining, true)
        };
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        if !was_draining {
            tokio::spawn(drain(Drain { shared: self.shared.clone(), index }));
        }
        Ok(Pending(pending))
    }

    /// Waits until everything in line is committed and answered.
    pub async fn flush(&self) {
        loop {
            let idle = self.shared.idle.notified();
            if self.shared.waiting.load(Ordering::Relaxed) == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// The right to drain a lane; given back even if the task panics, so that the lane goes on.
struct Drain {
    shared: Arc<Shared>,
    index: usize,
}

impl Drop for Drain {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut lane = self.shared.lane(self.index);
            lane.draining = false;
            let lost = lane.waiting.drain(..).count();
            self.shared.done(lost);
        }
    }
}

async fn drain(drain: Drain) {
    while let Some(group) = drain.shared.next_group(drain.index) {
        let size = group.len();
        drain.shared.commit(group).await;
        drain.shared.done(size);
    }
}

impl Shared {
    fn lane(&self, index: usize) -> MutexGuard<'_, Lane> {
        self.lanes[index].lock().expect("nothing panics under this lock")
    }

    fn done(&self, messages: usize) {
        if self.waiting.fetch_sub(messages, Ordering::Relaxed) == messages {
            self.idle.notify_waiters();
        }
    }

    fn next_group(&self, index: usize) -> Option<Vec<Waiting>> {
        let mut lane = self.lane(index);
        lane.draining = !lane.waiting.is_empty();
        let n = lane.waiting.len().min(GROUP_MAX);
        lane.draining.then(|| lane.waiting.drain(..n).collect())
    }

    /// Commits all together; if that fails, each alone, so that one bad message hurts no other.
    async fn commit(&self, group: Vec<Waiting>) {
        let (batch, answers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|w| (w.message, w.answer)).unzip();
        metrics::histogram!("beckon_commit_group_size").record(batch.len() as f64);
        match messages::append_all(&self.db, &batch).await {
            Ok(sent) => {
                for (sent, answer) in sent.into_iter().zip(answers) {
                    self.tell(Ok(sent), answer);
                }
            }
            Err(error) if batch.len() > 1 => {
                tracing::warn!(%error, size = batch.len(), "a group failed; sending one by one");
                for (message, answer) in batch.iter().zip(answers) {
                    let alone = messages::append_all(&self.db, std::slice::from_ref(message)).await;
                    let alone = alone.map(|mut sent| sent.remove(0)).map_err(Refusal::from);
                    self.tell(alone, answer);
                }
            }
            Err(error) => {
                let mut answers = answers;
                self.tell(Err(error.into()), answers.remove(0));
            }
        }
    }

    /// Tells the members first: the sender's own other sockets must not wait for the sender.
    fn tell(&self, outcome: Result<Sent>, answer: oneshot::Sender<Result<Sent>>) {
        if let Ok(Sent::New { message, .. }) = &outcome {
            let frame = ServerFrame::Message { message: message.clone() }.into();
            self.bus.publish(Notice::Conversation { id: message.conversation_id, frame });
        }
        let _ = answer.send(outcome); // the caller may be gone
    }
}
