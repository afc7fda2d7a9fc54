//! Descriptions on their way from and to a client, and our candidates beside ours: some clients look for them there alone.

use beckon_sfu_api::{Command, Description, Held, MidTrack, ParticipantId};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{self as lk, SignalTarget, TrickleRequest};
use serde_json::json;

use super::super::denial::{Denial, Outcome};
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
        let candidates = self.candidates(who, SignalTarget::Publisher, &answer.sdp);
        self.tell(who, Message::Answer(description("answer", answer, mids)));
        candidates.into_iter().for_each(|candidate| self.tell(who, candidate));
    }

    /// An offer of ours.
    pub(super) fn tell_offer(
        &mut self,
        who: &ParticipantId,
        offer: Description,
        mids: Vec<MidTrack>,
    ) {
        let candidates = self.candidates(who, SignalTarget::Subscriber, &offer.sdp);
        self.tell(who, Message::Offer(description("offer", offer, mids)));
        candidates.into_iter().for_each(|candidate| self.tell(who, candidate));
    }

    /// Those of a connection, once for each socket of the client: they do not change.
    fn candidates(&mut self, who: &ParticipantId, target: SignalTarget, sdp: &str) -> Vec<Message> {
        let Some(participant) = self.participants.get_mut(who) else { return vec![] };
        if participant.trickled.contains(&target) {
            return vec![];
        }
        participant.trickled.push(target);
        let mid = sdp.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap_or("0");
        let lines = sdp.lines().filter_map(|line| line.strip_prefix("a="));
        let candidates = lines.filter(|line| line.starts_with("candidate:"));
        let init = |candidate| json!({"candidate": candidate, "sdpMid": mid, "sdpMLineIndex": 0});
        let mut trickled: Vec<_> = candidates
            .map(|candidate| TrickleRequest {
                candidate_init: init(candidate).to_string(),
                target: target as i32,
                r#final: false,
            })
            .collect();
        if let Some(last) = trickled.last_mut() {
            last.r#final = true;
        }
        trickled.into_iter().map(Message::Trickle).collect()
    }
}

fn description(
    kind: &str,
    description: Description,
    mids: Vec<MidTrack>,
) -> lk::SessionDescription {
    let mids = mids.into_iter().map(|it| (it.mid, it.track.to_string()));
    lk::SessionDescription {
        r#type: kind.to_owned(),
        sdp: description.sdp.to_string(),
        id: description.id,
        mid_to_track_id: mids.collect(),
    }
}
