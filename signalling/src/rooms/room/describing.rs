//! Descriptions on their way from and to a client, and our candidates beside ours: some clients look for them there alone.

use beckon_sfu_api::{Command, Description, Held, MidTrack, ParticipantId};

use super::super::denial::{Denial, Outcome};
use super::super::notice::{Candidate, Notice, Target};
use super::super::request::{Reference, SessionDescription};
use super::Room;

impl Room {
    /// The client offers; its next description waits until the `turn` of this one is over.
    pub(super) fn offer(&mut self, who: &ParticipantId, offer: SessionDescription, turn: Held) {
        if !self.is_of_type("offer", who, &offer) {
            return;
        }
        let offer = Description { id: offer.id, sdp: offer.sdp.into() };
        self.describe(who, Command::Offer { participant: who.clone(), offer }, turn);
    }

    /// The client answers an offer of ours.
    pub(super) fn answer(&mut self, who: &ParticipantId, answer: SessionDescription, turn: Held) {
        if !self.is_of_type("answer", who, &answer) {
            return;
        }
        let answer = Description { id: answer.id, sdp: answer.sdp.into() };
        self.describe(who, Command::Answer { participant: who.clone(), answer }, turn);
    }

    /// Provisional answers and rollbacks change nothing here (RFC 9429, 4.1.10). Some clients name no type.
    fn is_of_type(&mut self, kind: &str, who: &ParticipantId, it: &SessionDescription) -> bool {
        let fits = it.kind.is_empty() || it.kind == kind;
        if !fits {
            tracing::info!(room.id = %self.id, participant.id = %who, kind, "a description of another type");
            let what = "the description is of another type than its message";
            self.deny(who, Denial(Outcome::InvalidRequest, what), Reference::default());
        }
        fits
    }

    fn describe(&mut self, who: &ParticipantId, description: Command, turn: Held) {
        if self.media.describe(description, turn).is_err() {
            tracing::info!(room.id = %self.id, participant.id = %who, "no room for a description");
            let what = "the media server has no room for a description now";
            self.deny(who, Denial(Outcome::LimitExceeded, what), Reference::default());
        }
    }

    /// The answer to an offer of the client.
    pub(super) fn tell_answer(
        &mut self,
        who: &ParticipantId,
        answer: Description,
        mids: Vec<MidTrack>,
    ) {
        let candidates = self.candidates(who, Target::Publisher, &answer.sdp);
        self.tell(who, Notice::Answer(answer, mids));
        candidates.into_iter().for_each(|candidate| self.tell(who, candidate));
    }

    /// An offer of ours.
    pub(super) fn tell_offer(
        &mut self,
        who: &ParticipantId,
        offer: Description,
        mids: Vec<MidTrack>,
    ) {
        let candidates = self.candidates(who, Target::Subscriber, &offer.sdp);
        self.tell(who, Notice::Offer(offer, mids));
        candidates.into_iter().for_each(|candidate| self.tell(who, candidate));
    }

    /// Those of a connection, once for each socket of the client: they do not change.
    fn candidates(&mut self, who: &ParticipantId, target: Target, sdp: &str) -> Vec<Notice> {
        let Some(participant) = self.participants.get_mut(who) else { return vec![] };
        if participant.trickled.contains(&target) {
            return vec![];
        }
        participant.trickled.push(target);
        let mid = sdp.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap_or("0");
        let lines = sdp.lines().filter_map(|line| line.strip_prefix("a="));
        let candidates = lines.filter(|line| line.starts_with("candidate:"));
        let mut candidates: Vec<_> = candidates
            .map(|candidate| Candidate {
                target,
                candidate: candidate.to_owned(),
                mid: mid.to_owned(),
                is_last: false,
            })
            .collect();
        if let Some(last) = candidates.last_mut() {
            last.is_last = true;
        }
        candidates.into_iter().map(Notice::Trickle).collect()
    }
}
