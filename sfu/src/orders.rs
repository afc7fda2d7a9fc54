//! The way from signalling's threads to a shard's: a bounded queue and a waker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};

use beckon_sfu_api::{Command, EventSink, RoomId, RoomSettings, Unavailable};
use beckon_sfu_core::described::Described;
use mio::Waker;

/// Orders waiting for a shard; more are refused. A shard takes thousands a second, so this many means it is stuck.
const WAITING_MAX: usize = 4096;

pub(crate) enum Order {
    Open {
        room: RoomId,
        settings: RoomSettings,
        events: EventSink,
    },
    Tell {
        room: RoomId,
        command: Command,
    },
    /// A description, read already: nothing takes as long.
    Describe {
        room: RoomId,
        described: Box<Described>,
    },
    Stop,
}

impl Order {
    /// What frees something is never refused, or it would stay for good.
    fn frees(&self) -> bool {
        use Command::{Close, Leave, Unpublish, Unsubscribe};
        match self {
            Order::Open { .. } | Order::Describe { .. } => false,
            Order::Tell { command, .. } => {
                matches!(command, Close | Leave { .. } | Unpublish { .. } | Unsubscribe { .. })
            }
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
    use mio::{Poll, Token};

    use super::*;

    fn tell(command: Command) -> Order {
        Order::Tell { room: "RM_1".into(), command }
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
