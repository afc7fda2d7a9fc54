//! What a socket holds of its room: a way to ask, and what the room says.

use bytes::Bytes;
use livekit_protocol::DisconnectReason;
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_request::Message;
use tokio::sync::mpsc;

use super::room::{Input, frame, leave};

/// Frames on their way to one socket. A client that reads more slowly loses the socket, and may resume.
const FRAMES_MAX: usize = 512;

/// Whose socket: it outlives neither the participant nor the next socket of the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub participant: beckon_sfu_api::ParticipantId,
    pub socket: u64,
}

pub struct Seat {
    pub requests: Requests,
    /// Encoded `SignalResponse`s, in order; the end means that the socket is to be closed.
    pub frames: mpsc::Receiver<Bytes>,
}

/// The way from a socket to its room. Dropping it tells the room that the socket is gone.
pub struct Requests {
    to: Option<(Place, mpsc::Sender<Input>)>,
}

/// The room's end of a socket. Dropping it closes the socket once everything said is sent.
#[derive(Debug)]
pub(super) struct Outbox(mpsc::Sender<Bytes>);

/// The socket's queue is full.
#[derive(Debug)]
pub(super) struct TooSlow;

impl Seat {
    pub(super) fn new(place: Place, room: mpsc::Sender<Input>) -> (Seat, Outbox) {
        let (outbox, frames) = mpsc::channel(FRAMES_MAX);
        (Seat { requests: Requests { to: Some((place, room)) }, frames }, Outbox(outbox))
    }

    /// A seat of nobody, which hears that there is nothing to go on with.
    pub(super) fn to_start_over() -> Seat {
        let (outbox, frames) = mpsc::channel(1);
        // there is a place for one
        let _ = outbox.try_send(frame(leave(DisconnectReason::StateMismatch, Action::Reconnect)));
        Seat { requests: Requests { to: None }, frames }
    }
}

impl Requests {
    /// Hands a request to the room, waiting while it is busy. False: the room listens no more.
    pub async fn send(&self, request: Message) -> bool {
        let Some((from, room)) = &self.to else { return false };
        room.send(Input::Request { from: from.clone(), request: Box::new(request) }).await.is_ok()
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let Some((from, room)) = self.to.take() else { return };
        if let Err(mpsc::error::TrySendError::Full(gone)) = room.try_send(Input::Gone { from }) {
            tokio::spawn(async move { room.send(gone).await });
        }
    }
}

impl Outbox {
    pub(super) fn push(&self, frame: Bytes) -> Result<(), TooSlow> {
        match self.0.try_send(frame) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(TooSlow),
            // a socket that is gone has said so, or is about to
            _ => Ok(()),
        }
    }
}
