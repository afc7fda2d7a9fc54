//! What a socket holds of its room: a way to ask, and what the room says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::NotAdmitted;
use super::departure::{DisconnectReason, LeaveAction};
use super::dialect::Dialect;
use super::notice::Notice;
use super::request::Request;
use super::room::Input;

/// Frames on their way to one socket. A client that reads more slowly loses the socket, and may resume.
const FRAMES_MAX: usize = 512;
/// Their bytes, beside one frame that is longer by itself: the list of a large room.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// What requests of one socket may weigh that the room has not come to, in KiB; then reading waits.
pub const REQUESTS_KIB_MAX: u32 = 4096;

/// What the descriptions of a room's clients may take on their way to the media node, in KiB, beside one that is larger
/// by itself; then sockets wait.
const DESCRIPTIONS_KIB_MAX: u32 = 16 * 1024;

/// Whose socket: it outlives neither the participant nor the next socket of the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SocketId {
    pub participant: beckon_sfu_api::ParticipantId,
    pub socket: u64,
}

pub struct Seat {
    pub requests: Requests,
    pub frames: Frames,
}

/// The way from a socket to its room. Dropping it tells the room that the socket is gone.
pub struct Requests {
    to: Option<(SocketId, mpsc::Sender<Input>)>,
    weight: Arc<Semaphore>,
    line: DescriptionLine,
}

/// Where descriptions wait on their way to the media node: one of each participant is under way, and so much of a room.
#[derive(Clone, Debug)]
pub(super) struct DescriptionLine {
    of_participant: Arc<Semaphore>,
    of_room: Arc<Semaphore>,
}

/// Held until the media node has taken a description in.
#[derive(Debug)]
#[expect(dead_code, reason = "held")]
pub(super) struct DescriptionTurn(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

impl DescriptionLine {
    /// Of a room without participants.
    pub(super) fn of_room() -> DescriptionLine {
        DescriptionLine {
            of_participant: Arc::new(Semaphore::new(1)),
            of_room: Arc::new(Semaphore::new(DESCRIPTIONS_KIB_MAX as usize)),
        }
    }

    /// Of somebody more in the same room.
    pub(super) fn of_participant(&self) -> DescriptionLine {
        DescriptionLine { of_participant: Arc::new(Semaphore::new(1)), ..self.clone() }
    }

    /// Waits for the one before, and for room.
    async fn wait(&self, kib: u32) -> Option<DescriptionTurn> {
        let of_participant = self.of_participant.clone().acquire_owned().await.ok()?;
        let kib = kib.min(DESCRIPTIONS_KIB_MAX);
        let of_room = self.of_room.clone().acquire_many_owned(kib).await.ok()?;
        Some(DescriptionTurn(of_participant, Some(of_room)))
    }

    /// The turn of somebody who brought a description along.
    pub(super) fn first(&self) -> Option<DescriptionTurn> {
        Some(DescriptionTurn(self.of_participant.clone().try_acquire_owned().ok()?, None))
    }
}

/// What the room says, encoded, in order; the end means that the socket is to be closed.
pub struct Frames {
    frames: mpsc::Receiver<Bytes>,
    waiting: Arc<Waiting>,
}

/// The room's end of a socket. Dropping it closes the socket once everything said is sent.
#[derive(Debug)]
pub(super) struct Outbox {
    frames: mpsc::Sender<Bytes>,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: AtomicUsize,
    too_slow: CancellationToken,
}

/// The socket's queue is full.
#[derive(Debug)]
pub(super) struct TooSlow;

impl Seat {
    pub(super) fn new(
        socket: SocketId,
        room: mpsc::Sender<Input>,
        line: DescriptionLine,
    ) -> (Seat, Outbox) {
        Seat::to(Some((socket, room)), FRAMES_MAX, line)
    }

    fn to(
        room: Option<(SocketId, mpsc::Sender<Input>)>,
        frames_max: usize,
        line: DescriptionLine,
    ) -> (Seat, Outbox) {
        let (outbox, frames) = mpsc::channel(frames_max);
        let waiting = Arc::new(Waiting::default());
        let weight = Arc::new(Semaphore::new(REQUESTS_KIB_MAX as usize));
        let requests = Requests { to: room, weight, line };
        let seat = Seat { requests, frames: Frames { frames, waiting: waiting.clone() } };
        (seat, Outbox { frames: outbox, waiting })
    }

    /// A seat of nobody, which hears that there is nothing to go on with.
    pub(super) fn to_start_over(dialect: &Dialect) -> Seat {
        Seat::of_nobody(dialect, DisconnectReason::StateMismatch, LeaveAction::Reconnect)
    }

    /// A seat of somebody who does not come in after all, and hears why.
    pub fn refused(dialect: &Dialect, why: NotAdmitted) -> Seat {
        let (reason, action) = why.last_word();
        Seat::of_nobody(dialect, reason, action)
    }

    fn of_nobody(dialect: &Dialect, reason: DisconnectReason, action: LeaveAction) -> Seat {
        let (seat, outbox) = Seat::to(None, 1, DescriptionLine::of_room());
        // there is a place for one
        let _ = outbox.push((dialect.encode)(Notice::Leave(reason, action)));
        seat
    }
}

impl Requests {
    /// Has the participant sent out, because its login is over.
    pub async fn expel(&self) {
        if let Some((from, room)) = &self.to {
            // a room that is over has sent everybody out
            let _ = room.send(Input::Expel { from: from.clone() }).await;
        }
    }

    /// Hands a request to the room, waiting while it is busy or has not come to earlier ones. `kib` is what it weighs.
    /// False: the room listens no more.
    pub async fn send(&self, request: Request, kib: u32) -> bool {
        let Some((from, room)) = &self.to else { return false };
        let weight = self.weight.clone().acquire_many_owned(kib.min(REQUESTS_KIB_MAX)).await;
        let Ok(weight) = weight else { return false };
        let describes = matches!(request, Request::Offer(_) | Request::Answer(_));
        let turn = if describes { self.line.wait(kib).await } else { None };
        let (from, request) = (from.clone(), Box::new(request));
        room.send(Input::Request { from, request, weight: Weight(weight, turn) }).await.is_ok()
    }
}

/// Held until the room has come to a request; with a description, until the media node has.
#[expect(dead_code, reason = "held")]
pub(super) struct Weight(OwnedSemaphorePermit, Option<DescriptionTurn>);

impl Drop for Requests {
    fn drop(&mut self) {
        let Some((from, room)) = self.to.take() else { return };
        if let Err(mpsc::error::TrySendError::Full(gone)) = room.try_send(Input::Gone { from }) {
            tokio::spawn(async move { room.send(gone).await });
        }
    }
}

impl Frames {
    pub async fn next(&mut self) -> Option<Bytes> {
        let frame = self.frames.recv().await;
        self.took(frame)
    }

    /// A frame that is there already.
    pub fn next_ready(&mut self) -> Option<Bytes> {
        let frame = self.frames.try_recv().ok();
        self.took(frame)
    }

    fn took(&self, frame: Option<Bytes>) -> Option<Bytes> {
        let frame = frame?;
        self.waiting.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
        Some(frame)
    }

    /// Ends when the client reads too slowly: what still waits is of no use any more.
    pub fn too_slow(&self) -> impl Future<Output = ()> + use<> {
        self.waiting.too_slow.clone().cancelled_owned()
    }

    /// Whether it does: then the end of the frames is none of the room's words.
    pub fn is_too_slow(&self) -> bool {
        self.waiting.too_slow.is_cancelled()
    }

    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        self.frames.is_closed()
    }
}

impl Outbox {
    pub(super) fn push(&self, frame: Bytes) -> Result<(), TooSlow> {
        let length = frame.len();
        let before = self.waiting.bytes.fetch_add(length, Ordering::Relaxed);
        let fits = before == 0 || before + length <= BYTES_MAX;
        match fits.then(|| self.frames.try_send(frame)) {
            None | Some(Err(mpsc::error::TrySendError::Full(_))) => {
                self.waiting.too_slow.cancel();
                Err(TooSlow)
            }
            // a socket that is gone has said so, or is about to
            Some(_) => Ok(()),
        }
    }
}
