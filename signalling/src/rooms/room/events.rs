//! What the media node tells, and who hears of it: an arm an event, each a call.

use std::time::Instant;

use beckon_sfu_api::{
    Codec, Command, Event, Kind, NetworkQuality, ParticipantId, Refused, Speaker, TrackId,
};
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    ConnectionQuality, ConnectionQualityInfo, ConnectionQualityUpdate, DisconnectReason,
    MediaSectionsRequirement, SpeakerInfo, SpeakersChanged, StreamState, StreamStateInfo,
    StreamStateUpdate, SubscriptionError, TrackUnpublishedResponse,
};

use super::super::denial::{Denial, Outcome};
use super::super::request::Reference;
use super::Room;
use super::choosing::is_video;
use super::frames::{answer_at, no_subscription};

impl Room {
    pub(super) fn handle_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Answer { participant, answer, mids } => {
                self.tell_answer(&participant, answer, mids);
                self.pass_over(&participant);
                self.answered(&participant);
            }
            Event::Offer { participant, offer, mids } => {
                self.tell_offer(&participant, offer, mids);
            }
            Event::SectionsWanted { participant, audios, videos } => {
                let missing = MediaSectionsRequirement { num_audios: audios, num_videos: videos };
                self.tell(&participant, Message::MediaSectionsRequirement(missing));
            }
            Event::Published { participant, track, codec, mid, answered } => {
                self.published(&participant, &track, codec, &mid, answered);
            }
            Event::Unpublished { participant, track } => {
                self.unpublished(now, &participant, &track);
            }
            Event::Connected { participant } => self.connected(&participant),
            Event::Lost { participant, why } => {
                metrics::counter!("beckon_room_media_lost_total", "why" => why.as_str())
                    .increment(1);
                self.lost(now, &participant, why);
            }
            Event::Paused { participant, track, paused } => {
                self.paused(&participant, &track, paused);
            }
            Event::Data { participant, kind, payload } => self.data(&participant, kind, payload),
            Event::Speakers(speakers) => self.speakers(&speakers),
            Event::Quality(qualities) => self.qualities(&qualities),
            Event::Refused { participant, track, why } => {
                self.refused(now, &participant, track, why);
            }
        }
    }

    /// Told to everybody before the answer or offer that carries the track: the media node says so first. Told again if it
    /// is in another codec than was said.
    #[allow(deprecated, reason = "older clients read the layers beside the codecs")]
    fn published(
        &mut self,
        who: &ParticipantId,
        track: &TrackId,
        codec: Codec,
        mid: &str,
        answered: bool,
    ) {
        let publisher = self.participants.get_mut(who);
        let Some(it) = publisher.and_then(|one| one.track_mut(track.as_str())) else { return };
        it.published = true;
        it.answered |= answered;
        it.info.mime_type = codec.mime().to_owned();
        it.info.mid = mid.to_owned();
        for info in &mut it.info.codecs {
            info.mime_type = codec.mime().to_owned();
            info.mid = mid.to_owned();
        }
        self.tell_others_of(who);
        self.look_again_but(who);
    }

    fn unpublished(&mut self, now: Instant, who: &ParticipantId, track: &TrackId) {
        let Some(publisher) = self.participants.get_mut(who) else { return };
        let before = publisher.tracks.len();
        publisher.tracks.retain(|it| it.id != *track);
        if publisher.tracks.len() < before {
            self.forget(track);
            self.tell_others_of(who);
        }
        self.add_waiting(now, who);
    }

    fn connected(&mut self, who: &ParticipantId) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        participant.closed_at = None;
        if participant.state != State::Active {
            participant.state = State::Active;
            self.tell_all_of(who);
        }
    }

    fn paused(&mut self, who: &ParticipantId, track: &TrackId, paused: bool) {
        let Some(owner) = self.owners.get(track) else { return };
        let state = if paused { StreamState::Paused } else { StreamState::Active };
        let stream = StreamStateInfo {
            participant_sid: owner.to_string(),
            track_sid: track.to_string(),
            state: state as i32,
        };
        self.tell(
            who,
            Message::StreamStateUpdate(StreamStateUpdate { stream_states: vec![stream] }),
        );
    }

    fn speakers(&mut self, speakers: &[Speaker]) {
        let seen = speakers.iter().filter(|speaker| self.is_visible(&speaker.participant));
        let speakers: Vec<_> = seen
            .map(|speaker| SpeakerInfo {
                sid: speaker.participant.to_string(),
                level: speaker.level,
                active: speaker.active,
            })
            .collect();
        if !speakers.is_empty() {
            self.tell_all(Message::SpeakersChanged(SpeakersChanged { speakers }));
        }
    }

    fn qualities(&mut self, qualities: &[(ParticipantId, NetworkQuality)]) {
        let seen = qualities.iter().filter(|(who, _)| self.is_visible(who));
        let updates: Vec<_> = seen.map(|(who, quality)| quality_info(who, *quality)).collect();
        if !updates.is_empty() {
            self.tell_all(Message::ConnectionQuality(ConnectionQualityUpdate { updates }));
        }
    }

    fn is_visible(&self, who: &ParticipantId) -> bool {
        self.participants.get(who).is_some_and(|one| !one.is_hidden())
    }

    /// The media node could not do something: its client hears what.
    fn refused(&mut self, now: Instant, who: &ParticipantId, track: Option<TrackId>, why: Refused) {
        match &why {
            Refused::Malformed(fault) => {
                tracing::info!(room.id = %self.id, participant.id = %who, %fault, "a description is refused");
            }
            _ => {
                tracing::debug!(room.id = %self.id, participant.id = %who, ?track, ?why, "refused")
            }
        }
        let Some(track) = track else { return self.refused_itself(now, who, why) };
        if self.owners.get(&track) == Some(who) {
            let track_sid = track.to_string();
            let gone = Message::TrackUnpublished(TrackUnpublishedResponse { track_sid });
            self.tell(who, gone);
            self.media.tell(Command::Unpublish { track: track.clone() });
            return self.unpublished(now, who, &track);
        }
        self.cannot_receive(who, track, why);
    }

    /// A track that does not fit is tried again when there is room; one that never will is not.
    fn cannot_receive(&mut self, who: &ParticipantId, track: TrackId, why: Refused) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        if why == Refused::Limit {
            return self.no_more_room(who, &track);
        }
        let (error, label) = match why {
            Refused::Codec => (SubscriptionError::SeCodecUnsupported, "codec"),
            Refused::NotFound => (SubscriptionError::SeTrackNotfound, "not_found"),
            _ => (SubscriptionError::SeUnknown, "other"),
        };
        metrics::counter!("beckon_room_subscriptions_refused_total", "why" => label).increment(1);
        participant.subscribed.remove(&track);
        participant.chosen.insert(track.clone(), false);
        participant.send(no_subscription(&track, error));
    }

    /// The media node has less room for a participant than we believed.
    fn no_more_room(&mut self, who: &ParticipantId, track: &TrackId) {
        let Some(kind) = self.kind_of(track) else { return };
        let Some(participant) = self.participants.get_mut(who) else { return };
        if !participant.subscribed.remove(track) {
            return;
        }
        let tracks = vec![track.clone()];
        self.media.tell(Command::Unsubscribe { participant: who.clone(), tracks });
        let Some(participant) = self.participants.get(who) else { return };
        let kinds = participant.subscribed.iter().filter_map(|track| self.kind_of(track));
        let received = kinds.filter(|other| *other == kind).count();
        if let Some(participant) = self.participants.get_mut(who) {
            participant.places.limit(kind, received);
        }
        self.look_again(who);
    }

    fn kind_of(&self, track: &TrackId) -> Option<Kind> {
        let owner = self.participants.get(self.owners.get(track)?)?;
        let track = owner.tracks.iter().find(|it| it.id == *track)?;
        Some(if is_video(track) { Kind::Video } else { Kind::Audio })
    }

    fn refused_itself(&mut self, now: Instant, who: &ParticipantId, why: Refused) {
        let denial = match why {
            // it is not even in the room there
            Refused::NotFound => {
                let reason = DisconnectReason::StateMismatch;
                return self.depart(now, who, reason, Some(Action::Reconnect));
            }
            Refused::Denied => Denial(Outcome::NotAllowed, "the token does not allow that"),
            Refused::Limit => {
                Denial(Outcome::LimitExceeded, "a limit of the media server is reached")
            }
            Refused::Codec => Denial(Outcome::UnsupportedType, "no codec that both sides know"),
            Refused::Malformed(fault) => {
                let denial = Denial(Outcome::InvalidRequest, "the description is refused");
                return self.tell(who, answer_at(denial, Some(fault), Reference::default()));
            }
            Refused::OutOfTurn => {
                Denial(Outcome::InvalidRequest, "nothing was offered that this answers")
            }
        };
        self.deny(who, denial, Reference::default());
    }
}

/// The scores are mean opinion scores, in the middle of what LiveKit calls by these names.
fn quality_info(who: &ParticipantId, quality: NetworkQuality) -> ConnectionQualityInfo {
    let (quality, score) = match quality {
        NetworkQuality::Lost => (ConnectionQuality::Lost, 1.0),
        NetworkQuality::Poor => (ConnectionQuality::Poor, 2.0),
        NetworkQuality::Good => (ConnectionQuality::Good, 3.5),
        NetworkQuality::Excellent => (ConnectionQuality::Excellent, 4.5),
    };
    ConnectionQualityInfo { participant_sid: who.to_string(), quality: quality as i32, score }
}
