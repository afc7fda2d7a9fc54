//! The simulcast layers of a track as they arrive: their order, losses, keyframes and rate, and the packets kept of them.

mod history;
mod keyframes;
mod layer;
mod losses;
mod rate;
mod reception;
mod sequence;

use std::time::Instant;

use beckon_sfu_api::{Codec, Kind};

pub(crate) use self::history::Stored;
pub(crate) use self::layer::Fit;
pub(crate) use self::layer::Layer;
pub(crate) use self::rate::Rate;
pub(crate) use self::reception::ticks;
use crate::codec::FrameInfo;
use crate::rtp::Header;

/// All layers of a track, lowest first.
#[derive(Debug)]
pub struct Layers {
    pub kind: Kind,
    pub codec: Codec,
    list: Vec<Layer>,
}

/// A packet that was received for the first time and is in its layer's history.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    pub layer: u8,
    pub epoch: u32,
    /// Extended sequence number, which is its index in the history.
    pub index: u64,
    /// With the layer's SSRC, payload type and sequence number, even if the packet was a repair.
    pub header: Header,
    pub info: FrameInfo,
    pub payload_len: u16,
}

impl Layers {
    pub(crate) fn new(codec: Codec, list: Vec<Layer>) -> Self {
        Layers { kind: codec.kind(), codec, list }
    }

    pub fn get(&self, layer: u8) -> Option<&Layer> {
        self.list.get(usize::from(layer))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Layer> {
        self.list.iter()
    }

    pub fn count(&self) -> u8 {
        self.list.len() as u8
    }

    /// A packet of a layer's current epoch as it was received, if it is still kept.
    pub fn recall(&self, layer: u8, index: u64) -> Option<Received> {
        let kept = self.get(layer)?;
        let stored = kept.stored(index)?;
        Some(Received {
            layer,
            epoch: kept.epoch(),
            index,
            header: *stored.header,
            info: *stored.info,
            payload_len: stored.payload().len() as u16,
        })
    }

    /// The best available layer for `target`: itself or the nearest lower one that is live, else the nearest higher one,
    /// else the target itself.
    pub fn best(&self, now: Instant, target: u8) -> u8 {
        let top = self.count().saturating_sub(1);
        let target = target.min(top);
        if top == 0 {
            return 0;
        }
        let lives = |layer: &u8| self.get(*layer).is_some_and(|layer| layer.is_live(now));
        let lower = (0..=target).rev().find(lives);
        lower.or_else(|| (target + 1..=top).find(lives)).unwrap_or(target)
    }

    pub(crate) fn get_mut(&mut self, layer: u8) -> Option<&mut Layer> {
        self.list.get_mut(usize::from(layer))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Layer> {
        self.list.iter_mut()
    }

    /// Notes that a layer sent something; `frame_end` if that was the last packet of a frame.
    pub(crate) fn heard(&mut self, now: Instant, layer: u8, bytes: usize, frame_end: bool) {
        for (at, other) in self.list.iter_mut().enumerate() {
            if at == usize::from(layer) {
                other.heard(now, bytes);
            } else if frame_end {
                other.outpaced();
            }
        }
    }
}
