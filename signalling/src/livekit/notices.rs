//! What rooms say, as LiveKit's clients read it.

use beckon_sfu_api::{
    ConnectionMode, Description, MidTrack, NetworkQuality, ParticipantId, Speaker, TrackId,
};
use bytes::Bytes;
use livekit_protocol::request_response::Reason;
use livekit_protocol::server_info::Edition;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{self as lk, SignalTarget, StreamState};
use prost::Message as _;
use serde_json::json;

use super::infos::{departure, enabled_codecs, participant_info, room_info, track_info};
use crate::domain::frame::IceServer;
use crate::rooms::{
    Candidate, DisconnectReason, LeaveAction, Notice, Outcome, ParticipantInfo, Pong, Reference,
    SubscriptionError, Target, Welcome,
};

/// The level of LiveKit's server that clients take us for; they leave out what it lacks.
const SERVER_VERSION: &str = "1.9.0";
const PROTOCOL: i32 = 16;
/// Clients ask for a sign of life this often, and give up after this long without any, in seconds.
const PING_INTERVAL_S: i32 = 5;
const PING_TIMEOUT_S: i32 = 15;

/// A `SignalResponse`.
pub(super) fn encode(notice: Notice) -> Bytes {
    lk::SignalResponse { message: Some(message(notice)) }.encode_to_vec().into()
}

fn message(notice: Notice) -> Message {
    match notice {
        Notice::Join(welcome) => Message::Join(join(*welcome)),
        Notice::Reconnect { ice_servers } => Message::Reconnect(reconnect(ice_servers)),
        Notice::Answer(answer, mids) => Message::Answer(description("answer", answer, mids)),
        Notice::Offer(offer, mids) => Message::Offer(description("offer", offer, mids)),
        Notice::Trickle(candidate) => Message::Trickle(trickle(candidate)),
        Notice::Update(participants) => Message::Update(update(participants)),
        Notice::TrackPublished(info) => Message::TrackPublished(lk::TrackPublishedResponse {
            cid: info.cid.clone(),
            track: Some(track_info(*info)),
        }),
        Notice::TrackUnpublished(track_sid) => {
            Message::TrackUnpublished(lk::TrackUnpublishedResponse { track_sid })
        }
        Notice::TrackSubscribed(track) => {
            Message::TrackSubscribed(lk::TrackSubscribed { track_sid: track.to_string() })
        }
        Notice::Muted(track) => {
            Message::Mute(lk::MuteTrackRequest { sid: track.to_string(), muted: true })
        }
        Notice::Leave(reason, action) => Message::Leave(leave(reason, action)),
        Notice::Speakers(speakers) => Message::SpeakersChanged(speakers_changed(&speakers)),
        Notice::Room(room) => Message::RoomUpdate(lk::RoomUpdate { room: Some(room_info(room)) }),
        Notice::Quality(qualities) => Message::ConnectionQuality(connection_quality(&qualities)),
        Notice::Paused { publisher, track, paused } => {
            Message::StreamStateUpdate(stream_state(&publisher, &track, paused))
        }
        Notice::Permitted { publisher, track, permitted } => {
            Message::SubscriptionPermissionUpdate(lk::SubscriptionPermissionUpdate {
                participant_sid: publisher.to_string(),
                track_sid: track.to_string(),
                allowed: permitted,
            })
        }
        Notice::SubscriptionFailed(track, why) => {
            Message::SubscriptionResponse(no_subscription(&track, why))
        }
        Notice::RefreshToken(token) => Message::RefreshToken(token),
        Notice::Pong(Pong::Echo(timestamp)) => Message::Pong(timestamp),
        Notice::Pong(Pong::Clock { theirs, ours }) => {
            Message::PongResp(lk::Pong { last_ping_timestamp: theirs, timestamp: ours })
        }
        Notice::Answered { outcome, message, reference } => {
            Message::RequestResponse(answered(outcome, message, reference))
        }
        Notice::SectionsWanted { audios: num_audios, videos: num_videos } => {
            Message::MediaSectionsRequirement(lk::MediaSectionsRequirement {
                num_audios,
                num_videos,
            })
        }
    }
}

fn join(welcome: Welcome) -> lk::JoinResponse {
    lk::JoinResponse {
        room: Some(room_info(welcome.room)),
        participant: Some(participant_info(welcome.participant)),
        other_participants: welcome.others.into_iter().map(participant_info).collect(),
        server_version: SERVER_VERSION.to_owned(),
        server_info: Some(server_info()),
        ice_servers: welcome.ice_servers.into_iter().map(ice_server).collect(),
        subscriber_primary: welcome.connection == ConnectionMode::Dual,
        ping_interval: PING_INTERVAL_S,
        ping_timeout: PING_TIMEOUT_S,
        enabled_publish_codecs: enabled_codecs(),
        ..lk::JoinResponse::default()
    }
}

fn reconnect(ice_servers: Vec<IceServer>) -> lk::ReconnectResponse {
    lk::ReconnectResponse {
        ice_servers: ice_servers.into_iter().map(ice_server).collect(),
        server_info: Some(server_info()),
        ..lk::ReconnectResponse::default()
    }
}

fn server_info() -> lk::ServerInfo {
    lk::ServerInfo {
        edition: Edition::Standard as i32,
        version: SERVER_VERSION.to_owned(),
        protocol: PROTOCOL,
        ..lk::ServerInfo::default()
    }
}

fn ice_server(server: IceServer) -> lk::IceServer {
    lk::IceServer {
        urls: server.urls,
        username: server.username.unwrap_or_default(),
        credential: server.credential.unwrap_or_default(),
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

fn trickle(Candidate { target, candidate, mid, is_last }: Candidate) -> lk::TrickleRequest {
    let init = json!({"candidate": candidate, "sdpMid": mid, "sdpMLineIndex": 0});
    let target = match target {
        Target::Publisher => SignalTarget::Publisher,
        Target::Subscriber => SignalTarget::Subscriber,
    };
    lk::TrickleRequest { candidate_init: init.to_string(), target: target as i32, r#final: is_last }
}

fn update(participants: Vec<ParticipantInfo>) -> lk::ParticipantUpdate {
    lk::ParticipantUpdate { participants: participants.into_iter().map(participant_info).collect() }
}

fn leave(reason: DisconnectReason, action: LeaveAction) -> lk::LeaveRequest {
    let (can_reconnect, action) = match action {
        LeaveAction::Disconnect => (false, lk::leave_request::Action::Disconnect),
        LeaveAction::Reconnect => (true, lk::leave_request::Action::Reconnect),
    };
    let (reason, action) = (departure(reason) as i32, action as i32);
    lk::LeaveRequest { can_reconnect, reason, action, regions: None }
}

fn stream_state(publisher: &ParticipantId, track: &TrackId, paused: bool) -> lk::StreamStateUpdate {
    let state = if paused { StreamState::Paused } else { StreamState::Active };
    let stream = lk::StreamStateInfo {
        participant_sid: publisher.to_string(),
        track_sid: track.to_string(),
        state: state as i32,
    };
    lk::StreamStateUpdate { stream_states: vec![stream] }
}

fn speakers_changed(speakers: &[Speaker]) -> lk::SpeakersChanged {
    let speaker = |it: &Speaker| lk::SpeakerInfo {
        sid: it.participant.to_string(),
        level: it.level,
        active: it.active,
    };
    lk::SpeakersChanged { speakers: speakers.iter().map(speaker).collect() }
}

fn connection_quality(
    qualities: &[(ParticipantId, NetworkQuality)],
) -> lk::ConnectionQualityUpdate {
    let updates = qualities.iter().map(|(who, quality)| quality_info(who, *quality));
    lk::ConnectionQualityUpdate { updates: updates.collect() }
}

/// The scores are mean opinion scores, in the middle of what LiveKit calls by these names.
fn quality_info(who: &ParticipantId, quality: NetworkQuality) -> lk::ConnectionQualityInfo {
    let (quality, score) = match quality {
        NetworkQuality::Lost => (lk::ConnectionQuality::Lost, 1.0),
        NetworkQuality::Poor => (lk::ConnectionQuality::Poor, 2.0),
        NetworkQuality::Good => (lk::ConnectionQuality::Good, 3.5),
        NetworkQuality::Excellent => (lk::ConnectionQuality::Excellent, 4.5),
    };
    lk::ConnectionQualityInfo { participant_sid: who.to_string(), quality: quality as i32, score }
}

fn no_subscription(track: &TrackId, why: SubscriptionError) -> lk::SubscriptionResponse {
    let err = match why {
        SubscriptionError::Limit | SubscriptionError::Other => lk::SubscriptionError::SeUnknown,
        SubscriptionError::Codec => lk::SubscriptionError::SeCodecUnsupported,
        SubscriptionError::NotFound => lk::SubscriptionError::SeTrackNotfound,
    };
    lk::SubscriptionResponse { track_sid: track.to_string(), err: err as i32 }
}

/// The reference is the answer as `requests.rs` has begun it. What is done is not repeated.
fn answered(outcome: Outcome, message: String, reference: Reference) -> lk::RequestResponse {
    let reason = match outcome {
        Outcome::Ok => Reason::Ok,
        Outcome::NotFound => Reason::NotFound,
        Outcome::NotAllowed => Reason::NotAllowed,
        Outcome::LimitExceeded => Reason::LimitExceeded,
        Outcome::Queued => Reason::Queued,
        Outcome::UnsupportedType => Reason::UnsupportedType,
        Outcome::InvalidRequest => Reason::InvalidRequest,
    };
    let begun = lk::RequestResponse::decode(reference.0).unwrap_or_default();
    let request = begun.request.filter(|_| outcome != Outcome::Ok);
    lk::RequestResponse { reason: reason as i32, message, request, ..begun }
}
