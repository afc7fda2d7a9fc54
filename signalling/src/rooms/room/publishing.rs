//! Announcing tracks, and what their publishers and the server change about them.

use std::time::Instant;

use beckon_sfu_api::{
    Announced, AnnouncedLayer, Codec, Command, Kind, LAYERS_MAX, ParticipantId, TRACKS_MAX, TrackId,
};

use super::super::admission::{NAME_BYTES_MAX, has_control_characters};
use super::super::denial::{Denial, Outcome};
use super::super::info::TrackInfo;
use super::super::notice::Notice;
use super::super::request::{AddTrack, Reference};
use super::super::{TrackSelector, sid};
use super::Room;
use super::answers::answer;
use super::participant::{Participant, Track};
use crate::domain::refusal::{Code, Result as Done};

/// Pixels of one side; 8K is half of it.
const SIDE_MAX: u32 = 16_384;
/// The audio features that exist, and some to come.
const FEATURES_MAX: usize = 16;

const NO_SUCH_TRACK: Denial = Denial(Outcome::NotFound, "no such track");

impl Room {
    /// A track is coming: it has a name at once, and goes to others when the offer with its section was answered.
    pub(super) fn add_track(&mut self, now: Instant, who: &ParticipantId, request: AddTrack) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        let asked = participant.tracks.iter().find(|t| t.cid == request.cid && !t.published);
        if let Some(track) = asked {
            if is_same(&track.info, &request) {
                // asked again after a broken socket
                let info = track.info.clone();
                return participant.send(announced(info));
            }
            let another = track.id.clone();
            self.withdraw(who, &another);
        }
        self.make_room_for_a_track(who);
        let Some(participant) = self.participants.get_mut(who) else { return };
        if let Err(denial) = may_add(participant, &request) {
            return participant.send(answer(denial, request.reference));
        }
        if participant.tracks.iter().any(|track| track.cid == request.cid) {
            return participant.wait_with(request);
        }
        let id = TrackId::from(sid("TR_"));
        let (track, info) = (to_media(&id, &request), to_others(&id, &request));
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
        participant.send(announced(info));
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
        mut requests: Vec<AddTrack>,
    ) {
        if requests.len() > TRACKS_MAX {
            requests.truncate(TRACKS_MAX);
            let denial = Denial(Outcome::LimitExceeded, "too many tracks");
            self.deny(who, denial, Reference::default());
        }
        requests.into_iter().for_each(|request| self.add_track(now, who, request));
    }

    /// A participant mutes or unmutes a track of its own.
    pub(super) fn mute_own(
        &mut self,
        who: &ParticipantId,
        track: &str,
        muted: bool,
        reference: Reference,
    ) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        let Some(track) = participant.track_mut(track) else {
            return participant.send(answer(NO_SUCH_TRACK, reference));
        };
        track.silenced = false;
        let track = track.id.clone();
        self.set_muted(who, &track, muted);
    }

    /// The server mutes tracks of somebody, whose client hears of it.
    pub(super) fn mute(&mut self, identity: &str, which: &TrackSelector) -> Done<()> {
        let participant = self.find(identity).ok_or(Code::NotFound)?;
        let meant = participant.tracks.iter().filter(|track| match which {
            TrackSelector::Source(source) => track.info.source == *source,
            TrackSelector::Track(sid) => track.id.as_str() == sid,
        });
        let (who, meant) =
            (participant.id.clone(), meant.map(|track| track.id.clone()).collect::<Vec<_>>());
        for track in meant {
            if let Some(participant) = self.participants.get_mut(&who) {
                if let Some(track) = participant.track_mut(track.as_str()) {
                    track.silenced = true;
                }
                participant.send(Notice::Muted(track.clone()));
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
        track: &str,
        mut features: Vec<i32>,
        reference: Reference,
    ) {
        features.truncate(FEATURES_MAX);
        self.update_track(who, track, reference, |info| info.passed_on.audio_features = features);
    }

    pub(super) fn update_video_track(
        &mut self,
        who: &ParticipantId,
        track: &str,
        (width, height): (u32, u32),
        reference: Reference,
    ) {
        self.update_track(who, track, reference, |info| {
            (info.width, info.height) = (width.min(SIDE_MAX), height.min(SIDE_MAX));
        });
    }

    fn update_track(
        &mut self,
        who: &ParticipantId,
        track: &str,
        reference: Reference,
        change: impl FnOnce(&mut TrackInfo),
    ) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        let Some(track) = participant.track_mut(track) else {
            return participant.send(answer(NO_SUCH_TRACK, reference));
        };
        change(&mut track.info);
        if track.published {
            self.tell_others_of(who);
        }
    }
}

impl Participant {
    /// SDKs publish the same camera again while the offer without it is still under way.
    fn wait_with(&mut self, request: AddTrack) {
        let reference = request.reference.clone();
        self.waiting.retain(|waiting| waiting.cid != request.cid);
        self.waiting.push(request);
        let denial = Denial(Outcome::Queued, "until the track of the same cid is gone");
        self.send(answer(denial, reference));
    }
}

fn announced(track: TrackInfo) -> Notice {
    Notice::TrackPublished(Box::new(track))
}

/// Whether a track announced again under its name is the same one, with what was changed about it since.
fn is_same(info: &TrackInfo, request: &AddTrack) -> bool {
    (info.kind, info.source) == (kind(request), request.source)
        && (&info.name, &info.stream) == (&request.name, &request.stream)
}

fn may_add(participant: &Participant, request: &AddTrack) -> Result<(), Denial> {
    if !participant.may_publish() || !participant.may_publish_from(request.source) {
        return Err(Denial(Outcome::NotAllowed, "the token does not allow to publish this"));
    }
    if request.kind.is_none() {
        return Err(Denial(Outcome::UnsupportedType, "neither a new audio nor a new video track"));
    }
    let takes_over = |track: &Track| track.cid == request.cid;
    let is_again = participant.tracks.iter().any(takes_over);
    if participant.tracks.len() >= TRACKS_MAX && !is_again {
        return Err(Denial(Outcome::LimitExceeded, "too many tracks"));
    }
    if request.cid.is_empty() {
        return Err(Denial(Outcome::InvalidRequest, "the cid is missing"));
    }
    let names = [&request.cid, &request.name, &request.stream];
    if names.iter().any(|name| name.len() > NAME_BYTES_MAX) {
        return Err(Denial(Outcome::InvalidRequest, "a name is too long"));
    }
    if names.iter().any(|name| has_control_characters(name)) {
        return Err(Denial(Outcome::InvalidRequest, "a name has control characters"));
    }
    let sides = request.layers.iter().flat_map(|layer| [layer.width, layer.height]);
    if sides.chain([request.width, request.height]).any(|side| side > SIDE_MAX) {
        return Err(Denial(Outcome::LimitExceeded, "the picture is too large"));
    }
    if request.layers.len() > LAYERS_MAX || request.passed_on.audio_features.len() > FEATURES_MAX {
        return Err(Denial(Outcome::LimitExceeded, "too many layers or features"));
    }
    Ok(())
}

/// What it is announced as. Packets may say otherwise.
fn codec(request: &AddTrack) -> Option<Codec> {
    let codec = Codec::from_name(&request.codec)?;
    (codec.kind() == kind(request)).then_some(codec)
}

/// That of a track that was let in.
fn kind(request: &AddTrack) -> Kind {
    request.kind.unwrap_or(Kind::Audio)
}

fn to_media(id: &TrackId, request: &AddTrack) -> Announced {
    let kind = kind(request);
    let mut layers: Vec<AnnouncedLayer> = request
        .layers
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
        source: request.source,
        codec: codec(request),
        stereo: request.stereo,
        layers,
        muted: request.muted,
    }
}

fn to_others(id: &TrackId, request: &AddTrack) -> TrackInfo {
    TrackInfo {
        id: id.clone(),
        cid: request.cid.clone(),
        kind: kind(request),
        source: request.source,
        name: request.name.clone(),
        stream: request.stream.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        layers: request.layers.clone(),
        codec: codec(request),
        mid: String::new(),
        stereo: request.stereo,
        disable_dtx: request.disable_dtx,
        // redundant audio is not negotiated
        disable_red: request.disable_red || kind(request) == Kind::Audio,
        passed_on: request.passed_on.clone(),
    }
}
