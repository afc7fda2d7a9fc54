//! Announcing tracks, and what their publishers and the server change about them.

use std::time::Instant;

use beckon_sfu_api::{
    Announced, AnnouncedLayer, Codec, Command, Kind, LAYERS_MAX, ParticipantId, Source, TRACKS_MAX,
    TrackId,
};
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, MuteTrackRequest, SimulcastCodecInfo, TrackInfo,
    TrackPublishedResponse, TrackSource, TrackType, UpdateLocalAudioTrack, UpdateLocalVideoTrack,
    VideoLayer,
};

use super::super::admission::{NAME_BYTES_MAX, has_control_characters};
use super::super::{Which, sid};
use super::Room;
use super::frames::No;
use super::participant::{Participant, Track};
use crate::domain::refusal::{Code, Result as Done};

/// Pixels of one side; 8K is half of it.
const SIDE_MAX: u32 = 16_384;
/// The audio features that exist, and some to come.
const FEATURES_MAX: usize = 16;

impl Room {
    /// A track is coming: it has a name at once, and goes to others when the offer with its section was answered.
    pub(super) fn add_track(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        request: AddTrackRequest,
    ) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        let asked = participant.tracks.iter().find(|t| t.cid == request.cid && !t.published);
        if let Some(track) = asked {
            if is_same(&track.info, &request) {
                // asked again after a broken socket
                let info = track.info.clone();
                return participant.send(announced(request.cid, info));
            }
            let another = track.id.clone();
            self.withdraw(who, &another);
        }
        self.make_room_for_a_track(who);
        let Some(participant) = self.participants.get_mut(who) else { return };
        if let Err(no) = may_add(participant, &request) {
            return participant.send(no.answer(0, Some(Request::AddTrack(request))));
        }
        if participant.tracks.iter().any(|track| track.cid == request.cid) {
            return participant.wait_with(request);
        }
        let id = TrackId::from(sid("TR_"));
        let (track, info) = (to_media(&id, &request), to_others(&id, &request));
        let cid = request.cid.clone();
        participant.tracks.push(Track {
            id: id.clone(),
            cid: request.cid,
            info: info.clone(),
            announced_at: now,
            passed_over: false,
            published: false,
            answered: false,
            silenced: false,
            heard: false,
        });
        participant.send(announced(cid, info));
        self.owners.insert(id, who.clone());
        self.media.tell(Command::Publish { participant: who.clone(), track });
    }

    /// A track is gone: whatever waited for its name is announced now.
    pub(super) fn add_waiting(&mut self, now: Instant, who: &ParticipantId) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        let (tracks, waiting) = (&participant.tracks, &mut participant.waiting);
        let is_free = |cid: &str| !tracks.iter().any(|track| track.cid == cid);
        let ready: Vec<_> = waiting.extract_if(.., |request| is_free(&request.cid)).collect();
        ready.into_iter().for_each(|request| self.add_track(now, who, request));
    }

    /// Tracks that are announced by whoever comes.
    pub(super) fn add_tracks(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        mut requests: Vec<AddTrackRequest>,
    ) {
        if requests.len() > TRACKS_MAX {
            requests.truncate(TRACKS_MAX);
            self.tell(who, No(Reason::LimitExceeded, "too many tracks").answer(0, None));
        }
        requests.into_iter().for_each(|request| self.add_track(now, who, request));
    }

    /// A participant mutes or unmutes a track of its own.
    pub(super) fn mute_own(&mut self, who: &ParticipantId, request: &MuteTrackRequest) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        let Some(track) = participant.track_mut(&request.sid) else {
            let no = No(Reason::NotFound, "no such track");
            return participant.send(no.answer(0, Some(Request::Mute(request.clone()))));
        };
        track.silenced = false;
        let track = track.id.clone();
        self.set_muted(who, &track, request.muted);
    }

    /// The server mutes tracks of somebody, whose client hears of it.
    pub(super) fn mute(&mut self, identity: &str, which: &Which) -> Done<()> {
        let participant = self.find(identity).ok_or(Code::NotFound)?;
        let meant = participant.tracks.iter().filter(|track| match which {
            Which::Source(source) => track.info.source == *source as i32,
            Which::Track(sid) => track.info.sid == *sid,
        });
        let (who, meant) =
            (participant.id.clone(), meant.map(|track| track.id.clone()).collect::<Vec<_>>());
        for track in meant {
            if let Some(participant) = self.participants.get_mut(&who) {
                if let Some(track) = participant.track_mut(track.as_str()) {
                    track.silenced = true;
                }
                let sid = track.to_string();
                participant.send(Message::Mute(MuteTrackRequest { sid, muted: true }));
            }
            self.set_muted(&who, &track, true);
        }
        Ok(())
    }

    fn set_muted(&mut self, who: &ParticipantId, track: &TrackId, muted: bool) {
        let participant = self.participants.get_mut(who);
        let Some(it) = participant.and_then(|one| one.track_mut(track.as_str())) else { return };
        if it.info.muted == muted {
            return;
        }
        it.info.muted = muted;
        let published = it.published;
        self.media.tell(Command::Mute { track: track.clone(), muted });
        if published {
            self.tell_others_of(who);
        }
    }

    pub(super) fn update_audio_track(
        &mut self,
        who: &ParticipantId,
        request: UpdateLocalAudioTrack,
    ) {
        let features = request.features.iter().copied().take(FEATURES_MAX).collect();
        let sid = request.track_sid.clone();
        let request = Request::UpdateAudioTrack(request);
        self.update_track(who, &sid, request, |info| info.audio_features = features);
    }

    pub(super) fn update_video_track(
        &mut self,
        who: &ParticipantId,
        request: UpdateLocalVideoTrack,
    ) {
        let (width, height) = (request.width.min(SIDE_MAX), request.height.min(SIDE_MAX));
        let sid = request.track_sid.clone();
        let request = Request::UpdateVideoTrack(request);
        self.update_track(who, &sid, request, |info| {
            (info.width, info.height) = (width, height);
        });
    }

    fn update_track(
        &mut self,
        who: &ParticipantId,
        sid: &str,
        request: Request,
        change: impl FnOnce(&mut TrackInfo),
    ) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        let Some(track) = participant.track_mut(sid) else {
            let no = No(Reason::NotFound, "no such track");
            return participant.send(no.answer(0, Some(request)));
        };
        change(&mut track.info);
        if track.published {
            self.tell_others_of(who);
        }
    }
}

impl Participant {
    /// SDKs publish the same camera again while the offer without it is still under way.
    fn wait_with(&mut self, request: AddTrackRequest) {
        let echo = Some(Request::AddTrack(request.clone()));
        self.waiting.retain(|waiting| waiting.cid != request.cid);
        self.waiting.push(request);
        self.send(No(Reason::Queued, "until the track of the same cid is gone").answer(0, echo));
    }
}

fn announced(cid: String, track: TrackInfo) -> Message {
    Message::TrackPublished(TrackPublishedResponse { cid, track: Some(track) })
}

/// Whether a track announced again under its name is the same one, with what was changed about it since.
fn is_same(info: &TrackInfo, request: &AddTrackRequest) -> bool {
    (info.r#type, info.source) == (request.r#type, request.source)
        && (&info.name, &info.stream) == (&request.name, &request.stream)
}

fn may_add(participant: &Participant, request: &AddTrackRequest) -> Result<(), No> {
    if !participant.may_publish() || !participant.may_publish_from(request.source()) {
        return Err(No(Reason::NotAllowed, "the token does not allow to publish this"));
    }
    if !matches!(request.r#type(), TrackType::Audio | TrackType::Video) || !request.sid.is_empty() {
        return Err(No(Reason::UnsupportedType, "neither a new audio nor a new video track"));
    }
    let takes_over = |track: &Track| track.cid == request.cid;
    let is_again = participant.tracks.iter().any(takes_over);
    if participant.tracks.len() >= TRACKS_MAX && !is_again {
        return Err(No(Reason::LimitExceeded, "too many tracks"));
    }
    if request.cid.is_empty() {
        return Err(No(Reason::InvalidRequest, "the cid is missing"));
    }
    let names = [&request.cid, &request.name, &request.stream];
    if names.iter().any(|name| name.len() > NAME_BYTES_MAX) {
        return Err(No(Reason::InvalidRequest, "a name is too long"));
    }
    if names.iter().any(|name| has_control_characters(name)) {
        return Err(No(Reason::InvalidRequest, "a name has control characters"));
    }
    let layers = layers(request);
    let sides = layers.iter().flat_map(|layer| [layer.width, layer.height]);
    if sides.chain([request.width, request.height]).any(|side| side > SIDE_MAX) {
        return Err(No(Reason::LimitExceeded, "the picture is too large"));
    }
    if layers.len() > LAYERS_MAX || request.audio_features.len() > FEATURES_MAX {
        return Err(No(Reason::LimitExceeded, "too many layers or features"));
    }
    Ok(())
}

/// The layers of the one codec that is used: clients name the one they prefer first.
fn layers(request: &AddTrackRequest) -> &[VideoLayer] {
    let of_codec = request.simulcast_codecs.first().map(|codec| codec.layers.as_slice());
    of_codec.filter(|layers| !layers.is_empty()).unwrap_or(&request.layers)
}

/// What it is announced as. Packets may say otherwise.
fn codec(request: &AddTrackRequest) -> Option<Codec> {
    let codec = Codec::from_name(&request.simulcast_codecs.first()?.codec)?;
    (codec.kind() == kind(request)).then_some(codec)
}

fn kind(request: &AddTrackRequest) -> Kind {
    if request.r#type() == TrackType::Video { Kind::Video } else { Kind::Audio }
}

/// Newer clients say it among the features.
#[allow(deprecated, reason = "older clients say it beside the features")]
fn is_stereo(request: &AddTrackRequest) -> bool {
    let features = &request.audio_features;
    request.stereo || features.contains(&(AudioTrackFeature::TfStereo as i32))
}

fn to_media(id: &TrackId, request: &AddTrackRequest) -> Announced {
    let kind = kind(request);
    let mut layers: Vec<AnnouncedLayer> = layers(request)
        .iter()
        .filter(|_| kind == Kind::Video)
        .map(|layer| AnnouncedLayer {
            width: layer.width,
            height: layer.height,
            bitrate: layer.bitrate,
        })
        .collect();
    layers.sort_by_key(|layer| u64::from(layer.width) * u64::from(layer.height));
    Announced {
        id: id.clone(),
        cid: request.cid.clone(),
        kind,
        source: match request.source() {
            TrackSource::Unknown => Source::Unknown,
            TrackSource::Camera => Source::Camera,
            TrackSource::Microphone => Source::Microphone,
            TrackSource::ScreenShare => Source::ScreenShare,
            TrackSource::ScreenShareAudio => Source::ScreenShareAudio,
        },
        codec: codec(request),
        stereo: is_stereo(request),
        layers,
        muted: request.muted,
    }
}

#[allow(deprecated, reason = "older clients read the fields that newer ones left behind")]
fn to_others(id: &TrackId, request: &AddTrackRequest) -> TrackInfo {
    let bare = |layer: &VideoLayer| VideoLayer {
        quality: layer.quality,
        width: layer.width,
        height: layer.height,
        bitrate: layer.bitrate,
        ..VideoLayer::default()
    };
    let layers: Vec<_> = layers(request).iter().map(bare).collect();
    let mime_type = codec(request).map_or_else(String::new, |codec| codec.mime().to_owned());
    TrackInfo {
        sid: id.to_string(),
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: layers.len() > 1,
        disable_dtx: request.disable_dtx,
        source: request.source,
        layers: layers.clone(),
        mime_type: mime_type.clone(),
        codecs: vec![SimulcastCodecInfo {
            mime_type,
            cid: request.cid.clone(),
            layers,
            video_layer_mode: request.simulcast_codecs.first().map_or(0, |c| c.video_layer_mode),
            ..SimulcastCodecInfo::default()
        }],
        stereo: is_stereo(request),
        // redundant audio is not negotiated
        disable_red: request.disable_red || kind(request) == Kind::Audio,
        encryption: request.encryption,
        stream: request.stream.clone(),
        audio_features: request.audio_features.clone(),
        backup_codec_policy: request.backup_codec_policy,
        ..TrackInfo::default()
    }
}
