//! Publishing tracks and subscribing to them.

use std::collections::HashSet;

use beckon_sfu_api::{
    Announced, Event, ParticipantId, Permissions, Preference, Refused, TRACKS_MAX, TrackId,
};

use super::{Context, Room};
use crate::forwarder::Forwarder;
use crate::keys::{ParticipantKey, TrackKey};
use crate::participant::Unsettled;

impl Room {
    /// Notes a track whose media section will come with an offer of its publisher.
    pub(super) fn announce(&mut self, id: &ParticipantId, track: Announced, ctx: &mut Context<'_>) {
        let key = self.by_id.get(id).copied();
        let mut all = self.participants.values().flat_map(|participant| &participant.announced);
        let announced = all.any(|announced| announced.id == track.id);
        let Some(participant) = key.and_then(|key| self.participants.get_mut(key)) else {
            return self.refuse(id, Some(track.id), Refused::NotFound, ctx);
        };
        let known = self.track_ids.contains_key(&track.id) || announced;
        let why = if !participant.permissions.publish {
            Refused::Denied
        } else if known || participant.announced.len() + participant.published.len() >= TRACKS_MAX {
            Refused::Limit
        } else {
            participant.announced.push(track);
            return;
        };
        self.refuse(id, Some(track.id), why, ctx);
    }

    pub(super) fn unpublish(&mut self, id: &TrackId, ctx: &mut Context<'_>) {
        let Some(key) = self.track_ids.get(id).copied() else {
            for participant in self.participants.values_mut() {
                participant.announced.retain(|announced| announced.id != *id);
            }
            return;
        };
        self.take_away(key, ctx);
    }

    /// Ends a track that its publisher still sends.
    fn take_away(&mut self, key: TrackKey, ctx: &mut Context<'_>) {
        let Some(track) = self.tracks.get(key) else { return };
        if let Some(owner) = self.participants.get_mut(track.owner) {
            owner.answerer.forget(&track.id);
        }
        self.end_track(key, ctx);
    }

    /// Removes a track; its subscribers will renegotiate.
    pub(super) fn end_track(&mut self, key: TrackKey, ctx: &mut Context<'_>) {
        let Some(track) = self.tracks.remove(key) else { return };
        self.track_ids.remove(&track.id);
        if let Some(owner) = self.participants.get_mut(track.owner) {
            owner.published.retain(|(_, published)| *published != key);
            owner.sources.retain(|_, (source, _)| *source != key);
            let participant = owner.id.clone();
            ctx.tell(&self.id, Event::Unpublished { participant, track: track.id });
        }
        self.chores.bereave(track.forwarders);
    }

    pub(super) fn end_tracks_of(&mut self, key: ParticipantKey, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        participant.announced.clear();
        let published: Vec<TrackKey> = participant.published.iter().map(|(_, key)| *key).collect();
        for track in published {
            self.take_away(track, ctx);
        }
    }

    pub(super) fn mute(&mut self, id: &TrackId, muted: bool) {
        if let Some(track) = self.track_ids.get(id).and_then(|key| self.tracks.get_mut(*key)) {
            return track.mute(muted);
        }
        let announced = self.participants.values_mut().flat_map(|one| &mut one.announced);
        for announced in announced.filter(|announced| announced.id == *id) {
            announced.muted = muted;
        }
    }

    pub(super) fn subscribe(
        &mut self,
        id: &ParticipantId,
        tracks: &[TrackId],
        ctx: &mut Context<'_>,
    ) {
        let Some(key) = self.by_id.get(id).copied() else {
            return self.refuse(id, None, Refused::NotFound, ctx);
        };
        if let Some(participant) = self.participants.get_mut(key) {
            participant.subscriptions.forget_unless(|track| self.tracks.contains_key(track));
        }
        for track in tracks {
            if let Err(why) = self.subscribe_to(key, track) {
                self.refuse(id, Some(track.clone()), why, ctx);
            }
        }
        self.renegotiate(key);
    }

    fn subscribe_to(&mut self, key: ParticipantKey, id: &TrackId) -> Result<(), Refused> {
        let track_key = *self.track_ids.get(id).ok_or(Refused::NotFound)?;
        let track = self.tracks.get_mut(track_key).ok_or(Refused::NotFound)?;
        let participant = self.participants.get_mut(key).ok_or(Refused::NotFound)?;
        if !participant.permissions.subscribe || track.owner == key {
            return Err(Refused::Denied);
        }
        if participant.subscriptions.has(track_key) {
            return Ok(());
        }
        let kind = track.kind();
        if participant.subscriptions.of_kind(kind) >= self.settings.received_max() {
            return Err(Refused::Limit);
        }
        let (ssrc, rtx_ssrc) = participant.subscriptions.add(track_key, kind);
        track.attach(Forwarder::new(key, ssrc, rtx_ssrc));
        Ok(())
    }

    /// Gives the subscribers of a track a new stream, with new SSRCs, since its codec changed.
    pub(super) fn resubscribe(&mut self, key: TrackKey) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        for forwarder in &mut track.forwarders {
            let Some(subscriber) = self.participants.get_mut(forwarder.to) else { continue };
            let Some((ssrc, rtx_ssrc)) = subscriber.subscriptions.renew(key) else { continue };
            let mut fresh = Forwarder::new(forwarder.to, ssrc, rtx_ssrc);
            fresh.preference = forwarder.preference;
            *forwarder = fresh;
        }
        let subscribers: Vec<ParticipantKey> =
            track.forwarders.iter().map(|forwarder| forwarder.to).collect();
        subscribers.into_iter().for_each(|subscriber| self.renegotiate(subscriber));
    }

    pub(super) fn unsubscribe(&mut self, id: &ParticipantId, tracks: &[TrackId]) {
        let Some(key) = self.by_id.get(id).copied() else { return };
        let tracks = tracks.iter().filter_map(|track| self.track_ids.get(track).copied());
        self.unsubscribe_from(key, &tracks.collect());
        self.renegotiate(key);
    }

    fn unsubscribe_from(&mut self, key: ParticipantKey, tracks: &HashSet<TrackKey>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        participant.subscriptions.forget_unless(|track| !tracks.contains(&track));
        for track in tracks {
            if let Some(track) = self.tracks.get_mut(*track) {
                track.detach(key);
            }
        }
    }

    pub(super) fn prefer(&mut self, id: &ParticipantId, preferences: Vec<(TrackId, Preference)>) {
        let Some(key) = self.by_id.get(id).copied() else { return };
        for (track, preference) in preferences {
            let track = self.track_ids.get(&track).and_then(|track| self.tracks.get_mut(*track));
            if let Some(forwarder) = track.and_then(|track| track.forwarder_mut(key)) {
                forwarder.preference = preference;
            }
        }
        self.unsettle(key, Unsettled { shares: true, descriptions: false });
    }

    pub(super) fn permit(
        &mut self,
        id: &ParticipantId,
        permissions: Permissions,
        ctx: &mut Context<'_>,
    ) {
        let Some(key) = self.by_id.get(id).copied() else { return };
        let Some(participant) = self.participants.get_mut(key) else { return };
        participant.permissions = permissions;
        if !permissions.subscribe {
            let tracks =
                participant.subscriptions.iter().map(|subscription| subscription.track).collect();
            self.unsubscribe_from(key, &tracks);
        }
        if !permissions.publish {
            self.end_tracks_of(key, ctx);
        }
        self.renegotiate(key);
    }
}
