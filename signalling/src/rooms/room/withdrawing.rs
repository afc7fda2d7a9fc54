//! Announced tracks that no offer takes up: a client that takes back a track before it has offered it says nothing.

use std::time::{Duration, Instant};

use beckon_sfu_api::{Command, ParticipantId, TRACKS_MAX, TrackId};

use super::super::notice::Notice;
use super::Room;
use super::participant::Track;

/// How long an announcement stays that an offer has passed over. SDKs announce several tracks at once and offer one after
/// the other, within a second; they give up a publication after 10 s.
const PASSED_OVER_MAX: Duration = Duration::from_secs(10);
/// How long one stays while nothing is offered: longer than any client tries to connect.
const UNTAKEN_MAX: Duration = Duration::from_secs(60);

impl Room {
    /// An offer was answered, and took up what it took up.
    pub(super) fn pass_over(&mut self, who: &ParticipantId) {
        let Some(publisher) = self.participants.get_mut(who) else { return };
        let untaken = publisher.tracks.iter_mut().filter(|track| !track.published);
        untaken.for_each(|track| track.passed_over = true);
    }

    /// Announcements whose time is up.
    pub(super) fn withdraw_untaken(&mut self, now: Instant) {
        let is_over = |track: &&Track| {
            let max = if track.passed_over { PASSED_OVER_MAX } else { UNTAKEN_MAX };
            !track.published && now.saturating_duration_since(track.announced_at) >= max
        };
        let of = |(who, tracks): (&ParticipantId, &Vec<Track>)| {
            let over = tracks.iter().filter(is_over).map(|track| (who.clone(), track.id.clone()));
            over.collect::<Vec<_>>()
        };
        let tracks = self.participants.iter().map(|(who, publisher)| (who, &publisher.tracks));
        for (who, track) in tracks.flat_map(of).collect::<Vec<_>>() {
            self.withdraw(&who, &track);
        }
    }

    /// A publisher who has as many tracks as it may: what has waited longest for its offer gives way to the next. SDKs put
    /// an offer off while tracks come and go, so that one announces any number before the first offer.
    pub(super) fn make_room_for_a_track(&mut self, who: &ParticipantId) {
        let Some(publisher) = self.participants.get(who) else { return };
        if publisher.tracks.len() < TRACKS_MAX {
            return;
        }
        // they stand in the order in which they came
        let oldest = publisher.tracks.iter().find(|track| !track.published);
        if let Some(track) = oldest.map(|track| track.id.clone()) {
            self.withdraw(who, &track);
        }
    }

    /// Takes an announcement back; its client hears that there is no such track.
    pub(super) fn withdraw(&mut self, who: &ParticipantId, track: &TrackId) {
        let Some(publisher) = self.participants.get_mut(who) else { return };
        publisher.tracks.retain(|it| it.id != *track);
        publisher.send(Notice::TrackUnpublished(track.to_string()));
        self.media.tell(Command::Unpublish { track: track.clone() });
        self.forget(track);
    }
}
