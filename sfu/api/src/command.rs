//! Commands from signalling to a room.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{ParticipantId, TrackId};
use crate::sdp::Sdp;
use crate::track::Announced;

/// Limits of one room. Everything that it takes for all to hear and see all follows from the number of participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
/// Tracks of one kind that a participant receives beyond one per participant: shared screens and their sound.
const EXTRA_MAX: usize = 16;
/// Sections of a client whose tracks were unpublished: its SDK opens another one for each publication.
const RETIRED_MAX: usize = 64;
/// Bytes of a section in Chromium's offers, which are the longest.
const AUDIO_BYTES_MAX: usize = 3 * 1024;
const VIDEO_BYTES_MAX: usize = 5 * 1024;

impl RoomSettings {
    /// Tracks of one kind that one participant receives at once.
    pub const fn received_max(self) -> usize {
        self.participants_max + EXTRA_MAX
    }

    /// Media sections of one description: for tracks received, for tracks sent, and one for data channels.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionMode {
    /// One peer connection for both ways; the client always offers (`/rtc/v1`).
    Single,
    /// One to publish, where the client offers, and one to subscribe, where we do (`/rtc`).
    Dual,
}

/// What the media node itself enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    pub publish: bool,
    pub subscribe: bool,
}

/// An SDP text with the number that pairs offer and answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    pub id: u32,
    pub sdp: Sdp,
}

/// LiveKit's three quality levels of a simulcast track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Quality {
    Low,
    Medium,
    High,
}

/// What a subscriber wants of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preference {
    /// False pauses the track for this subscriber.
    pub enabled: bool,
    /// At most this layer.
    pub quality: Quality,
    /// Width and height in pixels that it is shown in; `None` if the subscriber did not say. No larger layer is sent.
    pub size: Option<(u32, u32)>,
}

impl Default for Preference {
    fn default() -> Self {
        Preference { enabled: true, quality: Quality::High, size: None }
    }
}

/// The data channel that a message travels on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DataKind {
    /// Ordered, none lost.
    Reliable,
    /// Unordered, never repeated.
    Lossy,
}

/// A message for data channels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataMessage {
    pub from: ParticipantId,
    pub kind: DataKind,
    /// Its receivers.
    pub to: Vec<ParticipantId>,
    #[serde(with = "crate::payload")]
    pub payload: Bytes,
}

/// What signalling tells an open room to do. Commands of one room are carried out in order; one that cannot be is answered by
/// [`Event::Refused`](crate::Event::Refused).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A participant joins. In [`ConnectionMode::Dual`] the subscriber's first offer follows as an event at once.
    Join { participant: ParticipantId, connection: ConnectionMode, permissions: Permissions },
    /// A participant leaves: its tracks end.
    Leave { participant: ParticipantId },
    /// Answered by [`Event::Answer`](crate::Event::Answer).
    Offer { participant: ParticipantId, offer: Description },
    /// The client's answer to [`Event::Offer`](crate::Event::Offer).
    Answer { participant: ParticipantId, answer: Description },
    /// The client resumes over a new signalling socket. In [`ConnectionMode::Dual`] the subscriber connection is offered
    /// again with an ICE restart; otherwise the client restarts ICE by its own offers.
    Restart { participant: ParticipantId },
    /// A track whose media section will come with an offer of its publisher.
    Publish { participant: ParticipantId, track: Announced },
    /// Ends an announced or published track.
    Unpublish { track: TrackId },
    /// Muted tracks are not forwarded, whatever their publisher sends.
    Mute { track: TrackId, muted: bool },
    /// Starts forwarding these tracks to the participant.
    Subscribe { participant: ParticipantId, tracks: Vec<TrackId> },
    /// Stops forwarding these tracks to the participant.
    Unsubscribe { participant: ParticipantId, tracks: Vec<TrackId> },
    /// Says which layers of its tracks a subscriber wants.
    Prefer { participant: ParticipantId, preferences: Vec<(TrackId, Preference)> },
    /// Taking `publish` away ends the participant's tracks, taking `subscribe` away its subscriptions.
    Permit { participant: ParticipantId, permissions: Permissions },
    /// Sends a message over the data channels of its receivers.
    Send(DataMessage),
    /// Removes all participants and the room.
    Close,
}
