//! Single frames to clients.

use beckon_sfu_api::{Fault, Source, TrackId};
use bytes::Bytes;
use livekit_protocol::leave_request::Action;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DisconnectReason, LeaveRequest, ParticipantInfo, ParticipantUpdate, RequestResponse,
    SignalResponse, SubscriptionError, SubscriptionResponse, TrackSource,
};
use prost::Message as _;

use super::super::denial::{Denial, Outcome};
use super::super::request::Reference;

/// Tracks that somebody is told at once that it cannot have: its socket's queue has room for several times as many.
pub(super) const REFUSED_MAX: usize = 64;

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

/// The answer to a request, known by its reference.
pub(super) fn answer(denial: Denial, reference: Reference) -> Message {
    answer_at(denial, None, reference)
}

/// The same, with the place of what is wrong.
pub(super) fn answer_at(denial: Denial, place: Option<Fault>, reference: Reference) -> Message {
    let Denial(outcome, message) = denial;
    metrics::counter!("beckon_rtc_refusals_total", "reason" => outcome.as_str()).increment(1);
    let message = match place {
        Some(fault) => format!("{message}: {fault}"),
        None => message.to_owned(),
    };
    let reason = match outcome {
        Outcome::Ok => Reason::Ok,
        Outcome::NotFound => Reason::NotFound,
        Outcome::NotAllowed => Reason::NotAllowed,
        Outcome::LimitExceeded => Reason::LimitExceeded,
        Outcome::Queued => Reason::Queued,
        Outcome::UnsupportedType => Reason::UnsupportedType,
        Outcome::InvalidRequest => Reason::InvalidRequest,
    };
    // the door has begun the answer itself
    let begun = RequestResponse::decode(reference.0).unwrap_or_default();
    let request = begun.request.filter(|_| outcome != Outcome::Ok);
    let reason = reason as i32;
    Message::RequestResponse(RequestResponse { reason, message, request, ..begun })
}

pub(super) fn no_subscription(track: &TrackId, error: SubscriptionError) -> Message {
    let (track_sid, err) = (track.to_string(), error as i32);
    Message::SubscriptionResponse(SubscriptionResponse { track_sid, err })
}

pub(super) fn source_number(source: Source) -> i32 {
    let source = match source {
        Source::Unknown => TrackSource::Unknown,
        Source::Camera => TrackSource::Camera,
        Source::Microphone => TrackSource::Microphone,
        Source::ScreenShare => TrackSource::ScreenShare,
        Source::ScreenShareAudio => TrackSource::ScreenShareAudio,
    };
    source as i32
}
