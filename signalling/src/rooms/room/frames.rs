//! Single frames to clients.

use beckon_sfu_api::{Fault, TrackId};
use bytes::Bytes;
use livekit_protocol::leave_request::Action;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DisconnectReason, LeaveRequest, ParticipantInfo, ParticipantUpdate, RequestResponse,
    SignalResponse, SubscriptionError, SubscriptionResponse,
};
use prost::Message as _;

/// Tracks that somebody is told at once that it cannot have: its socket's queue has room for several times as many.
pub(super) const REFUSED_MAX: usize = 64;
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

pub(super) fn no_subscription(track: &TrackId, error: SubscriptionError) -> Message {
    let (track_sid, err) = (track.to_string(), error as i32);
    Message::SubscriptionResponse(SubscriptionResponse { track_sid, err })
}
