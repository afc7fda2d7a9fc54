//! What a participant receives: what it wants and may, everybody's voice first, as far as there is room.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use beckon_sfu_api::{Command, Kind, ParticipantId, Preference, Source, TrackId};

use super::super::notice::{Notice, SubscriptionError};
use super::Room;
use super::answers::REFUSED_MAX;
use super::participant::{Participant, Track};

/// A track that might be received. The order of its fields is the order in which they get their places.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    is_video: bool,
    /// How many of its kind its publisher has before it: nobody drowns out the others.
    number: usize,
    /// What is received already stays.
    is_new: bool,
    published_by: Instant,
    track: TrackId,
}

impl Candidate {
    fn kind(&self) -> Kind {
        if self.is_video { Kind::Video } else { Kind::Audio }
    }
}

impl Room {
    /// Has what a participant receives looked at again, once all that has happened by now is taken in.
    pub(super) fn look_again(&mut self, who: &ParticipantId) {
        self.unsettled.insert(who.clone());
    }

    /// The same for everybody else.
    pub(super) fn look_again_but(&mut self, who: &ParticipantId) {
        let others = self.participants.keys().filter(|id| *id != who);
        self.unsettled.extend(others.cloned());
    }

    /// Whoever was refused a track for want of room may have it now.
    pub(super) fn look_again_at_refused(&mut self) {
        let refused = self.participants.values().filter(|one| !one.unplaced.is_empty());
        self.unsettled.extend(refused.map(|one| one.id.clone()));
    }

    /// Brings what everybody receives up to date. So a burst of publications costs the media node an order for each
    /// subscriber, not one for each pair.
    pub(super) fn settle(&mut self) {
        for who in std::mem::take(&mut self.unsettled) {
            self.reconcile(&who);
        }
    }

    /// Makes the media node send to a participant exactly what it wants, may receive and has room for.
    pub(super) fn reconcile(&mut self, who: &ParticipantId) {
        self.unsettled.remove(who);
        let Some(it) = self.participants.get(who) else { return };
        let (target, unplaced) = self.choose(it);
        let coming: Vec<_> =
            target.iter().filter(|t| !it.subscribed.contains(t)).cloned().collect();
        let keep: HashSet<_> = target.into_iter().collect();
        let going: Vec<_> = it.subscribed.iter().filter(|t| !keep.contains(t)).cloned().collect();
        let preferences: Vec<_> = coming
            .iter()
            .filter_map(|track| Some((track.clone(), *it.preferences.get(track)?)))
            .collect();
        if let Some(it) = self.participants.get_mut(who) {
            it.subscribed = keep;
            it.tell_unplaced(unplaced);
        }
        self.order(who, going, &coming, preferences);
        coming.iter().for_each(|track| self.tell_heard(track));
    }

    fn order(
        &mut self,
        who: &ParticipantId,
        going: Vec<TrackId>,
        coming: &[TrackId],
        preferences: Vec<(TrackId, Preference)>,
    ) {
        let participant = || who.clone();
        if !going.is_empty() {
            self.media.tell(Command::Unsubscribe { participant: participant(), tracks: going });
        }
        if !coming.is_empty() {
            let tracks = coming.to_vec();
            self.media.tell(Command::Subscribe { participant: participant(), tracks });
        }
        if !preferences.is_empty() {
            self.media.tell(Command::Prefer { participant: participant(), preferences });
        }
    }

    /// All that a participant wants and may receive: what there is room for, in order, and what there is none for.
    fn choose(&self, it: &Participant) -> (Vec<TrackId>, Vec<TrackId>) {
        let mut candidates = self.receivable(it);
        candidates.sort_unstable();
        let mut placed: HashMap<Kind, usize> = HashMap::new();
        let (fits, rest): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|candidate| {
            let placed = placed.entry(candidate.kind()).or_default();
            *placed += 1;
            *placed <= it.places.of(candidate.kind())
        });
        let tracks = |list: Vec<Candidate>| list.into_iter().map(|one| one.track).collect();
        (tracks(fits), tracks(rest))
    }

    fn receivable(&self, it: &Participant) -> Vec<Candidate> {
        if !it.may_subscribe() {
            return vec![];
        }
        let mut candidates = Vec::new();
        for other in self.visible().filter(|other| other.id != it.id) {
            for (track, number) in numbered(other) {
                if it.wants(&track.id) && other.permits(it, &track.id) {
                    candidates.push(Candidate {
                        is_video: is_video(track),
                        number,
                        is_new: !it.subscribed.contains(&track.id),
                        published_by: other.joined_at,
                        track: track.id.clone(),
                    });
                }
            }
        }
        candidates
    }
}

impl Participant {
    /// It hears of each track that there is no room for, once; of so many at a time.
    fn tell_unplaced(&mut self, unplaced: Vec<TrackId>) {
        let (known, new): (Vec<_>, Vec<_>) =
            unplaced.into_iter().partition(|track| self.unplaced.contains(track));
        self.unplaced = known.into_iter().collect();
        for track in new.into_iter().take(REFUSED_MAX) {
            tracing::info!(participant.id = %self.id, %track, "no room to receive a track");
            metrics::counter!("beckon_room_subscriptions_refused_total", "why" => "limit")
                .increment(1);
            self.send(Notice::SubscriptionFailed(track.clone(), SubscriptionError::Limit));
            self.unplaced.insert(track);
        }
    }
}

/// What somebody publishes, each with the number of its kind: the microphone before other sound, a shared screen
/// before a camera.
fn numbered(publisher: &Participant) -> impl Iterator<Item = (&Track, usize)> {
    let mut tracks: Vec<_> = publisher.published().collect();
    tracks.sort_by_key(|track| match track.info.source {
        Source::Microphone | Source::ScreenShare => 0,
        Source::Camera => 1,
        Source::ScreenShareAudio => 2,
        Source::Unknown => 3,
    });
    let (mut audios, mut videos) = (0.., 0..);
    tracks.into_iter().filter_map(move |track| {
        let number = if is_video(track) { videos.next() } else { audios.next() };
        Some((track, number?))
    })
}

pub(super) fn is_video(track: &Track) -> bool {
    track.info.kind == Kind::Video
}
