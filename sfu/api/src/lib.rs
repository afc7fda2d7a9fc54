//! The interface between signalling and a media node.
//!
//! Signalling sends [`Command`]s about a room, in order; the media node answers with [`Event`]s, in order. Neither
//! waits for the other. Both are plain data that serde can carry to another process; [`MediaNode`] is the handle of a node
//! in this one. Ids are text that signalling makes, because they appear in SDP and in LiveKit's messages.

#![warn(unreachable_pub)]

mod command;
mod event;
mod ids;
mod node;
mod payload;
mod sdp;
mod track;

pub use command::{
    Command, ConnectionMode, DataKind, DataMessage, Description, LAYERS_MAX, PARTICIPANTS_MAX,
    Permissions, Preference, Quality, RoomSettings, TRACKS_MAX,
};
pub use event::{Event, Fault, Lost, NetworkQuality, Refused, Speaker};
pub use ids::{ParticipantId, RoomId, TrackId};
pub use node::{EventSink, Held, MediaNode, Unavailable};
pub use sdp::Sdp;
pub use track::{Announced, AnnouncedLayer, Codec, Kind, MidTrack, Source};
