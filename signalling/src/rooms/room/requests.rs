//! What each request of a client means: an arm a request, each a call.

use std::time::Instant;

use beckon_sfu_api::{Held, ParticipantId};
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_request::Message;
use livekit_protocol::signal_response::Message as Answer;
use livekit_protocol::{DisconnectReason, Ping, Pong, UpdateParticipantMetadata};

use super::super::admission::{NAME_BYTES_MAX, has_control_characters};
use super::super::seat::{Place, Weight};
use super::super::token::Claims;
use super::Room;
use super::frames::No;
use super::participant::{Participant, words_len};
use crate::clock::now_ms;
use crate::config;

impl Room {
    /// Acts on a request, unless its socket was replaced or cut off meanwhile.
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        from: Place,
        request: Message,
        weight: Weight,
    ) {
        let who = &from.participant;
        if self.participants.get(who).is_none_or(|one| !one.is_at(&from)) {
            return;
        }
        match request {
            Message::Offer(offer) => self.offer(who, offer, Held::new(weight)),
            Message::Answer(answer) => self.answer(who, answer, Held::new(weight)),
            // we are ICE-lite: the client's checks tell where it is
            Message::Trickle(_) => {}
            Message::AddTrack(request) => self.add_track(now, who, request),
            Message::Mute(request) => self.mute_own(who, &request),
            Message::Subscription(request) => self.subscription(who, request),
            Message::TrackSetting(settings) => self.prefer(who, settings),
            Message::SubscriptionPermission(audience) => self.permit(who, audience),
            Message::SyncState(state) => self.sync(who, state),
            Message::Leave(_) => self.depart(now, who, DisconnectReason::ClientInitiated, None),
            Message::Ping(timestamp) => self.tell(who, Answer::Pong(timestamp)),
            Message::PingReq(ping) => self.tell(who, Answer::PongResp(pong(&ping))),
            Message::Simulate(asked) => self.simulate(now, who, asked),
            Message::UpdateMetadata(request) => self.update_metadata(who, request),
            Message::UpdateAudioTrack(request) => self.update_audio_track(who, request),
            Message::UpdateVideoTrack(request) => self.update_video_track(who, request),
            other => self.refuse(who, other),
        }
    }

    /// What this server lacks gets a refusal, never silence.
    fn refuse(&mut self, who: &ParticipantId, request: Message) {
        let no = No(Reason::UnsupportedType, "this server does not support that");
        let answer = match request {
            Message::PublishDataTrackRequest(request) => {
                no.answer(0, Some(Request::PublishDataTrack(request)))
            }
            Message::UnpublishDataTrackRequest(request) => {
                no.answer(0, Some(Request::UnpublishDataTrack(request)))
            }
            Message::StoreDataBlobRequest(request) => no.answer(request.request_id, None),
            Message::GetDataBlobRequest(request) => no.answer(request.request_id, None),
            _ => no.answer(0, None),
        };
        self.tell(who, answer);
    }

    fn update_metadata(&mut self, who: &ParticipantId, request: UpdateParticipantMetadata) {
        let Some(participant) = self.participants.get(who) else { return };
        let id = request.request_id;
        let renamed = renamed(participant, request.clone(), &self.rooms.config);
        let renamed =
            renamed.and_then(|claims| match self.has_words_for(&claims.sub, words_len(&claims)) {
                true => Ok(claims),
                false => Err(No(Reason::LimitExceeded, "the room has no place for so much")),
            });
        let Some(participant) = self.participants.get_mut(who) else { return };
        match renamed {
            Ok(claims) => {
                participant.claims = claims;
                participant.send(No(Reason::Ok, "").answer(id, None));
                self.tell_all_of(who);
            }
            Err(no) => participant.send(no.answer(id, Some(Request::UpdateMetadata(request)))),
        }
    }
}

/// What a participant says of itself from now on. Empty texts change nothing, an empty attribute is taken away.
fn renamed(
    it: &Participant,
    request: UpdateParticipantMetadata,
    limits: &config::Rooms,
) -> Result<Claims, No> {
    if !it.may_update_itself() {
        return Err(No(Reason::NotAllowed, "the token does not allow to update oneself"));
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
        return Err(No(Reason::InvalidRequest, "the name has control characters"));
    }
    if too_long {
        return Err(No(Reason::LimitExceeded, "name, metadata or attributes are too long"));
    }
    Ok(claims)
}

fn pong(ping: &Ping) -> Pong {
    Pong { last_ping_timestamp: ping.timestamp, timestamp: now_ms() }
}
