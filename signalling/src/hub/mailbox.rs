//! One socket as the rest of the node sees it: a place to put frames, through all its connections.

use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

use super::outbox::{KEPT_MAX, Outbox};
use crate::domain::frame::Payload;
use crate::domain::ids::{LoginId, SocketId, UserId};
use crate::domain::user::Availability;

/// How long a socket waits for `resume` after its connection broke, in milliseconds.
pub const RESUME_MS: i64 = 60_000;

/// Why the server closes a socket; the code tells the client whether to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The client said goodbye first.
    Goodbye,
    Restart,
    Resync,
    HeartbeatMissed,
    TooLong,
    Malformed,
    LoginEnded,
    /// Frames came faster than allowed for too long.
    TooFast,
    NoHello,
    Replaced,
}

impl Close {
    pub const ALL: [Close; 9] = [
        Close::Goodbye,
        Close::Restart,
        Close::Resync,
        Close::HeartbeatMissed,
        Close::TooLong,
        Close::Malformed,
        Close::LoginEnded,
        Close::NoHello,
        Close::Replaced,
    ];

    pub fn code(self) -> u16 {
        match self {
            Close::Goodbye => 1000,
            Close::Restart => 1012,
            Close::Resync => 4000,
            Close::HeartbeatMissed => 4001,
            Close::TooLong => 1009,
            Close::Malformed => 4400,
            Close::LoginEnded => 4401,
            Close::TooFast => 4429,
            Close::NoHello => 4408,
            Close::Replaced => 4409,
        }
    }

    /// Whether only this connection ends: the socket can still be resumed.
    pub fn may_resume(self) -> bool {
        matches!(self, Close::HeartbeatMissed | Close::TooLong)
    }

    pub fn reason(self) -> &'static str {
        match self {
            Close::Goodbye => "goodbye",
            Close::Restart => "restart",
            Close::Resync => "resync",
            Close::HeartbeatMissed => "heartbeat",
            Close::TooLong => "too_long",
            Close::Malformed => "malformed",
            Close::LoginEnded => "login_ended",
            Close::TooFast => "too_fast",
            Close::NoHello => "no_hello",
            Close::Replaced => "replaced",
        }
    }
}

/// Which connection of a mailbox: a resumed socket must not be written by its old one.
pub type Attachment = u64;

#[derive(Debug)]
pub struct Mailbox {
    pub id: SocketId,
    pub user: UserId,
    pub login: LoginId,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug)]
struct State {
    outbox: Outbox,
    availability: Availability,
    attachment: Attachment,
    line: Line,
    /// Told to close: nothing more is delivered and nobody can resume.
    closed: Option<Close>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Connected,
    Broken { since: i64 },
}

/// What the writer of a connection does next.
#[derive(Debug)]
pub enum Next {
    Frames(Vec<(u64, Payload)>),
    Close(Close),
}

impl Mailbox {
    pub fn new(user: UserId, login: LoginId) -> Mailbox {
        let state = State {
            outbox: Outbox::default(),
            availability: Availability::Online,
            attachment: 0,
            line: Line::Connected,
            closed: None,
        };
        Mailbox {
            id: SocketId::fresh(),
            user,
            login,
            state: Mutex::new(state),
            wake: Notify::new(),
        }
    }

    /// Queues a frame. A reader that is too slow, or away for too many frames, is given up.
    pub fn push(&self, frame: Payload) {
        let mut state = self.lock();
        if state.closed.is_some() {
            return;
        }
        let fits = match state.line {
            Line::Broken { .. } if state.outbox.waiting() >= KEPT_MAX => false,
            _ => state.outbox.push(frame).is_ok(),
        };
        if !fits {
            metrics::counter!("beckon_sockets_overflowed_total").increment(1);
            state.closed = Some(Close::Resync);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// How the person is at this device, as the device says.
    pub fn availability(&self) -> Availability {
        self.lock().availability
    }

    pub fn set_availability(&self, availability: Availability) {
        self.lock().availability = availability;
    }

    pub fn close(&self, why: Close) {
        let mut state = self.lock();
        state.closed.get_or_insert(why);
        drop(state);
        self.wake.notify_one();
    }

    /// Waits for frames, or for the word to close. One connection at a time waits here.
    pub async fn next(&self, attachment: Attachment, max: usize) -> Next {
        loop {
            if let Some(next) = self.poll(attachment, max) {
                return next;
            }
            self.wake.notified().await;
        }
    }

    fn poll(&self, attachment: Attachment, max: usize) -> Option<Next> {
        let mut state = self.lock();
        if state.attachment != attachment {
            return Some(Next::Close(Close::Replaced));
        }
        if let Some(why) = state.closed {
            return Some(Next::Close(why));
        }
        let mut frames = Vec::new();
        state.outbox.take(max, &mut frames);
        (!frames.is_empty()).then_some(Next::Frames(frames))
    }

    /// The word to close this connection, once there is one.
    pub async fn closed(&self, attachment: Attachment) -> Close {
        loop {
            if let Some(Next::Close(why)) = self.poll(attachment, 0) {
                return why;
            }
            self.wake.notified().await;
        }
    }

    /// Takes over from a broken or older connection; `None` when frames after `seen` are not all here.
    pub fn resume(&self, seen: u64, now: i64) -> Option<Attachment> {
        let mut state = self.lock();
        if state.is_over(now) || state.closed.is_some() || !state.outbox.rewind(seen) {
            return None;
        }
        state.line = Line::Connected;
        state.attachment += 1;
        let attachment = state.attachment;
        drop(state);
        self.wake.notify_waiters(); // the older connection, if it still waits
        self.wake.notify_one();
        Some(attachment)
    }

    /// The connection broke; frames are kept for a while. False when a newer one has taken over.
    pub fn detach(&self, attachment: Attachment, now: i64) -> bool {
        let mut state = self.lock();
        if state.attachment != attachment {
            return false;
        }
        state.line = Line::Broken { since: now };
        true
    }

    /// When the connection broke, while it is broken.
    pub fn broken_since(&self) -> Option<i64> {
        match self.lock().line {
            Line::Broken { since } => Some(since),
            Line::Connected => None,
        }
    }

    /// Whether nobody will ever read from it again.
    pub fn is_over(&self, now: i64) -> bool {
        self.lock().is_over(now)
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

impl State {
    /// A connection that lives ends first, even when it was told to close.
    fn is_over(&self, now: i64) -> bool {
        match self.line {
            Line::Connected => false,
            Line::Broken { since } => self.closed.is_some() || now - since > RESUME_MS,
        }
    }
}
