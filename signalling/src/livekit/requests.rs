//! What LiveKit's clients ask, in the words of rooms. What has none there is denied here.

use beckon_sfu_api::{Kind, Preference, Quality, Source};
use livekit_protocol::request_response::Request as Echo;
use livekit_protocol::signal_request::Message;
use livekit_protocol::simulate_scenario::Scenario as Asked;
use livekit_protocol::{
    self as lk, AudioTrackFeature, CandidateProtocol, RequestResponse, TrackSource, TrackType,
    VideoQuality,
};
use prost::Message as _;

use crate::rooms::{
    AddTrack, Audience, Denial, Layer, Outcome, PassedOn, Ping, Reference, Request, Scenario,
    SessionDescription, TrackPermission, UpdateMetadata,
};

/// A longer request is not repeated in the answer to it.
const ECHO_BYTES_MAX: usize = 4 * 1024;

pub(crate) fn request(message: Message) -> Request {
    match message {
        Message::Offer(offer) => Request::Offer(description(offer)),
        Message::Answer(answer) => Request::Answer(description(answer)),
        Message::Trickle(_) => Request::Trickle,
        Message::AddTrack(request) => Request::AddTrack(add_track(request)),
        Message::Mute(request) => Request::Mute {
            reference: echo(&request, Echo::Mute),
            track: request.sid,
            muted: request.muted,
        },
        Message::Subscription(request) => subscribe(request),
        Message::TrackSetting(settings) => {
            let preference = preference(&settings);
            Request::Prefer { tracks: settings.track_sids, preference }
        }
        Message::SubscriptionPermission(audience) => Request::Permit(self::audience(audience)),
        Message::SyncState(state) => Request::Sync { published: published(state) },
        Message::Leave(_) => Request::Leave,
        Message::Ping(timestamp) => Request::Ping(Ping::Echo(timestamp)),
        Message::PingReq(ping) => Request::Ping(Ping::Clock(ping.timestamp)),
        Message::Simulate(asked) => simulate(asked),
        Message::UpdateMetadata(request) => update_metadata(request),
        Message::UpdateAudioTrack(request) => Request::UpdateAudioTrack {
            reference: echo(&request, Echo::UpdateAudioTrack),
            track: request.track_sid,
            features: request.features,
        },
        Message::UpdateVideoTrack(request) => Request::UpdateVideoTrack {
            reference: echo(&request, Echo::UpdateVideoTrack),
            track: request.track_sid,
            width: request.width,
            height: request.height,
        },
        other => Request::Denied(
            Denial(Outcome::UnsupportedType, "this server does not support that"),
            reference_to_unsupported(&other),
        ),
    }
}

fn reference_to_unsupported(message: &Message) -> Reference {
    match message {
        Message::PublishDataTrackRequest(request) => echo(request, Echo::PublishDataTrack),
        Message::UnpublishDataTrackRequest(request) => echo(request, Echo::UnpublishDataTrack),
        Message::StoreDataBlobRequest(request) => reference(request.request_id, None),
        Message::GetDataBlobRequest(request) => reference(request.request_id, None),
        _ => Reference::default(),
    }
}

/// A reference by which a client recognises its request: the request itself, unless it is long.
fn echo<M: prost::Message + Clone>(request: &M, wrap: fn(M) -> Echo) -> Reference {
    reference(0, repeated(request, wrap))
}

fn repeated<M: prost::Message + Clone>(request: &M, wrap: fn(M) -> Echo) -> Option<Echo> {
    (request.encoded_len() <= ECHO_BYTES_MAX).then(|| wrap(request.clone()))
}

/// The beginning of the answer to a request.
fn reference(request_id: u32, request: Option<Echo>) -> Reference {
    let answer = RequestResponse { request_id, request, ..RequestResponse::default() };
    Reference(answer.encode_to_vec().into())
}

pub(super) fn description(it: lk::SessionDescription) -> SessionDescription {
    SessionDescription { kind: it.r#type, id: it.id, sdp: it.sdp }
}

/// The tracks that a client takes for published.
pub(super) fn published(state: lk::SyncState) -> Vec<String> {
    state.publish_tracks.into_iter().map(|it| it.track.unwrap_or_default().sid).collect()
}

#[allow(deprecated, reason = "older clients say beside the features what newer ones say there")]
pub(crate) fn add_track(request: lk::AddTrackRequest) -> AddTrack {
    let reference = echo(&request, Echo::AddTrack);
    let kind = match request.r#type() {
        TrackType::Audio => Some(Kind::Audio),
        TrackType::Video => Some(Kind::Video),
        TrackType::Data => None,
    };
    let says_stereo = request.audio_features.contains(&(AudioTrackFeature::TfStereo as i32));
    let source = source(request.source());
    // clients name the codec that they prefer first
    let preferred = request.simulcast_codecs.into_iter().next().unwrap_or_default();
    let layers = if preferred.layers.is_empty() { request.layers } else { preferred.layers };
    AddTrack {
        cid: request.cid,
        name: request.name,
        stream: request.stream,
        // with a `sid` it is another codec of a track that is there
        kind: kind.filter(|_| request.sid.is_empty()),
        source,
        muted: request.muted,
        width: request.width,
        height: request.height,
        layers: layers.iter().map(layer).collect(),
        codec: preferred.codec,
        stereo: request.stereo || says_stereo,
        disable_dtx: request.disable_dtx,
        disable_red: request.disable_red,
        passed_on: PassedOn {
            encryption: request.encryption,
            audio_features: request.audio_features,
            backup_codec_policy: request.backup_codec_policy,
            video_layer_mode: preferred.video_layer_mode,
        },
        reference,
    }
}

fn layer(layer: &lk::VideoLayer) -> Layer {
    let &lk::VideoLayer { quality, width, height, bitrate, .. } = layer;
    Layer { quality, width, height, bitrate }
}

fn source(source: TrackSource) -> Source {
    match source {
        TrackSource::Unknown => Source::Unknown,
        TrackSource::Camera => Source::Camera,
        TrackSource::Microphone => Source::Microphone,
        TrackSource::ScreenShare => Source::ScreenShare,
        TrackSource::ScreenShareAudio => Source::ScreenShareAudio,
    }
}

fn subscribe(request: lk::UpdateSubscription) -> Request {
    let of_participants = request.participant_tracks.into_iter().flat_map(|of| of.track_sids);
    let tracks = request.track_sids.into_iter().chain(of_participants).collect();
    Request::Subscribe { tracks, subscribe: request.subscribe }
}

/// A size decides alone: clients that send one leave the quality at its lowest value.
fn preference(settings: &lk::UpdateTrackSettings) -> Preference {
    let size = (settings.width, settings.height);
    let size = (size.0 > 0 && size.1 > 0).then_some(size);
    let quality = match settings.quality() {
        _ if size.is_some() => Quality::High,
        VideoQuality::Low => Quality::Low,
        VideoQuality::Medium => Quality::Medium,
        VideoQuality::High | VideoQuality::Off => Quality::High,
    };
    let enabled = !settings.disabled && settings.quality() != VideoQuality::Off;
    Preference { enabled, quality, size }
}

fn audience(audience: lk::SubscriptionPermission) -> Audience {
    let permission = |one: lk::TrackPermission| TrackPermission {
        identity: one.participant_identity,
        participant: one.participant_sid,
        all_tracks: one.all_tracks,
        tracks: one.track_sids,
    };
    Audience {
        everybody: audience.all_participants,
        permissions: audience.track_permissions.into_iter().map(permission).collect(),
    }
}

fn simulate(asked: lk::SimulateScenario) -> Request {
    Request::Simulate(match asked.scenario {
        Some(Asked::ServerLeave(_)) => Scenario::ServerLeave,
        Some(Asked::LeaveRequestFullReconnect(_)) => Scenario::FullReconnect,
        Some(Asked::NodeFailure(_)) => Scenario::NodeFailure,
        Some(Asked::Migration(_)) => Scenario::Migration,
        Some(Asked::SwitchCandidateProtocol(protocol)) => {
            Scenario::SwitchTransport { udp: protocol == CandidateProtocol::Udp as i32 }
        }
        _ => {
            let denial = Denial(Outcome::UnsupportedType, "this server does not simulate that");
            return Request::Denied(denial, Reference::default());
        }
    })
}

fn update_metadata(request: lk::UpdateParticipantMetadata) -> Request {
    let echo = repeated(&request, Echo::UpdateMetadata);
    Request::UpdateMetadata(UpdateMetadata {
        reference: reference(request.request_id, echo),
        name: request.name,
        metadata: request.metadata,
        attributes: request.attributes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rooms_have_no_word_for_is_denied_and_recognised_by_its_client() {
        let data_track = lk::PublishDataTrackRequest { pub_handle: 7, ..Default::default() };
        let blob = lk::GetDataBlobRequest { request_id: 9, ..Default::default() };
        for (message, request_id, is_repeated) in [
            (Message::PublishDataTrackRequest(data_track), 0, true),
            (Message::GetDataBlobRequest(blob), 9, false),
            (Message::UpdateDataSubscription(Default::default()), 0, false),
            (Message::Simulate(Default::default()), 0, false),
        ] {
            let name = format!("{message:?}");
            let Request::Denied(Denial(outcome, _), reference) = request(message) else {
                panic!("{name}")
            };
            assert_eq!(outcome, Outcome::UnsupportedType, "{name}");
            let answer = RequestResponse::decode(reference.0).unwrap();
            assert_eq!((answer.request_id, answer.request.is_some()), (request_id, is_repeated));
        }
    }

    #[test]
    fn a_track_is_neither_new_audio_nor_new_video_if_it_is_data_or_there_already() {
        let of = |r#type: TrackType, sid: &str| {
            let request = lk::AddTrackRequest { r#type: r#type as i32, ..Default::default() };
            add_track(lk::AddTrackRequest { sid: sid.into(), ..request }).kind
        };
        assert_eq!(of(TrackType::Audio, ""), Some(Kind::Audio));
        assert_eq!(of(TrackType::Video, ""), Some(Kind::Video));
        assert_eq!(of(TrackType::Data, ""), None);
        assert_eq!(of(TrackType::Video, "TR_there"), None);
    }
}
