//! A client's description, read before it reaches a media thread: reading is the long part of it.

use beckon_sfu_api::{Command, ParticipantId, Refused};

use crate::negotiation::sdp::{self, Session};

/// An offer or an answer, and whether it could be read.
#[derive(Debug)]
pub struct Described {
    pub(crate) participant: ParticipantId,
    /// The number that pairs offer and answer.
    pub(crate) id: u32,
    pub(crate) is_offer: bool,
    pub(crate) session: Result<Session, Refused>,
}

impl Described {
    /// Reads the description in a command; `Err` gives back a command without one.
    pub fn read(command: Command) -> Result<Described, Command> {
        let (participant, description, is_offer) = match command {
            Command::Offer { participant, offer } => (participant, offer, true),
            Command::Answer { participant, answer } => (participant, answer, false),
            other => return Err(other),
        };
        let session = sdp::read(&description.sdp);
        Ok(Described { participant, id: description.id, is_offer, session })
    }
}
