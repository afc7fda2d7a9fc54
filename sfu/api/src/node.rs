//! The handle of a media node in the same process.

use std::any::Any;
use std::fmt;

use crate::command::{Command, RoomSettings};
use crate::event::Event;
use crate::ids::RoomId;

/// Receives the events of a room. It is called on the media thread and must neither block nor wait.
pub type EventSink = Box<dyn Fn(Event) + Send>;

/// A media node as signalling sees it.
pub trait MediaNode: Send + Sync + 'static {
    /// Opens a room. Its events go to `events` until it is closed by [`Command::Close`].
    fn open(
        &self,
        room: RoomId,
        settings: RoomSettings,
        events: EventSink,
    ) -> Result<(), Unavailable>;

    /// Sends a command to an open room. Commands of one caller are carried out in the order given; one for a room that
    /// is not open does nothing. `held` is dropped once the command is carried out.
    fn tell(&self, room: &RoomId, command: Command, held: Held) -> Result<(), Unavailable>;
}

/// The media node accepts no more: its queue, or that of the room, is full, it has too many rooms, or it is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the media node takes no more")]
pub struct Unavailable;

/// Permits and turns that are held until a command has been carried out, and then released by dropping them.
#[derive(Default)]
pub struct Held(Option<Box<dyn Any + Send>>);

impl Held {
    pub fn new(resource: impl Send + 'static) -> Held {
        Held(Some(Box::new(resource)))
    }

    pub fn nothing() -> Held {
        Held(None)
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Held" } else { "nothing" })
    }
}
