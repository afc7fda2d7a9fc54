//! The bounded queue of orders from signalling's threads to a shard's, and its waker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};

use beckon_sfu_api::{Command, EventSink, Held, RoomId, RoomSettings, Unavailable};
use beckon_sfu_core::described::Described;
use mio::Waker;

/// Orders waiting for a shard; more are refused. A shard handles tens of thousands per second, so this many means that it
/// is stuck.
const WAITING_MAX: usize = 65_536;
/// The same for one room. Signalling stops long before it has sent as many.
const ROOM_WAITING_MAX: usize = WAITING_MAX / 2;
/// Bytes of messages and descriptions among those of one room, beside one that is larger by itself.
const ROOM_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What a shard's thread is asked to do.
pub(crate) enum Order {
    Open {
        room: RoomId,
        settings: RoomSettings,
        events: EventSink,
    },
    Tell {
        room: RoomId,
        command: Command,
        until: Until,
    },
    /// A description, parsed already, since nothing takes as long.
    Describe {
        room: RoomId,
        described: Box<Described>,
        until: Until,
    },
    Stop,
}

/// What is released once an order is carried out.
pub(crate) struct Until {
    #[expect(dead_code, reason = "held")]
    pub(crate) permit: QueuePermit,
    #[expect(dead_code, reason = "held")]
    pub(crate) held: Held,
}

/// How many orders and bytes of one room wait for its shard.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    orders: AtomicUsize,
    bytes: AtomicUsize,
}

/// The right to one place in the queue of a room.
pub(crate) struct QueuePermit {
    waiting: Arc<Waiting>,
    bytes: usize,
}

impl Waiting {
    /// Admits an order, unless too many wait. Commands that free resources are always admitted.
    pub(crate) fn permit(self: &Arc<Self>, command: &Command) -> Result<QueuePermit, Unavailable> {
        let bytes = bytes(command);
        let orders_before = self.orders.fetch_add(1, Ordering::Relaxed);
        let bytes_before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let permit = QueuePermit { waiting: self.clone(), bytes };
        let is_full = orders_before >= ROOM_WAITING_MAX
            || (bytes > 0 && bytes_before > 0 && bytes_before + bytes > ROOM_BYTES_MAX);
        if is_full && !frees(command) { Err(Unavailable) } else { Ok(permit) }
    }
}

impl Drop for QueuePermit {
    fn drop(&mut self) {
        self.waiting.orders.fetch_sub(1, Ordering::Relaxed);
        self.waiting.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Bytes of a command whose size clients decide.
fn bytes(command: &Command) -> usize {
    match command {
        Command::Offer { offer: description, .. } | Command::Answer { answer: description, .. } => {
            description.sdp.len()
        }
        Command::Send(message) => message.payload.len() + size_of_val(message.to.as_slice()),
        _ => 0,
    }
}

/// Commands that free resources are never refused; otherwise they would leak.
fn frees(command: &Command) -> bool {
    use Command::{Close, Leave, Unpublish, Unsubscribe};
    matches!(command, Close | Leave { .. } | Unpublish { .. } | Unsubscribe { .. })
}

impl Order {
    fn frees(&self) -> bool {
        match self {
            Order::Open { .. } | Order::Describe { .. } => false,
            Order::Tell { command, .. } => frees(command),
            Order::Stop => true,
        }
    }
}

/// The sending end.
#[derive(Clone)]
pub(crate) struct OrderSender {
    orders: Sender<Order>,
    waiting: Arc<AtomicUsize>,
    waker: Arc<Waker>,
}

/// The shard's end.
pub(crate) struct Orders {
    orders: Receiver<Order>,
    waiting: Arc<AtomicUsize>,
}

pub(crate) fn queue(waker: Waker) -> (OrderSender, Orders) {
    let (sender, receiver) = mpsc::channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let orders = Orders { orders: receiver, waiting: waiting.clone() };
    (OrderSender { orders: sender, waiting, waker: Arc::new(waker) }, orders)
}

impl OrderSender {
    pub(crate) fn send(&self, order: Order) -> Result<(), Unavailable> {
        if self.waiting.load(Ordering::Relaxed) >= WAITING_MAX && !order.frees() {
            return Err(Unavailable);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.orders.send(order).map_err(|_| Unavailable)?;
        // Fails only when the counter behind it is full, and then the thread wakes anyway.
        let _ = self.waker.wake();
        Ok(())
    }
}

impl Orders {
    pub(crate) fn next(&self) -> Option<Order> {
        let order = self.orders.try_recv().ok()?;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(order)
    }
}

#[cfg(test)]
mod tests {
    use beckon_sfu_api::{DataKind, DataMessage};
    use mio::{Poll, Token};

    use super::*;

    fn tell(command: Command) -> Order {
        let permit = Arc::new(Waiting::default()).permit(&command).unwrap();
        Order::Tell { room: "RM_1".into(), command, until: Until { permit, held: Held::nothing() } }
    }

    fn message(len: usize) -> Command {
        let (kind, to) = (DataKind::Reliable, vec![]);
        Command::Send(DataMessage { from: "PA_1".into(), kind, to, payload: vec![0; len].into() })
    }

    #[test]
    fn a_room_has_a_share_of_orders_and_of_bytes() {
        let waiting = Arc::new(Waiting::default());
        let take = |command: &Command| {
            let permits = std::iter::from_fn(|| waiting.permit(command).ok());
            permits.take(2 * WAITING_MAX).collect::<Vec<_>>()
        };
        let mute = Command::Mute { track: "TR_1".into(), muted: true };
        assert_eq!(take(&mute).len(), ROOM_WAITING_MAX);
        let permits = take(&message(64 * 1024));
        assert_eq!(permits.len() * 64 * 1024, ROOM_BYTES_MAX);
        assert!(waiting.permit(&mute).is_ok() && waiting.permit(&Command::Close).is_ok());
        drop(permits);
        assert!(waiting.permit(&message(ROOM_BYTES_MAX + 1)).is_ok(), "one fits, however large");
    }

    fn mute() -> Order {
        tell(Command::Mute { track: "TR_1".into(), muted: true })
    }

    #[test]
    fn a_full_queue_refuses_all_but_what_frees() {
        let poll = Poll::new().unwrap();
        let (sender, orders) = queue(Waker::new(poll.registry(), Token(0)).unwrap());
        for _ in 0..WAITING_MAX {
            sender.send(mute()).unwrap();
        }
        assert_eq!(sender.send(mute()), Err(Unavailable));
        assert_eq!(sender.send(tell(Command::Close)), Ok(()));
        while orders.next().is_some() {}
        assert_eq!(sender.send(mute()), Ok(()));
    }

    #[test]
    fn a_shard_that_ended_refuses() {
        let poll = Poll::new().unwrap();
        let (sender, orders) = queue(Waker::new(poll.registry(), Token(0)).unwrap());
        drop(orders);
        assert_eq!(sender.send(mute()), Err(Unavailable));
    }
}
