//! Who receives which track, and how much of it.

use std::collections::HashSet;

use beckon_sfu_api::{Command, ParticipantId, Preference, TrackId};

use super::super::admission::NAME_BYTES_MAX;
use super::super::denial::{Denial, Outcome};
use super::super::notice::{Notice, SubscriptionError};
use super::super::request::{Audience, Reference};
use super::Room;
use super::answers::{REFUSED_MAX, answer};
use super::participant::{Participant, allows};

/// Participants and tracks that a publisher names in its choice of an audience, each.
const NAMED_MAX: usize = 1000;

impl Room {
    /// A client wants tracks, or no longer.
    pub(super) fn subscribe(&mut self, who: &ParticipantId, tracks: Vec<String>, subscribe: bool) {
        let named = tracks.into_iter().filter(|sid| sid.len() <= NAME_BYTES_MAX);
        let named: HashSet<_> = named.map(|sid| TrackId::from(sid.as_str())).collect();
        let Some(participant) = self.participants.get_mut(who) else { return };
        if subscribe && !participant.may_subscribe() {
            let denial = Denial(Outcome::NotAllowed, "the token does not allow to subscribe");
            return participant.send(answer(denial, Reference::default()));
        }
        let (known, unknown): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|track| self.owners.contains_key(track));
        participant.chosen.extend(known.into_iter().map(|track| (track, subscribe)));
        if subscribe {
            participant.tell_unknown(&unknown);
        }
        self.reconcile(who);
    }

    /// How much of a track a client wants, now and whenever it receives it again.
    pub(super) fn prefer(&mut self, who: &ParticipantId, named: &[String], preference: Preference) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        let tracks: HashSet<TrackId> =
            named.iter().map(|sid| TrackId::from(sid.as_str())).collect();
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
    pub(super) fn permit(&mut self, who: &ParticipantId, audience: Audience) {
        let Some(publisher) = self.participants.get_mut(who) else { return };
        let named = &audience.permissions;
        if named.len() > NAMED_MAX || named.iter().any(|one| one.tracks.len() > NAMED_MAX) {
            let denial =
                Denial(Outcome::LimitExceeded, "too many participants or tracks are named");
            return publisher.send(answer(denial, Reference::default()));
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
        before: &Audience,
    ) {
        let Some([publisher, subscriber]) = self.two(publisher, subscriber) else { return };
        let after = &publisher.audience;
        for track in publisher.published() {
            let permitted = allows(after, subscriber, &track.id);
            if permitted == allows(before, subscriber, &track.id) {
                continue;
            }
            subscriber.send(Notice::Permitted {
                publisher: publisher.id.clone(),
                track: track.id.clone(),
                permitted,
            });
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
            self.send(Notice::SubscriptionFailed(track.clone(), SubscriptionError::NotFound));
        }
        if tracks.len() > REFUSED_MAX {
            let what = "more tracks than are named here were not found";
            self.send(answer(Denial(Outcome::LimitExceeded, what), Reference::default()));
        }
    }
}

fn heard(track: &TrackId) -> Notice {
    Notice::TrackSubscribed(track.clone())
}
