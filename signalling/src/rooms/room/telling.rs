//! Changes that many participants are told of.

use beckon_sfu_api::ParticipantId;
use livekit_protocol::ParticipantInfo;
use livekit_protocol::signal_response::Message;

use super::Room;
use super::frames::{frame, update};
use super::participant::Participant;

impl Room {
    pub(super) fn tell(&mut self, who: &ParticipantId, message: Message) {
        if let Some(participant) = self.participants.get_mut(who) {
            participant.send(message);
        }
    }

    pub(super) fn tell_all(&mut self, message: Message) {
        let frame = frame(message);
        for participant in self.participants.values_mut() {
            participant.send_frame(frame.clone());
        }
    }

    fn tell_all_but(&mut self, who: &ParticipantId, message: Message) {
        let frame = frame(message);
        for other in self.participants.values_mut().filter(|other| other.id != *who) {
            other.send_frame(frame.clone());
        }
    }

    /// Something about a participant changed: the others hear of it.
    pub(super) fn tell_others_of(&mut self, who: &ParticipantId) {
        if let Some(info) = self.changed(who) {
            self.tell_all_but(who, update(vec![info]));
        }
    }

    /// Something about a participant changed that it wants to know itself.
    pub(super) fn tell_all_of(&mut self, who: &ParticipantId) {
        let hidden = self.participants.get(who).is_some_and(Participant::is_hidden);
        let Some(participant) = self.participants.get_mut(who) else { return };
        if hidden {
            participant.version += 1;
            let info = participant.info();
            return participant.send(update(vec![info]));
        }
        if let Some(info) = self.changed(who) {
            self.tell_all(update(vec![info]));
        }
    }

    pub(super) fn tell_others_farewell(&mut self, farewell: ParticipantInfo) {
        let who = ParticipantId::from(farewell.sid.as_str());
        self.tell_all_but(&who, update(vec![farewell]));
    }

    /// A new version of what the others know of somebody; `None` for one whom they do not see.
    fn changed(&mut self, who: &ParticipantId) -> Option<ParticipantInfo> {
        let participant = self.participants.get_mut(who).filter(|one| !one.is_hidden())?;
        participant.version += 1;
        Some(participant.info())
    }
}
