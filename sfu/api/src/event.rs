//! What a room tells signalling.

use std::fmt;

use bytes::Bytes;

use crate::command::{DataKind, Description};
use crate::ids::{ParticipantId, TrackId};
use crate::track::{Codec, MidTrack};

/// Why a participant's media ended without a [`Command::Leave`](crate::Command::Leave).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It closed its connection (DTLS close_notify). Its `leave` may be under way.
    Closed,
    /// Nothing came from it for too long.
    Silent,
    /// The secure transport could not be made: a wrong certificate, no common ground.
    Failed,
    /// Its data channels ended: their association broke, or was a flood. Without them nobody can be in a room.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1; `None` where it is about no single line.
    pub line: Option<u32>,
    pub why: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.why),
            None => f.write_str(self.why),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such participant or track.
    NotFound,
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
    pub fn malformed(why: &'static str) -> Refused {
        Refused::Malformed(Fault { line: None, why })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Speaker {
    pub participant: ParticipantId,
    /// From 0 (silent) to 1 (loudest).
    pub level: f32,
    /// False: has just stopped.
    pub active: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkQuality {
    Lost,
    Poor,
    Good,
    Excellent,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer to a client's offer, and which subscribed track each section carries.
    Answer {
        participant: ParticipantId,
        answer: Description,
        mids: Vec<MidTrack>,
    },
    /// Our offer on the subscriber connection.
    Offer {
        participant: ParticipantId,
        offer: Description,
        mids: Vec<MidTrack>,
    },
    /// Single connection: the client is to offer again with this many more receiving sections.
    SectionsWanted {
        participant: ParticipantId,
        audios: u32,
        videos: u32,
    },
    /// An announced track has its media section, and its codec is known: told before the answer that says so, or after it,
    /// with the first packet. Told again when packets show that it is another codec.
    Published {
        participant: ParticipantId,
        track: TrackId,
        codec: Codec,
        mid: String,
        answered: bool,
    },
    /// A track ended: unpublished by its section, its publisher gone, or its permission taken.
    Unpublished {
        participant: ParticipantId,
        track: TrackId,
    },
    /// Media can flow to and from the participant; told once, and again after a reconnection.
    Connected {
        participant: ParticipantId,
    },
    Lost {
        participant: ParticipantId,
        why: Lost,
    },
    /// A subscribed track is stopped or goes on for want of bandwidth.
    Paused {
        participant: ParticipantId,
        track: TrackId,
        paused: bool,
    },
    /// A message from a participant's data channel.
    Data {
        participant: ParticipantId,
        kind: DataKind,
        payload: Bytes,
    },
    /// Who speaks, loudest first; sent on change.
    Speakers(Vec<Speaker>),
    /// Sent on change and every few seconds.
    Quality(Vec<(ParticipantId, NetworkQuality)>),
    /// A command could not be carried out; `track` if it was about one.
    Refused {
        participant: ParticipantId,
        track: Option<TrackId>,
        why: Refused,
    },
}
