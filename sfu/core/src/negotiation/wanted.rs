//! What a participant is to receive.

use std::collections::HashMap;

use beckon_sfu_api::{Codec, Kind, ParticipantId, Source, TrackId};

/// A track that the participant is to receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub track: TrackId,
    pub publisher: ParticipantId,
    pub kind: Kind,
    pub source: Source,
    pub codec: Codec,
    /// Its sound has two channels.
    pub stereo: bool,
    pub ssrc: u32,
    /// Announced only if the section has a repair format.
    pub rtx_ssrc: u32,
}

/// All of them, each found at once: there may be thousands, and as many sections.
pub(super) struct AllWanted<'w> {
    in_order: &'w [Wanted],
    by_ssrc: HashMap<u32, &'w Wanted>,
}

impl<'w> AllWanted<'w> {
    pub(super) fn new(in_order: &'w [Wanted]) -> AllWanted<'w> {
        let by_ssrc = in_order.iter().map(|wanted| (wanted.ssrc, wanted)).collect();
        AllWanted { in_order, by_ssrc }
    }

    /// This subscription, if it is still wanted: a later subscription to the track has another SSRC.
    pub(super) fn find(&self, track: &TrackId, ssrc: u32) -> Option<&'w Wanted> {
        self.by_ssrc.get(&ssrc).copied().filter(|wanted| wanted.track == *track)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'w Wanted> + use<'w> {
        self.in_order.iter()
    }
}

/// Subscriptions that cannot be had. They are not tried again.
#[derive(Default)]
pub(super) struct Hopeless(HashMap<u32, TrackId>);

impl Hopeless {
    pub(super) fn add(&mut self, track: TrackId, ssrc: u32) {
        self.0.insert(ssrc, track);
    }

    pub(super) fn has(&self, wanted: &Wanted) -> bool {
        self.0.get(&wanted.ssrc) == Some(&wanted.track)
    }

    /// Forgets what is no longer wanted.
    pub(super) fn refresh(&mut self, wanted: &AllWanted<'_>) {
        self.0.retain(|ssrc, track| wanted.find(track, *ssrc).is_some());
    }
}
