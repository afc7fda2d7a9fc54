//! Whatever a client says of itself and its tracks reaches the others unchanged, through the room's own words.

use beckon_sfu_api::{Codec, Event};
use livekit_protocol::participant_info::{Kind, KindDetail, State};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::video_layer::Mode;
use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, BackupCodecPolicy, LeaveRequest, ParticipantInfo,
    ParticipantPermission, SimulcastCodec, SimulcastCodecInfo, TrackInfo, TrackSource, TrackType,
    VideoLayer, VideoQuality, encryption,
};

use super::stage::{Stage, claims, entrance, microphone};
use crate::rooms::token::{Claims, Grants};
use crate::rooms::{ClientAbilities, Entrance};

/// A number of a later version of the protocol.
const LATER: i32 = 99;

fn layers() -> Vec<VideoLayer> {
    let layer = |quality: VideoQuality, width| VideoLayer {
        quality: quality as i32,
        width,
        height: width / 2,
        bitrate: width * 1000,
        ..VideoLayer::default()
    };
    vec![layer(VideoQuality::Low, 320), layer(VideoQuality::High, 1280)]
}

#[allow(deprecated, reason = "older clients say and read the fields that newer ones left behind")]
fn screen() -> AddTrackRequest {
    let mode = Mode::OneSpatialLayerPerStream as i32;
    let codec = SimulcastCodec {
        codec: "vp9".into(),
        cid: "c".into(),
        layers: layers(),
        video_layer_mode: mode,
    };
    AddTrackRequest {
        cid: "c".into(),
        name: "slides".into(),
        stream: "talk".into(),
        r#type: TrackType::Video as i32,
        source: TrackSource::ScreenShare as i32,
        muted: true,
        width: 1280,
        height: 640,
        disable_dtx: true,
        stereo: true,
        disable_red: true,
        encryption: encryption::Type::Gcm as i32,
        backup_codec_policy: BackupCodecPolicy::Regression as i32,
        audio_features: vec![AudioTrackFeature::TfNoDtx as i32, LATER],
        simulcast_codecs: vec![codec],
        ..AddTrackRequest::default()
    }
}

#[allow(deprecated, reason = "older clients say and read the fields that newer ones left behind")]
fn screen_as_told(sid: &str, mime_type: &str, mid: &str) -> TrackInfo {
    let codec = SimulcastCodecInfo {
        mime_type: mime_type.into(),
        mid: mid.into(),
        cid: "c".into(),
        layers: layers(),
        video_layer_mode: Mode::OneSpatialLayerPerStream as i32,
        ..SimulcastCodecInfo::default()
    };
    TrackInfo {
        sid: sid.into(),
        r#type: TrackType::Video as i32,
        name: "slides".into(),
        muted: true,
        width: 1280,
        height: 640,
        simulcast: true,
        disable_dtx: true,
        source: TrackSource::ScreenShare as i32,
        layers: layers(),
        mime_type: mime_type.into(),
        mid: mid.into(),
        codecs: vec![codec],
        stereo: true,
        disable_red: true,
        encryption: encryption::Type::Gcm as i32,
        stream: "talk".into(),
        audio_features: vec![AudioTrackFeature::TfNoDtx as i32, LATER],
        backup_codec_policy: BackupCodecPolicy::Regression as i32,
        ..TrackInfo::default()
    }
}

#[tokio::test]
async fn a_track_is_told_as_it_was_announced() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    stage.asks(&alice, Request::AddTrack(screen())).await;
    let words = alice.hears();
    let [livekit_protocol::signal_response::Message::TrackPublished(published)] = &words[..] else {
        panic!("{words:?}")
    };
    let sid = published.track.as_ref().unwrap().sid.clone();
    assert_eq!(published.cid, "c");
    assert_eq!(published.track, Some(screen_as_told(&sid, "video/VP9", "")));
    let (participant, track) = (alice.id.clone(), sid.as_str().into());
    let (codec, mid) = (Codec::Vp8, "5".to_owned());
    stage.event(Event::Published { participant, track, codec, mid, answered: true });
    assert_eq!(bob.hears_update()[0].tracks, [screen_as_told(&sid, "video/VP8", "5")]);
}

#[tokio::test]
#[allow(deprecated, reason = "older clients read what somebody is among what it may do")]
async fn a_participant_is_told_as_its_token_and_its_client_say_to_the_end() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let video = Grants {
        can_publish_sources: Some(vec!["microphone".into(), "screen_share_audio".into()]),
        can_publish_data: Some(false),
        can_update_own_metadata: Some(true),
        can_subscribe_metrics: Some(true),
        agent: Some(true),
        ..claims("eve").video
    };
    let attributes: std::collections::HashMap<_, _> =
        [("mood".to_owned(), "glad".to_owned())].into();
    let eve = Claims {
        name: "Eve".into(),
        metadata: "here".into(),
        attributes: attributes.clone(),
        kind_details: vec!["forwarded".into()],
        video,
        ..claims("eve")
    };
    let client = ClientAbilities { protocol: 3, capabilities: vec![2, LATER] };
    let mut eve = stage.join_with(eve, Entrance { client, ..entrance() });
    let told = alice.hears_update().remove(0);
    let permission = ParticipantPermission {
        can_subscribe: true,
        can_publish: true,
        can_publish_sources: vec![
            TrackSource::Microphone as i32,
            TrackSource::ScreenShareAudio as i32,
        ],
        can_update_metadata: true,
        can_subscribe_metrics: true,
        agent: true,
        ..ParticipantPermission::default()
    };
    let expected = ParticipantInfo {
        sid: eve.id.to_string(),
        identity: "eve".into(),
        name: "Eve".into(),
        metadata: "here".into(),
        attributes,
        state: State::Joined as i32,
        joined_at: told.joined_at_ms / 1000,
        joined_at_ms: told.joined_at_ms,
        version: told.version,
        permission: Some(permission),
        kind: Kind::Agent as i32,
        kind_details: vec![KindDetail::Forwarded as i32],
        client_protocol: 3,
        capabilities: vec![2, LATER],
        ..ParticipantInfo::default()
    };
    assert!(told.joined_at_ms > 0 && told.version > 0);
    assert_eq!(told, expected);

    stage.publishes(&mut eve, microphone("m")).await;
    let version = alice.hears_update().remove(0).version;
    stage.asks(&eve, Request::Leave(LeaveRequest::default())).await;
    let farewell = ParticipantInfo {
        state: State::Disconnected as i32,
        is_publisher: true,
        version: version + 1,
        disconnect_reason: livekit_protocol::DisconnectReason::ClientInitiated as i32,
        ..expected
    };
    assert_eq!(alice.hears_update_of("eve"), [farewell]);
}

#[tokio::test]
async fn every_kind_of_participant_that_the_protocol_has_may_be_in_a_token() {
    let mut stage = Stage::new(100);
    let numbers = || 0..=i32::from(u8::MAX);
    let kinds: Vec<_> = numbers().filter_map(|number| Kind::try_from(number).ok()).collect();
    let details: Vec<_> =
        numbers().filter_map(|number| KindDetail::try_from(number).ok()).collect();
    assert!(kinds.len() > 6 && details.len() > 5);
    let names = || details.iter().map(|detail| detail.as_str_name().to_ascii_lowercase());
    for kind in kinds {
        let name = kind.as_str_name().to_ascii_lowercase();
        let kind_details = names().collect();
        let claims = Claims { kind: name.clone(), kind_details, ..claims(&name) };
        let info = stage.join_with(claims, entrance()).welcome.unwrap().participant.unwrap();
        assert_eq!(info.kind(), kind);
        assert_eq!(info.kind_details().collect::<Vec<_>>(), details);
    }
}
