//! What each request of a client means: an arm a request, each a call.

use std::time::Instant;

use beckon_sfu_api::{Held, ParticipantId};

use super::super::admission::{NAME_BYTES_MAX, has_control_characters};
use super::super::denial::{Denial, Outcome};
use super::super::departure::DisconnectReason;
use super::super::notice::{Notice, Pong};
use super::super::request::{Ping, Reference, Request, UpdateMetadata};
use super::super::seat::{SocketId, Weight};
use super::super::token::Claims;
use super::Room;
use super::answers::answer;
use super::participant::{Participant, words_len};
use crate::clock::now_ms;
use crate::config;

impl Room {
    /// Acts on a request, unless its socket was replaced or cut off meanwhile.
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        from: SocketId,
        request: Request,
        weight: Weight,
    ) {
        let who = &from.participant;
        if self.participants.get(who).is_none_or(|one| !one.is_at(&from)) {
            return;
        }
        match request {
            Request::Offer(offer) => self.offer(who, offer, Held::new(weight)),
            Request::Answer(answer) => self.answer(who, answer, Held::new(weight)),
            // we are ICE-lite: the client's checks tell where it is
            Request::Trickle => {}
            Request::AddTrack(request) => self.add_track(now, who, request),
            Request::Mute { track, muted, reference } => {
                self.mute_own(who, &track, muted, reference);
            }
            Request::Subscribe { tracks, subscribe } => self.subscribe(who, tracks, subscribe),
            Request::Prefer { tracks, preference } => self.prefer(who, &tracks, preference),
            Request::Permit(audience) => self.permit(who, audience),
            Request::Sync { published } => self.sync(who, published),
            Request::Leave => self.depart(now, who, DisconnectReason::ClientInitiated, None),
            Request::Ping(ping) => self.tell(who, pong(ping)),
            Request::Simulate(scenario) => self.simulate(now, who, scenario),
            Request::UpdateMetadata(request) => self.update_metadata(who, request),
            Request::UpdateAudioTrack { track, features, reference } => {
                self.update_audio_track(who, &track, features, reference);
            }
            Request::UpdateVideoTrack { track, width, height, reference } => {
                self.update_video_track(who, &track, (width, height), reference);
            }
            Request::Denied(denial, reference) => self.deny(who, denial, reference),
        }
    }

    /// A request that is not carried out gets a word, never silence.
    pub(super) fn deny(&mut self, who: &ParticipantId, denial: Denial, reference: Reference) {
        self.tell(who, answer(denial, reference));
    }

    fn update_metadata(&mut self, who: &ParticipantId, mut request: UpdateMetadata) {
        let Some(participant) = self.participants.get(who) else { return };
        let reference = std::mem::take(&mut request.reference);
        let renamed = renamed(participant, request, &self.rooms.config);
        let renamed =
            renamed.and_then(|claims| match self.has_words_for(&claims.sub, words_len(&claims)) {
                true => Ok(claims),
                false => Err(Denial(Outcome::LimitExceeded, "the room has no place for so much")),
            });
        let Some(participant) = self.participants.get_mut(who) else { return };
        match renamed {
            Ok(claims) => {
                participant.claims = claims;
                participant.send(answer(Denial(Outcome::Ok, ""), reference));
                self.tell_all_of(who);
            }
            Err(denial) => participant.send(answer(denial, reference)),
        }
    }
}

/// What a participant says of itself from now on. Empty texts change nothing, an empty attribute is taken away.
fn renamed(
    it: &Participant,
    request: UpdateMetadata,
    limits: &config::Rooms,
) -> Result<Claims, Denial> {
    if !it.may_update_itself() {
        return Err(Denial(Outcome::NotAllowed, "the token does not allow to update oneself"));
    }
    let mut claims = it.claims.clone();
    if !request.name.is_empty() {
        claims.name = request.name;
    }
    if !request.metadata.is_empty() {
        claims.metadata = request.metadata;
    }
    claims.attributes.extend(request.attributes);
    claims.attributes.retain(|_, value| !value.is_empty());
    let too_long = claims.metadata.len() > limits.metadata_bytes_max
        || claims.attributes_len() > limits.attributes_bytes_max
        || claims.name.len() > NAME_BYTES_MAX;
    if has_control_characters(&claims.name) {
        return Err(Denial(Outcome::InvalidRequest, "the name has control characters"));
    }
    if too_long {
        return Err(Denial(Outcome::LimitExceeded, "name, metadata or attributes are too long"));
    }
    Ok(claims)
}

fn pong(ping: Ping) -> Notice {
    Notice::Pong(match ping {
        Ping::Echo(timestamp) => Pong::Echo(timestamp),
        Ping::Clock(timestamp) => Pong::Clock { theirs: timestamp, ours: now_ms() },
    })
}
