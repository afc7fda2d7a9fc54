//! Divides a subscriber's estimated bandwidth among its tracks.

use std::cmp::Reverse;

use beckon_sfu_api::{Kind, LAYERS_MAX, Source};

/// In hundredths: a layer that is forwarded already is charged its rate, ...
const KEPT: u64 = 100;
/// ... a new one more, so that it is not dropped again at once for lack of headroom.
const NEW: u64 = 115;

/// The bandwidth that one subscription could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    pub kind: Kind,
    pub source: Source,
    /// Bits per second of each layer, lowest first.
    pub layers: [u64; LAYERS_MAX],
    /// Whether each layer is currently sent.
    pub lives: [bool; LAYERS_MAX],
    /// The highest layer that the subscriber can use.
    pub max_layer: u8,
    /// The layer that it gets now; `None` if it is paused.
    pub current: Option<u8>,
}

/// Shared screens first, then larger pictures.
type Rank = (Reverse<bool>, Reverse<u8>);

/// What the allocator grants one demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    Layer(u8),
    Paused,
}

/// Divides `budget_bps`: `grants` gets one entry per demand, in the same order. Audio is always granted, even beyond the
/// budget. Then every video gets its lowest layer, shared screens first; then each keeps the layer it has; then layers are
/// raised: screens to the top, the others step by step, large ones before small ones.
pub fn allocate(budget_bps: u64, demands: &[Demand], grants: &mut Vec<Grant>) {
    grants.clear();
    grants.extend(demands.iter().map(Demand::unbudgeted));
    let audio = demands.iter().filter(|demand| demand.kind == Kind::Audio);
    let audio = audio.fold(0, |sum: u64, demand| sum.saturating_add(demand.layers[0]));
    let left = budget_bps.saturating_sub(audio).saturating_mul(KEPT);
    let mut share = Remaining { left, demands, grants };
    share.each_in_order(Remaining::start);
    share.each_in_order(Remaining::keep);
    for (at, _) in demands.iter().enumerate().filter(|(_, demand)| demand.is_screen()) {
        while share.raise(at) {}
    }
    for _ in 1..LAYERS_MAX {
        share.each_in_order(|share, at| {
            share.raise(at);
        });
    }
}

impl Demand {
    fn is_screen(&self) -> bool {
        self.kind == Kind::Video && self.source == Source::ScreenShare
    }

    /// The live layers that the subscriber can use, lowest first.
    fn useful(&self) -> impl DoubleEndedIterator<Item = u8> {
        let top = self.max_layer.min(LAYERS_MAX as u8 - 1);
        let lives = self.lives;
        let wanted = (0..=top).filter(move |layer| lives[usize::from(*layer)]);
        // If only larger ones are live, the smallest of them has to do.
        let least = (top + 1..LAYERS_MAX as u8).find(move |layer| lives[usize::from(*layer)]);
        let fallback = least.filter(|_| !lives[..=usize::from(top)].contains(&true));
        wanted.chain(fallback)
    }

    /// The grant before any budget is spent: audio, and videos of which nothing has been received yet, cost nothing.
    fn unbudgeted(&self) -> Grant {
        match (self.kind, self.useful().next()) {
            (Kind::Audio, _) => Grant::Layer(0),
            (Kind::Video, None) => Grant::Layer(self.max_layer),
            (Kind::Video, Some(_)) => Grant::Paused,
        }
    }

    /// Bits per second up to a layer. A still picture may measure less than a smaller one, but a higher layer never costs
    /// less than a lower one.
    fn cost(&self, layer: u8) -> u64 {
        self.layers[..=usize::from(layer)].iter().copied().max().unwrap_or(0)
    }

    /// The order in which demands of one kind are served.
    fn rank(&self) -> Rank {
        (Reverse(self.is_screen()), Reverse(self.max_layer))
    }
}

struct Remaining<'a> {
    /// In hundredths of a bit per second.
    left: u64,
    demands: &'a [Demand],
    grants: &'a mut [Grant],
}

impl Remaining<'_> {
    /// Walks the videos by rank without sorting them, since there are few ranks.
    fn each_in_order(&mut self, mut serve: impl FnMut(&mut Self, usize)) {
        let demands = self.demands;
        let pictures =
            || demands.iter().enumerate().filter(|(_, demand)| demand.kind == Kind::Video);
        let after = |last: Option<Rank>| {
            let ranks = pictures().map(|(_, demand)| demand.rank());
            ranks.filter(|rank| last.is_none_or(|last| *rank > last)).min()
        };
        let mut next = after(None);
        while let Some(rank) = next {
            for (at, _) in pictures().filter(|(_, demand)| demand.rank() == rank) {
                serve(self, at);
            }
            next = after(next);
        }
    }

    fn start(&mut self, at: usize) {
        let demand = &self.demands[at];
        if self.grants[at] != Grant::Paused {
            return;
        }
        if let Some(lowest) = demand.useful().next() {
            self.grant(at, lowest, demand.current.is_none());
        }
    }

    fn keep(&mut self, at: usize) {
        let demand = &self.demands[at];
        let Some(current) = demand.current else { return };
        for layer in demand.useful().take_while(|layer| *layer <= current) {
            self.grant(at, layer, false);
        }
    }

    /// Raises a demand by one layer, if there is one and the budget permits it.
    fn raise(&mut self, at: usize) -> bool {
        let Grant::Layer(granted) = self.grants[at] else { return false };
        let next = self.demands[at].useful().find(|layer| *layer > granted);
        next.is_some_and(|layer| self.grant(at, layer, true))
    }

    fn grant(&mut self, at: usize, layer: u8, new: bool) -> bool {
        let demand = &self.demands[at];
        let before = match self.grants[at] {
            Grant::Layer(before) if before >= layer => return false,
            Grant::Layer(before) => demand.cost(before),
            Grant::Paused => 0,
        };
        let cost = demand.cost(layer).saturating_sub(before);
        let price = cost.saturating_mul(if new { NEW } else { KEPT });
        if price > self.left {
            return false;
        }
        self.left -= price;
        self.grants[at] = Grant::Layer(layer);
        true
    }
}

#[cfg(test)]
#[path = "allocator_tests.rs"]
mod tests;
