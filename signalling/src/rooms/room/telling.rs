//! What clients are told: single frames, and those that many hear.

use beckon_sfu_api::{Fault, ParticipantId};
use bytes::Bytes;
use livekit_protocol::leave_request::Action;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DisconnectReason, LeaveRequest, ParticipantInfo, ParticipantUpdate, RequestResponse,
    SignalResponse,
};
use prost::Message as _;

use super::Room;
use super::participant::Participant;

/// A longer request is not repeated in the answer to it.
const ECHO_BYTES_MAX: usize = 4 * 1024;

/// Encodes a message for any number of sockets.
pub(in crate::rooms) fn frame(message: Message) -> Bytes {
    SignalResponse { message: Some(message) }.encode_to_vec().into()
}

/// The last message to a client, and what it shall do.
pub(in crate::rooms) fn leave(reason: DisconnectReason, action: Action) -> Message {
    Message::Leave(LeaveRequest {
        can_reconnect: action != Action::Disconnect,
        reason: reason as i32,
        action: action as i32,
        regions: None,
    })
}

pub(super) fn update(participants: Vec<ParticipantInfo>) -> Message {
    Message::Update(ParticipantUpdate { participants })
}

/// Why a request is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct No(pub Reason, pub &'static str);

impl No {
    /// The answer to a request, known by its id or by what it was.
    pub(super) fn answer(self, request_id: u32, request: Option<Request>) -> Message {
        self.answer_at(None, request_id, request)
    }

    /// The same, with the place of what is wrong.
    pub(super) fn answer_at(
        self,
        place: Option<Fault>,
        request_id: u32,
        request: Option<Request>,
    ) -> Message {
        let No(reason, message) = self;
        metrics::counter!("beckon_rtc_refusals_total", "reason" => reason.as_str_name())
            .increment(1);
        let message = match place {
            Some(fault) => format!("{message}: {fault}"),
            None => message.to_owned(),
        };
        let request = request.filter(|request| echo_len(request) <= ECHO_BYTES_MAX);
        Message::RequestResponse(RequestResponse {
            request_id,
            reason: reason as i32,
            message,
            request,
        })
    }
}

/// What a request would take in an answer to it.
fn echo_len(request: &Request) -> usize {
    let request = Some(request.clone());
    RequestResponse { request, ..RequestResponse::default() }.encoded_len()
}

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
