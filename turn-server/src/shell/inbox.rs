//! The queue of inputs to a relay thread, and the bell that wakes it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::{Poll, Token, Waker};
use tokio::sync::mpsc;

use crate::client::Client;

/// Inputs that may wait. Senders wait beyond it, so connections are read no faster than their messages are relayed.
const INPUTS_MAX: usize = 1024;

/// The bell's token; listeners and relay sockets have others.
pub(super) const BELL: Token = Token(u32::MAX as usize);

/// An input to a relay thread.
#[derive(Debug)]
pub(super) enum Input {
    /// A connection, and how to write to it.
    Connected(Client, StreamEnd),
    /// Messages that came over one.
    Messages(Client, Vec<Vec<u8>>),
    /// The holder of a name, whose allocations end.
    Revoke(String),
}

/// The relay thread's end of a connection.
#[derive(Debug)]
pub(super) struct StreamEnd {
    messages: mpsc::Sender<Box<[u8]>>,
    is_allocated: Arc<AtomicBool>,
}

impl StreamEnd {
    /// `is_allocated` is shared with the connection's reader.
    pub(super) fn new(
        messages: mpsc::Sender<Box<[u8]>>,
        is_allocated: Arc<AtomicBool>,
    ) -> StreamEnd {
        StreamEnd { messages, is_allocated }
    }

    /// Queues messages and returns how many were lost.
    pub(super) fn send<'a>(&self, messages: impl Iterator<Item = &'a [u8]>) -> u64 {
        messages.filter(|message| self.messages.try_send((*message).into()).is_err()).count() as u64
    }

    /// Whether the connection is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.messages.is_closed()
    }

    /// From now on the connection may be idle for as long as its allocation lives.
    pub(super) fn set_allocated(&self) {
        self.is_allocated.store(true, Ordering::Release);
    }
}

/// The sending end of a relay thread's inputs.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    inputs: mpsc::Sender<Input>,
    bell: Arc<Waker>,
    stopped: Arc<AtomicBool>,
}

/// A relay thread's end of its inputs.
#[derive(Debug)]
pub(super) struct Inbox {
    inputs: mpsc::Receiver<Input>,
    stopped: Arc<AtomicBool>,
    pub(super) poll: Poll,
}

pub(super) fn queue() -> io::Result<(Sender, Inbox)> {
    let (sender, receiver) = mpsc::channel(INPUTS_MAX);
    let poll = Poll::new()?;
    let bell = Arc::new(Waker::new(poll.registry(), BELL)?);
    let stopped = Arc::new(AtomicBool::new(false));
    let inbox = Inbox { inputs: receiver, stopped: stopped.clone(), poll };
    Ok((Sender { inputs: sender, bell, stopped }, inbox))
}

impl Sender {
    /// Queues an input, and waits for room. Inputs to a thread that has ended are dropped.
    pub(super) async fn send(&self, input: Input) {
        if self.inputs.send(input).await.is_ok() {
            self.ring();
        }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.ring();
    }

    fn ring(&self) {
        if let Err(error) = self.bell.wake() {
            tracing::warn!(%error, "a relay thread cannot be woken");
        }
    }
}

impl Inbox {
    pub(super) fn next(&mut self) -> Option<Input> {
        self.inputs.try_recv().ok()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}
