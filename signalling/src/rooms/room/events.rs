//! What the media node tells, and who hears of it: an arm an event, each a call.

use std::time::Instant;

use beckon_sfu_api::{
    Codec, Command, Event, Kind, NetworkQuality, ParticipantId, Refused, Speaker, TrackId,
};

use super::super::denial::{Denial, Outcome};
use super::super::departure::{DisconnectReason, LeaveAction};
use super::super::info::ParticipantState;
use super::super::notice::{Notice, SubscriptionError};
use super::super::request::Reference;
use super::Room;
use super::answers::answer_at;
use super::choosing::is_video;

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
                self.tell(&participant, Notice::SectionsWanted { audios, videos });
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
        it.info.codec = Some(codec);
        it.info.mid = mid.to_owned();
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
        if participant.state != ParticipantState::Active {
            participant.state = ParticipantState::Active;
            self.tell_all_of(who);
        }
    }

    fn paused(&mut self, who: &ParticipantId, track: &TrackId, paused: bool) {
        let Some(owner) = self.owners.get(track) else { return };
        let (publisher, track) = (owner.clone(), track.clone());
        self.tell(who, Notice::Paused { publisher, track, paused });
    }

    fn speakers(&mut self, speakers: &[Speaker]) {
        let seen = speakers.iter().filter(|speaker| self.is_visible(&speaker.participant));
        let speakers: Vec<_> = seen.cloned().collect();
        if !speakers.is_empty() {
            self.tell_all(Notice::Speakers(speakers));
        }
    }

    fn qualities(&mut self, qualities: &[(ParticipantId, NetworkQuality)]) {
        let seen = qualities.iter().filter(|(who, _)| self.is_visible(who));
        let seen: Vec<_> = seen.cloned().collect();
        if !seen.is_empty() {
            self.tell_all(Notice::Quality(seen));
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
            self.tell(who, Notice::TrackUnpublished(track.to_string()));
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
            Refused::Codec => (SubscriptionError::Codec, "codec"),
            Refused::NotFound => (SubscriptionError::NotFound, "not_found"),
            _ => (SubscriptionError::Other, "other"),
        };
        metrics::counter!("beckon_room_subscriptions_refused_total", "why" => label).increment(1);
        participant.subscribed.remove(&track);
        participant.chosen.insert(track.clone(), false);
        participant.send(Notice::SubscriptionFailed(track, error));
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
                return self.depart(now, who, reason, Some(LeaveAction::Reconnect));
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
