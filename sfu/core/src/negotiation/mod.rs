//! Session descriptions: from offers and answers to tracks, subscriptions and the words that carry them. Pure: no
//! clock, no sockets.
//!
//! [`Answerer`] serves a connection on which the client offers, [`Offerer`] the dual mode's subscriber connection.
//! Payload types and extension ids are those of the offerer; a section carries one codec at a time.

mod answerer;
mod draft;
mod free;
mod local;
mod offerer;
mod policy;
mod read;
mod replies;
pub mod sdp;
mod uses;
mod wanted;
mod words;
mod write;

#[cfg(test)]
mod tests;

use beckon_sfu_api::{Codec, MidTrack, Refused, Sdp, TrackId};

use crate::extension::ExtensionMap;

pub use answerer::Answerer;
pub use local::Local;
pub use offerer::Offerer;
pub use read::read_session;
pub use wanted::Wanted;

/// A codec in which a track may come in, and how its packets are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub codec: Codec,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
}

/// How a track comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    pub track: TrackId,
    pub mid: String,
    /// All that its section may carry: the announced codec first, then as its publisher prefers them. Never empty.
    pub formats: Vec<Incoming>,
    pub extensions: ExtensionMap,
    /// Lost packets may be asked for again.
    pub nack: bool,
    /// Announced SSRCs, lowest layer first, each with that of its repair stream. Empty where layers go by `rids`.
    pub ssrcs: Vec<(u32, Option<u32>)>,
    /// Layers, lowest first; empty without simulcast.
    pub rids: Vec<String>,
}

impl Publication {
    /// What its publisher is expected to send.
    pub fn codec(&self) -> Codec {
        self.preferred().codec
    }

    /// # Panics
    /// Never: a section without a format is no publication.
    pub fn preferred(&self) -> Incoming {
        self.formats[0]
    }
}

/// How a subscribed track goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub track: TrackId,
    pub mid: String,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
    /// What packets may carry. With a transport-wide number, feedback about them will come.
    pub extensions: ExtensionMap,
}

/// What came of a client's offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    pub sdp: Sdp,
    /// New ones, and those that changed their payload type or SSRCs.
    pub published: Vec<Publication>,
    /// Published tracks whose section no longer sends.
    pub ended: Vec<TrackId>,
    /// New ones, and those that changed their section or payload type.
    pub bound: Vec<Binding>,
    /// Announced or wanted tracks that are impossible, each reported once.
    pub refused: Vec<(TrackId, Refused)>,
    /// Every section that carries a subscribed track.
    pub mids: Vec<MidTrack>,
}

/// An offer of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    pub id: u32,
    pub sdp: Sdp,
    /// Every section that carries a subscribed track.
    pub mids: Vec<MidTrack>,
    /// Wanted tracks for which there is no room, each reported once.
    pub refused: Vec<(TrackId, Refused)>,
}

/// What came of the client's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// New ones, and those that changed their section or payload type.
    pub bound: Vec<Binding>,
    /// Tracks whose codec the client does not take.
    pub refused: Vec<TrackId>,
    /// Something was wanted meanwhile: offer again.
    pub again: bool,
}
