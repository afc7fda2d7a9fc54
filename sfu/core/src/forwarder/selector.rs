//! Which layer a subscriber gets, packet by packet.

use std::time::Instant;

use beckon_sfu_api::Kind;

use crate::layers::{Layers, Received};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Drop,
    Forward,
    /// It is of what was forwarded before the last switch: it goes into its gap, if it left one.
    Late,
    /// The stream goes on with this packet in the place of what was forwarded before, if anything was.
    Switch,
}

/// A stretch of a layer without a new beginning in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub layer: u8,
    pub epoch: u32,
}

impl Place {
    pub fn of(received: &Received) -> Self {
        Place { layer: received.layer, epoch: received.epoch }
    }
}

/// Starts and switches at keyframes alone: nothing else can be decoded without what was before.
#[derive(Debug, Default)]
pub struct Selector {
    target: Option<u8>,
    current: Option<Place>,
    /// What was forwarded until the last switch: some of it may still come, late or repaired.
    previous: Option<Place>,
}

impl Selector {
    pub fn target(&self) -> Option<u8> {
        self.target
    }

    pub fn set_target(&mut self, target: Option<u8>) {
        self.target = target;
        if target.is_none() {
            self.stop();
        }
    }

    /// Forgets what was forwarded: it starts again with a keyframe.
    pub fn stop(&mut self) {
        (self.current, self.previous) = (None, None);
    }

    pub fn current(&self) -> Option<Place> {
        self.current
    }

    pub fn select(&mut self, now: Instant, layers: &Layers, received: &Received) -> Verdict {
        let Some(target) = self.target else { return Verdict::Drop };
        let place = Place::of(received);
        if self.current == Some(place) {
            return Verdict::Forward;
        }
        let late = self.previous == Some(place);
        let entry = layers.kind == Kind::Audio || (received.info.keyframe && received.info.first);
        if !entry || received.layer != layers.best(now, target) || self.is_past(layers, place) {
            return if late { Verdict::Late } else { Verdict::Drop };
        }
        self.previous = self.current.replace(place);
        Verdict::Switch
    }

    /// A repaired packet may be of a stretch that is over.
    fn is_past(&self, layers: &Layers, place: Place) -> bool {
        layers.get(place.layer).is_none_or(|layer| layer.epoch() != place.epoch)
    }

    /// The layer whose keyframe this waits for.
    pub fn awaits(&self, now: Instant, layers: &Layers) -> Option<u8> {
        let best = layers.best(now, self.target?);
        let place = Place { layer: best, epoch: layers.get(best)?.epoch() };
        (self.current != Some(place)).then_some(best)
    }
}

#[cfg(test)]
#[path = "selector_tests.rs"]
mod tests;
