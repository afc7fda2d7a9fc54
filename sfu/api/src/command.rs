//! What signalling asks of a room.

use bytes::Bytes;

use crate::ids::{ParticipantId, TrackId};
use crate::sdp::Sdp;
use crate::track::Announced;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomSettings {
    /// Participants at once; a join beyond it is refused.
    pub participants_max: usize,
}

/// The largest room that can be configured.
pub const PARTICIPANTS_MAX: usize = 1000;
/// Tracks that one participant may have announced and published at once.
pub const TRACKS_MAX: usize = 32;
/// Simulcast layers of one track, as LiveKit's clients send them: `q`, `h`, `f`.
pub const LAYERS_MAX: usize = 3;
/// Tracks of a kind that a participant receives beside one of everybody: shared screens, their sound.
const EXTRA_MAX: usize = 16;
/// Sections of a client whose track it has taken back: its SDK opens another one for each publication.
const RETIRED_MAX: usize = 64;
/// Bytes of a section in Chromium's offers, which are the longest.
const AUDIO_BYTES_MAX: usize = 3 * 1024;
const VIDEO_BYTES_MAX: usize = 5 * 1024;

/// All that must be had for everybody to be heard and seen by everybody follows from their number.
impl RoomSettings {
    /// Tracks of one kind that one participant receives at once.
    pub const fn received_max(self) -> usize {
        self.participants_max + EXTRA_MAX
    }

    /// Media sections of one description: what is received, what is sent, and the one of data channels.
    pub const fn sections_max(self) -> usize {
        2 * self.received_max() + TRACKS_MAX + RETIRED_MAX + 1
    }

    /// Bytes of one description.
    pub const fn description_bytes_max(self) -> usize {
        self.sections_max() * VIDEO_BYTES_MAX
            - self.received_max() * (VIDEO_BYTES_MAX - AUDIO_BYTES_MAX)
    }
}

/// How a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionMode {
    /// One peer connection for both ways; the client always offers (`/rtc/v1`).
    Single,
    /// One to publish, where the client offers, and one to subscribe, where we do (`/rtc`).
    Dual,
}

/// What the media node itself enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    pub publish: bool,
    pub subscribe: bool,
}

/// An SDP text with the number that pairs offer and answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub id: u32,
    pub sdp: Sdp,
}

/// LiveKit's three steps of a simulcast track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    Low,
    Medium,
    High,
}

/// What a subscriber wants of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference {
    /// False pauses the track for this subscriber.
    pub enabled: bool,
    /// At most this layer.
    pub quality: Quality,
    /// At most what this many pixels need; `None` if the subscriber did not say.
    pub size: Option<(u32, u32)>,
}

impl Default for Preference {
    fn default() -> Self {
        Preference { enabled: true, quality: Quality::High, size: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// Ordered, none lost.
    Reliable,
    /// Unordered, never repeated.
    Lossy,
}

/// A message for data channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataMessage {
    pub from: ParticipantId,
    pub kind: DataKind,
    pub to: Vec<ParticipantId>,
    pub payload: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A participant comes in. In [`ConnectionMode::Dual`] the subscriber's first offer follows as an event at once.
    Join {
        participant: ParticipantId,
        connection: ConnectionMode,
        permissions: Permissions,
    },
    /// The participant is gone: its tracks end for everybody.
    Leave {
        participant: ParticipantId,
    },
    /// Answered by [`Event::Answer`](crate::Event::Answer).
    Offer {
        participant: ParticipantId,
        offer: Description,
    },
    /// The client's answer to [`Event::Offer`](crate::Event::Offer).
    Answer {
        participant: ParticipantId,
        answer: Description,
    },
    /// The client resumes over a new signalling socket. In [`ConnectionMode::Dual`] the subscriber connection is offered
    /// again with an ICE restart; otherwise the client restarts ICE by its own offers.
    Restart {
        participant: ParticipantId,
    },
    /// A track whose media section will come with an offer of its publisher.
    Publish {
        participant: ParticipantId,
        track: Announced,
    },
    /// Takes an announced or published track away.
    Unpublish {
        track: TrackId,
    },
    /// Muted tracks are not forwarded, whatever their publisher sends.
    Mute {
        track: TrackId,
        muted: bool,
    },
    Subscribe {
        participant: ParticipantId,
        tracks: Vec<TrackId>,
    },
    Unsubscribe {
        participant: ParticipantId,
        tracks: Vec<TrackId>,
    },
    Prefer {
        participant: ParticipantId,
        preferences: Vec<(TrackId, Preference)>,
    },
    /// Taking `publish` away ends the participant's tracks, taking `subscribe` away its subscriptions.
    Permit {
        participant: ParticipantId,
        permissions: Permissions,
    },
    Send(DataMessage),
    /// Everybody is gone, and the room with them.
    Close,
}
