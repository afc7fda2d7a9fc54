//! A client's description, parsed before it reaches a media thread, since parsing takes longest.

use beckon_sfu_api::{Command, ParticipantId, Refused, RoomSettings};

use crate::negotiation::read_session;
use crate::negotiation::sdp::Session;

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
    /// Parses the description in a command for a room with these settings; `Err` returns a command that has none.
    pub fn read(command: Command, room: RoomSettings) -> Result<Described, Command> {
        let (participant, description, is_offer) = match command {
            Command::Offer { participant, offer } => (participant, offer, true),
            Command::Answer { participant, answer } => (participant, answer, false),
            other => return Err(other),
        };
        let session = session(&description.sdp, room);
        Ok(Described { participant, id: description.id, is_offer, session })
    }
}

/// Refuses what is too large for its room here, at no cost to a media thread.
fn session(text: &str, room: RoomSettings) -> Result<Session, Refused> {
    if text.len() > room.description_bytes_max() {
        return Err(Refused::Limit);
    }
    let session = read_session(text)?;
    if session.sections.len() > room.sections_max() {
        return Err(Refused::Limit);
    }
    Ok(session)
}
