//! What a client asks of its room, whatever protocol it speaks.

use std::collections::HashMap;

use beckon_sfu_api::{Kind, Preference, Source};
use bytes::Bytes;

use super::denial::Denial;

/// A request of a client; its door has translated it.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Offer(SessionDescription),
    Answer(SessionDescription),
    /// A candidate of the client's ICE agent.
    Trickle,
    AddTrack(AddTrack),
    /// Mutes or unmutes a track of one's own.
    Mute {
        track: String,
        muted: bool,
        reference: Reference,
    },
    Subscribe {
        tracks: Vec<String>,
        /// False: it no longer wants them.
        subscribe: bool,
    },
    /// How much of some tracks it wants.
    Prefer {
        tracks: Vec<String>,
        preference: Preference,
    },
    /// Who may receive its tracks.
    Permit(Audience),
    /// After a resume: the tracks that it takes for published.
    Sync {
        published: Vec<String>,
    },
    Leave,
    Ping(Ping),
    Simulate(Scenario),
    UpdateMetadata(UpdateMetadata),
    UpdateAudioTrack {
        track: String,
        features: Vec<i32>,
        reference: Reference,
    },
    UpdateVideoTrack {
        track: String,
        width: u32,
        height: u32,
        reference: Reference,
    },
    /// Its door has no translation for it: the room says so when it is its turn.
    Denied(Denial, Reference),
}

/// What a door wants back with the answer to a request, so that its client recognises it. The room keeps it unread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference(pub Bytes);

/// A description as it came (RFC 8866, RFC 9429).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionDescription {
    /// `offer`, `answer`, `pranswer`, `rollback`; some clients name none.
    pub kind: String,
    pub id: u32,
    pub sdp: String,
}

/// Announces a track.
#[derive(Clone, Debug, PartialEq)]
pub struct AddTrack {
    /// The client's own name of it.
    pub cid: String,
    pub name: String,
    /// Groups tracks: those of one stream are played in time with each other.
    pub stream: String,
    /// `None`: it is neither a new audio nor a new video track.
    pub kind: Option<Kind>,
    pub source: Source,
    pub muted: bool,
    pub width: u32,
    pub height: u32,
    /// Of the codec that the client prefers.
    pub layers: Vec<Layer>,
    /// The name of the codec that the client prefers.
    pub codec: String,
    pub stereo: bool,
    pub disable_dtx: bool,
    pub disable_red: bool,
    pub passed_on: PassedOn,
    pub reference: Reference,
}

/// An encoding of a video track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// A number of LiveKit's `VideoQuality`, passed on as it is.
    pub quality: i32,
    pub width: u32,
    pub height: u32,
    /// Bits per second.
    pub bitrate: u32,
}

/// What a publisher says of its track that only other clients understand: LiveKit's numbers, passed on as they are,
/// those of later versions too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOn {
    pub encryption: i32,
    pub audio_features: Vec<i32>,
    pub backup_codec_policy: i32,
    pub video_layer_mode: i32,
}

/// Whom a publisher lets receive its tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    pub everybody: bool,
    pub permissions: Vec<TrackPermission>,
}

/// Which tracks somebody may receive, named by identity or by participant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackPermission {
    pub identity: String,
    pub participant: String,
    pub all_tracks: bool,
    pub tracks: Vec<String>,
}

/// A sign of life, with the client's clock in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ping {
    /// The answer repeats the client's time.
    Echo(i64),
    /// The answer has our time beside it.
    Clock(i64),
}

/// What a client has simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    ServerLeave,
    FullReconnect,
    NodeFailure,
    Migration,
    /// Media over UDP, or over something else.
    SwitchTransport {
        udp: bool,
    },
}

/// What a participant says of itself from now on. Empty texts change nothing, an empty attribute is taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateMetadata {
    pub name: String,
    pub metadata: String,
    pub attributes: HashMap<String, String>,
    pub reference: Reference,
}
