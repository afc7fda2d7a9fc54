//! Who receives which track, and how much of it.

use std::collections::HashSet;

use beckon_sfu_api::{Command, ParticipantId, Preference, Quality, TrackId};
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    SubscriptionError, SubscriptionPermission, SubscriptionPermissionUpdate, TrackSubscribed,
    UpdateSubscription, UpdateTrackSettings, VideoQuality,
};

use super::super::admission::NAME_BYTES_MAX;
use super::Room;
use super::frames::{No, REFUSED_MAX, no_subscription};
use super::participant::{Participant, allows};

/// Participants and tracks that a publisher names in its choice of an audience, each.
const NAMED_MAX: usize = 1000;

impl Room {
    /// A client wants tracks, or no longer.
    pub(super) fn subscription(&mut self, who: &ParticipantId, request: UpdateSubscription) {
        let of_participants = request.participant_tracks.into_iter().flat_map(|of| of.track_sids);
        let named = request.track_sids.into_iter().chain(of_participants);
        let named = named.filter(|sid| sid.len() <= NAME_BYTES_MAX);
        let named: HashSet<_> = named.map(|sid| TrackId::from(sid.as_str())).collect();
        let Some(participant) = self.participants.get_mut(who) else { return };
        if request.subscribe && !participant.may_subscribe() {
            let no = No(Reason::NotAllowed, "the token does not allow to subscribe");
            return participant.send(no.answer(0, None));
        }
        let (known, unknown): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|track| self.owners.contains_key(track));
        participant.chosen.extend(known.into_iter().map(|track| (track, request.subscribe)));
        if request.subscribe {
            participant.tell_unknown(&unknown);
        }
        self.reconcile(who);
    }

    /// How much of a track a client wants, now and whenever it receives it again.
    pub(super) fn prefer(&mut self, who: &ParticipantId, settings: UpdateTrackSettings) {
        let preference = preference(&settings);
        let Some(participant) = self.participants.get_mut(who) else { return };
        let named = settings.track_sids.iter();
        let tracks: HashSet<TrackId> = named.map(|sid| TrackId::from(sid.as_str())).collect();
        let known = tracks.into_iter().filter(|track| self.owners.contains_key(track));
        let mut preferences = Vec::new();
        for track in known {
            participant.preferences.insert(track.clone(), preference);
            if participant.subscribed.contains(&track) {
                preferences.push((track, preference));
            }
        }
        if !preferences.is_empty() {
            self.media.tell(Command::Prefer { participant: who.clone(), preferences });
        }
    }

    /// Whom a publisher lets receive its tracks.
    pub(super) fn permit(&mut self, who: &ParticipantId, audience: SubscriptionPermission) {
        let Some(publisher) = self.participants.get_mut(who) else { return };
        let named = &audience.track_permissions;
        if named.len() > NAMED_MAX || named.iter().any(|one| one.track_sids.len() > NAMED_MAX) {
            let no = No(Reason::LimitExceeded, "too many participants or tracks are named");
            return publisher.send(no.answer(0, None));
        }
        if publisher.audience == audience {
            return;
        }
        let before = std::mem::replace(&mut publisher.audience, audience);
        let others: Vec<_> = self.participants.keys().filter(|id| *id != who).cloned().collect();
        for other in others {
            self.tell_permitted(who, &other, &before);
            self.look_again(&other);
        }
    }

    /// Tells a subscriber of which tracks it may receive now, or no longer.
    fn tell_permitted(
        &mut self,
        publisher: &ParticipantId,
        subscriber: &ParticipantId,
        before: &SubscriptionPermission,
    ) {
        let Some([publisher, subscriber]) = self.two(publisher, subscriber) else { return };
        let (who, after) = (publisher.id.to_string(), &publisher.audience);
        for track in publisher.published() {
            let allowed = allows(after, subscriber, &track.id);
            if allowed == allows(before, subscriber, &track.id) {
                continue;
            }
            subscriber.send(Message::SubscriptionPermissionUpdate(SubscriptionPermissionUpdate {
                participant_sid: who.clone(),
                track_sid: track.id.to_string(),
                allowed,
            }));
        }
    }

    fn two(&mut self, a: &ParticipantId, b: &ParticipantId) -> Option<[&mut Participant; 2]> {
        match self.participants.get_disjoint_mut([a, b]) {
            [Some(a), Some(b)] => Some([a, b]),
            _ => None,
        }
    }

    /// The first time that somebody receives a track, its publisher hears of it; but not before it has its answer: clients
    /// know the track only then.
    pub(super) fn tell_heard(&mut self, track: &TrackId) {
        let owner = self.owners.get(track).and_then(|owner| self.participants.get_mut(owner));
        let Some(owner) = owner else { return };
        let Some(it) = owner.track_mut(track.as_str()) else { return };
        let first = !std::mem::replace(&mut it.heard, true);
        if first && it.answered {
            owner.send(heard(track));
        }
    }

    /// A publisher has the answer with the sections of its tracks.
    pub(super) fn answered(&mut self, who: &ParticipantId) {
        let Some(publisher) = self.participants.get_mut(who) else { return };
        let fresh = publisher.tracks.iter_mut().filter(|track| track.published && !track.answered);
        let heard: Vec<_> = fresh
            .filter_map(|track| {
                track.answered = true;
                track.heard.then(|| heard(&track.id))
            })
            .collect();
        heard.into_iter().for_each(|message| publisher.send(message));
    }

    /// Everybody forgets a track that is gone.
    pub(super) fn forget(&mut self, track: &TrackId) {
        self.owners.remove(track);
        for participant in self.participants.values_mut() {
            participant.chosen.remove(track);
            participant.subscribed.remove(track);
            participant.preferences.remove(track);
            participant.unplaced.remove(track);
        }
        self.look_again_at_refused();
    }
}

impl Participant {
    /// It asked for tracks that are not there.
    fn tell_unknown(&mut self, tracks: &[TrackId]) {
        for track in tracks.iter().take(REFUSED_MAX) {
            self.send(no_subscription(track, SubscriptionError::SeTrackNotfound));
        }
        if tracks.len() > REFUSED_MAX {
            let no = No(Reason::LimitExceeded, "more tracks than are named here were not found");
            self.send(no.answer(0, None));
        }
    }
}

fn heard(track: &TrackId) -> Message {
    Message::TrackSubscribed(TrackSubscribed { track_sid: track.to_string() })
}

/// A size decides alone: clients that send one leave the quality at its lowest value.
fn preference(settings: &UpdateTrackSettings) -> Preference {
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
