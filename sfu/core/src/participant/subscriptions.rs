//! The subscriptions of a participant.

use std::collections::HashMap;

use beckon_sfu_api::Kind;

use crate::keys::TrackKey;

/// A track that a participant receives, and the stream by which it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub track: TrackKey,
    pub kind: Kind,
    /// Our SSRC of the track, and that of its repairs.
    pub ssrc: u32,
    pub rtx_ssrc: u32,
    /// Paused for lack of bandwidth, as the client was told.
    pub paused: bool,
}

/// All subscriptions of a participant, indexed by track and by SSRC.
#[derive(Default)]
pub(crate) struct Subscriptions {
    in_order: Vec<Subscription>,
    places: HashMap<TrackKey, usize>,
    by_ssrc: HashMap<u32, TrackKey>,
}

impl Subscriptions {
    pub(crate) fn len(&self) -> usize {
        self.in_order.len()
    }

    pub(crate) fn get(&self, at: usize) -> Option<Subscription> {
        self.in_order.get(at).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.in_order.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Subscription> {
        self.in_order.iter_mut()
    }

    pub(crate) fn has(&self, track: TrackKey) -> bool {
        self.places.contains_key(&track)
    }

    /// How many are of this kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> usize {
        self.in_order.iter().filter(|subscription| subscription.kind == kind).count()
    }

    /// Finds the track of a stream that this participant receives.
    pub(crate) fn by_ssrc(&self, ssrc: u32) -> Option<TrackKey> {
        self.by_ssrc.get(&ssrc).copied()
    }

    /// Adds one and returns its SSRC and that of its repairs.
    pub(crate) fn add(&mut self, track: TrackKey, kind: Kind) -> (u32, u32) {
        let (ssrc, rtx_ssrc) = self.name(track);
        self.places.insert(track, self.in_order.len());
        self.in_order.push(Subscription { track, kind, ssrc, rtx_ssrc, paused: false });
        (ssrc, rtx_ssrc)
    }

    /// Gives the track new SSRCs and returns them.
    pub(crate) fn renew(&mut self, track: TrackKey) -> Option<(u32, u32)> {
        let at = *self.places.get(&track)?;
        let (ssrc, rtx_ssrc) = self.name(track);
        let subscription = self.in_order.get_mut(at)?;
        self.by_ssrc.remove(&subscription.ssrc);
        self.by_ssrc.remove(&subscription.rtx_ssrc);
        (subscription.ssrc, subscription.rtx_ssrc) = (ssrc, rtx_ssrc);
        Some((ssrc, rtx_ssrc))
    }

    pub(crate) fn forget_unless(&mut self, keep: impl Fn(TrackKey) -> bool) {
        if self.in_order.iter().all(|subscription| keep(subscription.track)) {
            return;
        }
        self.in_order.retain(|subscription| keep(subscription.track));
        let numbered = self.in_order.iter().enumerate();
        self.places = numbered.map(|(at, subscription)| (subscription.track, at)).collect();
        let names = self.in_order.iter();
        let names = names.flat_map(|subscription| {
            [(subscription.ssrc, subscription.track), (subscription.rtx_ssrc, subscription.track)]
        });
        self.by_ssrc = names.collect();
    }

    /// Picks SSRCs that no stream to this participant has.
    fn name(&mut self, track: TrackKey) -> (u32, u32) {
        let [ssrc, rtx_ssrc] = [(); 2].map(|()| {
            loop {
                let ssrc = rand::random();
                if ssrc != 0 && !self.by_ssrc.contains_key(&ssrc) {
                    self.by_ssrc.insert(ssrc, track);
                    return ssrc;
                }
            }
        });
        (ssrc, rtx_ssrc)
    }
}
