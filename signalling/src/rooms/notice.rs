//! What a room says to its clients, whatever protocol they speak.

use beckon_sfu_api::{
    ConnectionMode, Description, MidTrack, NetworkQuality, ParticipantId, Speaker, TrackId,
};

use super::denial::Outcome;
use super::departure::{DisconnectReason, LeaveAction};
use super::info::{ParticipantInfo, RoomInfo, TrackInfo};
use super::request::Reference;
use crate::domain::frame::IceServer;

/// Something that a client is told; its door translates it.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The first word to whoever comes in.
    Join(Box<Welcome>),
    /// The first word over a new socket to whoever goes on.
    Reconnect {
        ice_servers: Vec<IceServer>,
    },
    /// An answer to the client's offer, with the tracks of its sections.
    Answer(Description, Vec<MidTrack>),
    Offer(Description, Vec<MidTrack>),
    Trickle(Candidate),
    /// Participants who came, changed or left.
    Update(Vec<ParticipantInfo>),
    /// The answer to a track's announcement.
    TrackPublished(Box<TrackInfo>),
    /// A track of the client is gone: by its name, which may be one that never was.
    TrackUnpublished(String),
    /// Somebody receives a track of the client for the first time.
    TrackSubscribed(TrackId),
    /// The server has muted a track of the client.
    Muted(TrackId),
    /// The last word.
    Leave(DisconnectReason, LeaveAction),
    Speakers(Vec<Speaker>),
    Room(RoomInfo),
    Quality(Vec<(ParticipantId, NetworkQuality)>),
    /// A track that the client receives is held back because its link cannot carry it, or goes on.
    Paused {
        publisher: ParticipantId,
        track: TrackId,
        paused: bool,
    },
    /// A publisher lets the client receive a track, or no longer.
    Permitted {
        publisher: ParticipantId,
        track: TrackId,
        permitted: bool,
    },
    SubscriptionFailed(TrackId, SubscriptionError),
    /// A token to come back with.
    RefreshToken(String),
    Pong(Pong),
    /// What becomes of a request.
    Answered {
        outcome: Outcome,
        message: String,
        reference: Reference,
    },
    /// The sections that the client's next offer has to have for what it shall receive.
    SectionsWanted {
        audios: u32,
        videos: u32,
    },
}

/// All that a client has to know first.
#[derive(Clone, Debug, PartialEq)]
pub struct Welcome {
    pub room: RoomInfo,
    pub participant: ParticipantInfo,
    /// In the order in which they came.
    pub others: Vec<ParticipantInfo>,
    pub ice_servers: Vec<IceServer>,
    pub connection: ConnectionMode,
}

/// A candidate of ours (RFC 8839, 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub target: Target,
    /// The attribute: `candidate:` and what follows.
    pub candidate: String,
    pub mid: String,
    pub is_last: bool,
}

/// Which of a client's connections: the one on which it offers, or the one on which we do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Publisher,
    Subscriber,
}

/// Why somebody cannot receive a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionError {
    /// There is no room for it.
    Limit,
    Codec,
    NotFound,
    Other,
}

/// The answer to a sign of life, with clocks in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pong {
    Echo(i64),
    Clock { theirs: i64, ours: i64 },
}
