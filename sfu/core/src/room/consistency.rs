//! What always holds in a room, looked at after every command where debug assertions are on.

use super::Room;
use crate::keys::{ParticipantKey, TrackKey};
use crate::participant::Participant;
use crate::track::Track;

impl Room {
    /// Every name leads to what it names, and every subscription has its forwarder and the other way round.
    pub(crate) fn is_consistent(&self) -> bool {
        self.by_id.len() == self.participants.len()
            && self.track_ids.len() == self.tracks.len()
            && self
                .participants
                .iter()
                .all(|(key, participant)| self.is_participant_consistent(key, participant))
            && self.tracks.iter().all(|(key, track)| self.is_track_consistent(key, track))
    }

    fn is_participant_consistent(&self, key: ParticipantKey, participant: &Participant) -> bool {
        let mut subscriptions = participant.subscriptions.iter();
        let mut sources = participant.sources.values();
        let mut published = participant.published.iter();
        self.by_id.get(&participant.id) == Some(&key)
            && subscriptions.all(|subscription| {
                // it is forgotten with the chores, if its track is gone
                let Some(track) = self.tracks.get(subscription.track) else {
                    return !self.chores.is_empty();
                };
                track.forwarder(key).is_some_and(|forwarder| forwarder.ssrc == subscription.ssrc)
            })
            && sources.all(|(track, _)| self.is_owner(key, *track))
            && published.all(|(_, track)| self.is_owner(key, *track))
            && participant.announced.iter().all(|track| !self.track_ids.contains_key(&track.id))
    }

    fn is_track_consistent(&self, key: TrackKey, track: &Track) -> bool {
        let owner = self.participants.get(track.owner);
        self.track_ids.get(&track.id) == Some(&key)
            && owner.is_some_and(|publisher| publisher.published.contains(&(track.id.clone(), key)))
            && track.forwarders.is_sorted_by_key(|forwarder| forwarder.to)
            && track.forwarders.iter().all(|forwarder| {
                let subscriber = self.participants.get(forwarder.to);
                subscriber.map_or(!self.chores.is_empty(), |participant| {
                    participant.subscriptions.has(key)
                })
            })
    }

    fn is_owner(&self, key: ParticipantKey, track: TrackKey) -> bool {
        self.tracks.get(track).is_some_and(|track| track.owner == key)
    }
}
