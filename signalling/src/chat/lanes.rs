//! Group commit: messages that arrive while a commit is under way share the next one.
//!
//! No timer, so a lone message waits for nothing, and the busier a lane, the larger its groups. A conversation
//! always uses the same lane: its messages are numbered, and told to its members, in order of arrival.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, oneshot};

use crate::bus::Bus;
use crate::domain::frame::ServerFrame;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::notice::Notice;
use crate::store::messages::{self, NewMessage, Sent};
use crate::store::sql::{Db, Error, Trouble};

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
    ticket: Ticket,
}

/// A message's place in line, given back when it is dropped, whatever becomes of the task that held it.
struct Ticket {
    shared: Arc<Shared>,
    answer: Option<oneshot::Sender<Result<Sent>>>,
}

/// A message in line; resolves after its commit. Dropping it does not unsend the message.
pub struct Pending(oneshot::Receiver<Result<Sent>>);

impl Pending {
    pub async fn committed(self) -> Result<Sent> {
        self.0.await.unwrap_or_else(|_| Err(Refusal::internal("the commit task went away")))
    }
}

impl Lanes {
    /// Shows how many messages wait for their commit.
    pub(crate) fn observe(&self) {
        let waiting = self.shared.waiting.load(Ordering::Relaxed);
        metrics::gauge!("beckon_messages_waiting").set(waiting as f64);
    }

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
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket { shared: self.shared.clone(), answer: Some(answer) };
        let was_draining = {
            let mut lane = self.shared.lane(index);
            lane.waiting.push(Waiting { message, ticket });
            std::mem::replace(&mut lane.draining, true)
        };
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
            let lost = self.shared.abandon(self.index);
            drop(lost); // unlocked: each gives its place back
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.shared.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.shared.idle.notify_waiters();
        }
    }
}

async fn drain(drain: Drain) {
    while let Some(group) = drain.shared.next_group(drain.index) {
        drain.shared.commit(drain.index, group).await;
    }
}

impl Shared {
    fn lane(&self, index: usize) -> MutexGuard<'_, Lane> {
        self.lanes[index].lock().expect("nothing panics under this lock")
    }

    /// Empties a lane that nobody drains any more.
    fn abandon(&self, index: usize) -> Vec<Waiting> {
        let mut lane = self.lane(index);
        lane.draining = false;
        std::mem::take(&mut lane.waiting)
    }

    fn next_group(&self, index: usize) -> Option<Vec<Waiting>> {
        let mut lane = self.lane(index);
        lane.draining = !lane.waiting.is_empty();
        let n = lane.waiting.len().min(GROUP_MAX);
        lane.draining.then(|| lane.waiting.drain(..n).collect())
    }

    /// Commits all together; if that fails for what is in them, each alone, so that one bad message hurts no other.
    async fn commit(&self, index: usize, group: Vec<Waiting>) {
        let (batch, mut tickets): (Vec<_>, Vec<_>) =
            group.into_iter().map(|w| (w.message, w.ticket)).unzip();
        metrics::histogram!("beckon_commit_group_size").record(batch.len() as f64);
        let error = match messages::append_all(&self.db, &batch).await {
            Ok(sent) => {
                for (sent, ticket) in sent.into_iter().zip(tickets) {
                    self.tell(Ok(sent), ticket);
                }
                return;
            }
            Err(error) => error,
        };
        if error.trouble() != Trouble::Other {
            return self.refuse(index, error, tickets);
        }
        if batch.len() == 1 {
            return self.tell(Err(error.into()), tickets.remove(0));
        }
        tracing::warn!(%error, size = batch.len(), "a group failed; sending one by one");
        for (message, ticket) in batch.iter().zip(tickets) {
            let alone = messages::append_all(&self.db, std::slice::from_ref(message)).await;
            let alone = alone.map(|mut sent| sent.remove(0)).map_err(Refusal::from);
            self.tell(alone, ticket);
        }
    }

    /// The database takes nothing: whoever waits in this lane hears so now, not one group after the other.
    fn refuse(&self, index: usize, error: Error, tickets: Vec<Ticket>) {
        tracing::warn!(%error, "messages could not be stored");
        let code = Refusal::from(error).code;
        let later = std::mem::take(&mut self.lane(index).waiting);
        for ticket in tickets.into_iter().chain(later.into_iter().map(|w| w.ticket)) {
            self.tell(Err(code.into()), ticket);
        }
    }

    /// Tells the members first: the sender's own other sockets must not wait for the sender.
    fn tell(&self, outcome: Result<Sent>, mut ticket: Ticket) {
        if let Ok(Sent::New { message, .. }) = &outcome {
            let frame = ServerFrame::Message { message: message.clone() }.into();
            self.bus.publish(Notice::of_message(message, frame));
        }
        if let Some(answer) = ticket.answer.take() {
            let _ = answer.send(outcome); // the caller may be gone
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::ids::{ConversationId, UserId};
    use crate::hub::Hub;
    use crate::store::tests::{fresh_sqlite, text};

    use super::*;

    #[tokio::test]
    async fn a_lane_that_panics_gives_all_its_places_back() {
        let db = fresh_sqlite().await;
        let lanes = Lanes::new(db.clone(), Bus::local(Arc::new(Hub::default())), 10);
        let shared = lanes.shared.clone();
        shared.lane(0).draining = true; // as if a task had it, so that nothing is committed
        let message = || text(ConversationId::fresh(), UserId::fresh(), "hi");
        let pending: Vec<_> = (0..3).map(|_| lanes.submit(message()).unwrap()).collect();
        let task = tokio::spawn({
            let drain = Drain { shared: shared.clone(), index: 0 };
            async move {
                let _group = drain.shared.next_group(drain.index);
                panic!("in the middle of a commit");
            }
        });
        assert!(task.await.unwrap_err().is_panic());
        for one in pending {
            assert!(one.committed().await.is_err());
        }
        lanes.flush().await;
        assert_eq!(shared.waiting.load(Ordering::Relaxed), 0);
        lanes.submit(message()).unwrap().committed().await.unwrap();
    }
}
