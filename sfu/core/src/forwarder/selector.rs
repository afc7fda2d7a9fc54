//! Which layer a subscriber gets, packet by packet.

use std::time::Instant;

use beckon_sfu_api::Kind;

use crate::layers::{Layers, Received};

/// What becomes of one packet for one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Drop,
    Forward,
    /// It belongs before the last switch: it fills its gap, if it left one.
    Late,
    /// The stream switches to this packet's layer, or starts with it.
    Switch,
}

/// The part of a layer between two restarts of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub layer: u8,
    pub epoch: u32,
}

impl Cursor {
    pub(super) fn of(received: &Received) -> Self {
        Cursor { layer: received.layer, epoch: received.epoch }
    }
}

/// Starts and switches at keyframes only, since nothing else can be decoded alone.
#[derive(Debug, Default)]
pub(super) struct Selector {
    target: Option<u8>,
    current: Option<Cursor>,
    /// Where it was before the last switch: packets of it may still arrive, late or repaired.
    previous: Option<Cursor>,
}

impl Selector {
    pub(super) fn target(&self) -> Option<u8> {
        self.target
    }

    pub(super) fn set_target(&mut self, target: Option<u8>) {
        self.target = target;
        if target.is_none() {
            self.stop();
        }
    }

    /// Stops, to start again with a keyframe.
    pub(super) fn stop(&mut self) {
        (self.current, self.previous) = (None, None);
    }

    pub(super) fn current(&self) -> Option<Cursor> {
        self.current
    }

    pub(super) fn select(&mut self, now: Instant, layers: &Layers, received: &Received) -> Verdict {
        let Some(target) = self.target else { return Verdict::Drop };
        let cursor = Cursor::of(received);
        if self.current == Some(cursor) {
            return Verdict::Forward;
        }
        let late = self.previous == Some(cursor);
        let entry = layers.kind == Kind::Audio || (received.info.keyframe && received.info.first);
        if !entry || received.layer != layers.best(now, target) || self.is_past(layers, cursor) {
            return if late { Verdict::Late } else { Verdict::Drop };
        }
        self.previous = self.current.replace(cursor);
        Verdict::Switch
    }

    /// Whether the stream has restarted since; a repaired packet may be from before.
    fn is_past(&self, layers: &Layers, cursor: Cursor) -> bool {
        layers.get(cursor.layer).is_none_or(|layer| layer.epoch() != cursor.epoch)
    }

    /// The layer whose keyframe this waits for.
    pub(super) fn awaits(&self, now: Instant, layers: &Layers) -> Option<u8> {
        let best = layers.best(now, self.target?);
        let cursor = Cursor { layer: best, epoch: layers.get(best)?.epoch() };
        (self.current != Some(cursor)).then_some(best)
    }
}

#[cfg(test)]
#[path = "selector_tests.rs"]
mod tests;
