//! Events from a room to signalling.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::command::{DataKind, Description};
use crate::ids::{ParticipantId, TrackId};
use crate::track::{Codec, MidTrack};

/// Why a participant's media ended without a [`Command::Leave`](crate::Command::Leave).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lost {
    /// It closed its connection (DTLS close_notify). Its `leave` may still arrive.
    Closed,
    /// Nothing was received from it for too long.
    Silent,
    /// The secure transport could not be made: a wrong certificate, no common ground.
    Failed,
    /// Its data channels ended: their association broke, or was a flood. Without them a client cannot stay in a room.
    Data,
}

impl Lost {
    /// The word used in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Lost::Closed => "closed",
            Lost::Silent => "silent",
            Lost::Failed => "failed",
            Lost::Data => "data",
        }
    }
}

/// What is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Counted from 1; `None` where it is about no single line.
    pub line: Option<u32>,
    pub why: Cow<'static, str>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refused {
    /// No such participant or track.
    NotFound,
    /// The participant has no permission for it, or subscribes to its own track.
    Denied,
    /// The description cannot be read, or breaks a rule.
    Malformed(Fault),
    /// Neither side's codecs suit the other.
    Codec,
    /// A limit is reached: participants, tracks, media sections.
    Limit,
    /// An answer to no offer, or to an old one.
    OutOfTurn,
}

impl Refused {
    /// A description that is wrong as a whole.
    pub fn malformed(why: impl Into<Cow<'static, str>>) -> Refused {
        Refused::Malformed(Fault { line: None, why: why.into() })
    }
}

/// A participant whose speech level changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speaker {
    pub participant: ParticipantId,
    /// From 0 (silent) to 1 (loudest).
    pub level: f32,
    /// False if it has just stopped speaking.
    pub active: bool,
}

/// The network quality of a participant, by its loss and round-trip time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkQuality {
    Lost,
    Poor,
    Good,
    Excellent,
}

/// What happened in a room. Events of one room arrive in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The answer to a client's offer, and which subscribed track each section carries.
    Answer { participant: ParticipantId, answer: Description, mids: Vec<MidTrack> },
    /// Our offer on the subscriber connection.
    Offer { participant: ParticipantId, offer: Description, mids: Vec<MidTrack> },
    /// Single connection: the client is to offer again with this many more receiving sections.
    SectionsWanted { participant: ParticipantId, audios: u32, videos: u32 },
    /// An announced track has its media section and its codec is known: sent before the answer that contains it, or after it,
    /// with the first packet. Sent again when packets show another codec.
    Published {
        participant: ParticipantId,
        track: TrackId,
        codec: Codec,
        mid: String,
        answered: bool,
    },
    /// A track ended: unpublished by its section, its publisher gone, or its permission taken.
    Unpublished { participant: ParticipantId, track: TrackId },
    /// Media can flow to and from the participant; sent once, and again after a reconnection.
    Connected { participant: ParticipantId },
    /// The participant's media ended.
    Lost { participant: ParticipantId, why: Lost },
    /// A subscribed track is paused for lack of bandwidth, or resumes.
    Paused { participant: ParticipantId, track: TrackId, paused: bool },
    /// A message from a participant's data channel.
    Data {
        participant: ParticipantId,
        kind: DataKind,
        #[serde(with = "crate::payload")]
        payload: Bytes,
    },
    /// Active speakers whose level changed, loudest first.
    Speakers(Vec<Speaker>),
    /// Network quality of all connected participants; sent every few seconds.
    Quality(Vec<(ParticipantId, NetworkQuality)>),
    /// A command could not be carried out; `track` if it was about one.
    Refused { participant: ParticipantId, track: Option<TrackId>, why: Refused },
}
