//! Every word that signalling and a media node may say to each other.
//!
//! Signalling sends [`Command`]s about a room, in order; the media node answers with [`Event`]s, in order. Neither
//! waits for the other. Ids are text that signalling makes, because they appear in SDP and in LiveKit's messages.

#![warn(unreachable_pub)]

mod command;
mod event;
mod held;
mod ids;
mod sdp;
mod track;

pub use command::{
    Command, ConnectionMode, DataKind, DataMessage, Description, LAYERS_MAX, PARTICIPANTS_MAX,
    Permissions, Preference, Quality, RoomSettings, TRACKS_MAX,
};
pub use event::{Event, Fault, Lost, NetworkQuality, Refused, Speaker};
pub use held::Held;
pub use ids::{ParticipantId, RoomId, TrackId};
pub use sdp::Sdp;
pub use track::{Announced, AnnouncedLayer, Codec, Kind, MidTrack, Source};

/// Where a room's events go. Called on the media thread: it must neither block nor wait.
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

    /// Tells an open room something. Commands of one caller are carried out in the order given; one for a room that
    /// is not open does nothing. `held` is dropped once it is carried out.
    fn tell(&self, room: &RoomId, command: Command, held: Held) -> Result<(), Unavailable>;
}

/// The media node takes no more: its queue, or that of the room, is full, its rooms are too many, or it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the media node takes no more")]
pub struct Unavailable;
