//! Changes that many participants are told of.

use beckon_sfu_api::ParticipantId;

use super::super::dialect::Shared;
use super::super::info::ParticipantInfo;
use super::super::notice::Notice;
use super::Room;
use super::participant::Participant;

impl Room {
    pub(super) fn tell(&mut self, who: &ParticipantId, notice: Notice) {
        if let Some(participant) = self.participants.get_mut(who) {
            participant.send(notice);
        }
    }

    pub(super) fn tell_all(&mut self, notice: Notice) {
        let mut notice = Shared::new(notice);
        for participant in self.participants.values_mut() {
            participant.send_shared(&mut notice);
        }
    }

    fn tell_all_but(&mut self, who: &ParticipantId, notice: Notice) {
        let mut notice = Shared::new(notice);
        for other in self.participants.values_mut().filter(|other| other.id != *who) {
            other.send_shared(&mut notice);
        }
    }

    /// Something about a participant changed: the others hear of it.
    pub(super) fn tell_others_of(&mut self, who: &ParticipantId) {
        if let Some(info) = self.changed(who) {
            self.tell_all_but(who, Notice::Update(vec![info]));
        }
    }

    /// Something about a participant changed that it wants to know itself.
    pub(super) fn tell_all_of(&mut self, who: &ParticipantId) {
        let hidden = self.participants.get(who).is_some_and(Participant::is_hidden);
        let Some(participant) = self.participants.get_mut(who) else { return };
        if hidden {
            participant.version += 1;
            let info = participant.info();
            return participant.send(Notice::Update(vec![info]));
        }
        if let Some(info) = self.changed(who) {
            self.tell_all(Notice::Update(vec![info]));
        }
    }

    pub(super) fn tell_others_farewell(&mut self, farewell: ParticipantInfo) {
        let who = farewell.id.clone();
        self.tell_all_but(&who, Notice::Update(vec![farewell]));
    }

    /// A new version of what the others know of somebody; `None` for one whom they do not see.
    fn changed(&mut self, who: &ParticipantId) -> Option<ParticipantInfo> {
        let participant = self.participants.get_mut(who).filter(|one| !one.is_hidden())?;
        participant.version += 1;
        Some(participant.info())
    }
}
