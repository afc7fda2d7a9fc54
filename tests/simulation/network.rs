//! Virtual time, and connections that keep order until they break.

use std::{cmp::Reverse, collections::BinaryHeap};

/// Milliseconds since the start of the run.
pub(crate) type Time = i64;

/// Which connection; numbers are never used again.
pub(crate) type LinkId = usize;

/// What a client says.
#[derive(Clone, Debug)]
pub(crate) enum Up {
    Hello,
    Resume { socket_id: String, n: u64 },
    Send { client_msg_id: uuid::Uuid },
    Receipt { read_seq: i64 },
}

/// Things that happen, each at its time; of two at the same time, the one planned first.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    pub(crate) now: Time,
    planned: BinaryHeap<Reverse<Planned<E>>>,
    counter: u64,
}

#[derive(Debug)]
struct Planned<E> {
    at: Time,
    order: u64,
    event: E,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self { now: 0, planned: BinaryHeap::new(), counter: 0 }
    }

    pub(crate) fn after(&mut self, delay: Time, event: E) {
        self.at(self.now + delay, event);
    }

    pub(crate) fn at(&mut self, at: Time, event: E) {
        self.counter += 1;
        self.planned.push(Reverse(Planned { at: at.max(self.now), order: self.counter, event }));
    }

    /// The next event up to `until`; time moves to it.
    pub(crate) fn next(&mut self, until: Time) -> Option<E> {
        if self.planned.peek()?.0.at > until {
            return None;
        }
        let Reverse(planned) = self.planned.pop()?;
        self.now = planned.at;
        Some(planned.event)
    }
}

impl<E> PartialEq for Planned<E> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl<E> Eq for Planned<E> {}

impl<E> PartialOrd for Planned<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Planned<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// One connection between a client and a node.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: usize,
    pub(crate) node: usize,
    /// Broken for the client; nothing more arrives in either direction.
    pub(crate) broken: bool,
    /// When the last frame each way arrives: later ones arrive no earlier.
    up_until: Time,
    down_until: Time,
}

impl Link {
    pub(crate) fn new(client: usize, node: usize) -> Self {
        Self { client, node, broken: false, up_until: 0, down_until: 0 }
    }

    /// When something sent upwards at `now` arrives, given its own delay.
    pub(crate) fn up(&mut self, now: Time, delay: Time) -> Time {
        self.up_until = self.up_until.max(now + delay);
        self.up_until
    }

    pub(crate) fn down(&mut self, now: Time, delay: Time) -> Time {
        self.down_until = self.down_until.max(now + delay);
        self.down_until
    }
}
