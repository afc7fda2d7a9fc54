//! What rooms know of themselves, their participants and tracks, in LiveKit's words.

use beckon_sfu_api::{Codec, Kind, Source};
use livekit_protocol::participant_info as of;
use livekit_protocol::{self as lk, TrackSource, TrackType};

use crate::rooms::{
    DisconnectReason, KindDetail, Layer, PUBLISH_CODECS, ParticipantInfo, ParticipantKind,
    ParticipantPermission, ParticipantState, RoomInfo, TrackInfo,
};

pub(super) fn room_info(room: RoomInfo) -> lk::Room {
    lk::Room {
        sid: room.id.to_string(),
        name: room.name,
        empty_timeout: room.empty_for.as_secs() as u32,
        departure_timeout: room.grace.as_secs() as u32,
        metadata: room.metadata,
        max_participants: room.participants_max as u32,
        creation_time: room.created_ms / 1000,
        creation_time_ms: room.created_ms,
        enabled_codecs: enabled_codecs(),
        num_participants: room.participants,
        num_publishers: room.publishers,
        ..lk::Room::default()
    }
}

pub(super) fn enabled_codecs() -> Vec<lk::Codec> {
    let codec = |codec: Codec| lk::Codec { mime: codec.mime().to_owned(), ..lk::Codec::default() };
    PUBLISH_CODECS.into_iter().map(codec).collect()
}

pub(super) fn participant_info(one: ParticipantInfo) -> lk::ParticipantInfo {
    lk::ParticipantInfo {
        sid: one.id.to_string(),
        identity: one.identity,
        name: one.name,
        metadata: one.metadata,
        attributes: one.attributes,
        state: state(one.state) as i32,
        tracks: one.tracks.into_iter().map(track_info).collect(),
        joined_at: one.joined_ms / 1000,
        joined_at_ms: one.joined_ms,
        version: one.version,
        permission: Some(permission(one.permission)),
        is_publisher: one.is_publisher,
        kind: kind(one.kind) as i32,
        kind_details: one.kind_details.into_iter().map(|it| kind_detail(it) as i32).collect(),
        client_protocol: one.client.protocol,
        capabilities: one.client.capabilities,
        disconnect_reason: one.disconnect_reason.map_or(0, |reason| departure(reason) as i32),
        ..lk::ParticipantInfo::default()
    }
}

#[allow(deprecated, reason = "older clients read them here, not in the kind")]
fn permission(may: ParticipantPermission) -> lk::ParticipantPermission {
    lk::ParticipantPermission {
        can_subscribe: may.subscribe,
        can_publish: may.publish,
        can_publish_data: may.publish_data,
        can_publish_sources: may.publish_sources.into_iter().map(|it| source(it) as i32).collect(),
        hidden: may.hidden,
        can_update_metadata: may.update_metadata,
        recorder: may.recorder,
        agent: may.agent,
        can_subscribe_metrics: may.subscribe_metrics,
        ..lk::ParticipantPermission::default()
    }
}

#[allow(deprecated, reason = "older clients read the fields that newer ones left behind")]
pub(super) fn track_info(track: TrackInfo) -> lk::TrackInfo {
    let layers: Vec<_> = track.layers.iter().map(video_layer).collect();
    let mime_type = track.codec.map_or_else(String::new, |codec| codec.mime().to_owned());
    let kind = match track.kind {
        Kind::Audio => TrackType::Audio,
        Kind::Video => TrackType::Video,
    };
    lk::TrackInfo {
        sid: track.id.to_string(),
        r#type: kind as i32,
        name: track.name,
        muted: track.muted,
        width: track.width,
        height: track.height,
        simulcast: layers.len() > 1,
        disable_dtx: track.disable_dtx,
        source: source(track.source) as i32,
        layers: layers.clone(),
        mime_type: mime_type.clone(),
        mid: track.mid.clone(),
        codecs: vec![lk::SimulcastCodecInfo {
            mime_type,
            mid: track.mid,
            cid: track.cid,
            layers,
            video_layer_mode: track.passed_on.video_layer_mode,
            ..lk::SimulcastCodecInfo::default()
        }],
        stereo: track.stereo,
        disable_red: track.disable_red,
        encryption: track.passed_on.encryption,
        stream: track.stream,
        audio_features: track.passed_on.audio_features,
        backup_codec_policy: track.passed_on.backup_codec_policy,
        ..lk::TrackInfo::default()
    }
}

fn video_layer(&Layer { quality, width, height, bitrate }: &Layer) -> lk::VideoLayer {
    lk::VideoLayer { quality, width, height, bitrate, ..lk::VideoLayer::default() }
}

fn source(source: Source) -> TrackSource {
    match source {
        Source::Unknown => TrackSource::Unknown,
        Source::Camera => TrackSource::Camera,
        Source::Microphone => TrackSource::Microphone,
        Source::ScreenShare => TrackSource::ScreenShare,
        Source::ScreenShareAudio => TrackSource::ScreenShareAudio,
    }
}

fn state(state: ParticipantState) -> of::State {
    match state {
        ParticipantState::Joined => of::State::Joined,
        ParticipantState::Active => of::State::Active,
        ParticipantState::Disconnected => of::State::Disconnected,
    }
}

fn kind(kind: ParticipantKind) -> of::Kind {
    match kind {
        ParticipantKind::Standard => of::Kind::Standard,
        ParticipantKind::Ingress => of::Kind::Ingress,
        ParticipantKind::Egress => of::Kind::Egress,
        ParticipantKind::Sip => of::Kind::Sip,
        ParticipantKind::Agent => of::Kind::Agent,
        ParticipantKind::Connector => of::Kind::Connector,
        ParticipantKind::Bridge => of::Kind::Bridge,
    }
}

fn kind_detail(detail: KindDetail) -> of::KindDetail {
    match detail {
        KindDetail::CloudAgent => of::KindDetail::CloudAgent,
        KindDetail::Forwarded => of::KindDetail::Forwarded,
        KindDetail::ConnectorWhatsapp => of::KindDetail::ConnectorWhatsapp,
        KindDetail::ConnectorTwilio => of::KindDetail::ConnectorTwilio,
        KindDetail::BridgeRtsp => of::KindDetail::BridgeRtsp,
        KindDetail::Simulation => of::KindDetail::Simulation,
    }
}

pub(super) fn departure(reason: DisconnectReason) -> lk::DisconnectReason {
    match reason {
        DisconnectReason::ClientInitiated => lk::DisconnectReason::ClientInitiated,
        DisconnectReason::DuplicateIdentity => lk::DisconnectReason::DuplicateIdentity,
        DisconnectReason::ServerShutdown => lk::DisconnectReason::ServerShutdown,
        DisconnectReason::ParticipantRemoved => lk::DisconnectReason::ParticipantRemoved,
        DisconnectReason::RoomDeleted => lk::DisconnectReason::RoomDeleted,
        DisconnectReason::StateMismatch => lk::DisconnectReason::StateMismatch,
        DisconnectReason::JoinFailure => lk::DisconnectReason::JoinFailure,
        DisconnectReason::SignalClose => lk::DisconnectReason::SignalClose,
        DisconnectReason::ConnectionTimeout => lk::DisconnectReason::ConnectionTimeout,
        DisconnectReason::MediaFailure => lk::DisconnectReason::MediaFailure,
    }
}
