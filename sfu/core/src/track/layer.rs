//! One simulcast layer of a track, or all of a track that has none.

use std::time::{Duration, Instant};

use beckon_sfu_api::{Codec, Kind};

use super::Received;
use super::history::{History, Stored};
use super::keyframes::Keyframes;
use super::losses::Losses;
use super::rate::Rate;
use super::reception::{Position, Reception, SenderReport};
use crate::codec::FrameInfo;
use crate::rtcp::Report;
use crate::rtp::Header;

/// Simulcast has three steps at most.
pub const LAYERS_MAX: usize = 3;
/// A layer is away if it was silent for so long, ...
const AWAY: Duration = Duration::from_millis(700);
/// ... and the others sent as many frames meanwhile: a still screen comes once a second on all layers.
const AWAY_FRAMES: u32 = 8;

/// All layers of a track, lowest first.
#[derive(Debug)]
pub struct Layers {
    pub kind: Kind,
    pub codec: Codec,
    list: Vec<Layer>,
}

#[derive(Debug)]
pub struct Layer {
    /// As declared in SDP, or learnt from the first packet.
    pub(super) ssrc: Option<u32>,
    pub(super) rtx_ssrc: Option<u32>,
    pub(super) keyframes: Keyframes,
    pub(super) losses: Losses,
    pub(super) reception: Option<Reception>,
    history: History,
    rate: Rate,
    /// Counts new beginnings of the stream: sequence numbers and timestamps are not comparable over them.
    epoch: u32,
    heard: Option<Instant>,
    /// Frames of other layers since this one was heard.
    unheard: u32,
}

/// How a packet fits into its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Fits { index: u64 },
    Duplicate,
    Stale,
}

impl Layer {
    pub(super) fn new(kind: Kind, ssrc: Option<u32>, rtx_ssrc: Option<u32>) -> Self {
        Layer {
            ssrc,
            rtx_ssrc,
            keyframes: Keyframes::default(),
            losses: Losses::default(),
            reception: None,
            history: History::new(kind),
            rate: Rate::default(),
            epoch: 0,
            heard: None,
            unheard: 0,
        }
    }

    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// A packet that is still kept.
    pub fn stored(&self, index: u64) -> Option<Stored<'_>> {
        self.history.get(index)
    }

    /// The highest index that came.
    pub fn newest(&self) -> u64 {
        self.reception.as_ref().map_or(0, Reception::highest)
    }

    pub fn sender_report(&self) -> Option<&SenderReport> {
        self.reception.as_ref()?.sender_report()
    }

    /// Whether it sends.
    pub fn is_live(&self, now: Instant) -> bool {
        self.heard.is_some_and(|heard| {
            self.unheard < AWAY_FRAMES || now.saturating_duration_since(heard) <= AWAY
        })
    }

    /// Measured over the last second; `None` before there was one.
    pub fn bits_per_second(&self, now: Instant) -> Option<u64> {
        self.rate.is_settled(now).then(|| self.rate.bits_per_second(now))
    }

    /// Places a packet as it came, counts it and notices what it skipped.
    pub(super) fn place(&mut self, now: Instant, header: &Header, clock_rate: u32) -> Fit {
        let reception = self
            .reception
            .get_or_insert_with(|| Reception::new(now, header.ssrc, clock_rate, header.sequence));
        let position = if reception.ssrc() == header.ssrc {
            reception.place(header.sequence)
        } else {
            reception.replace(header.ssrc, header.sequence)
        };
        self.ssrc = Some(header.ssrc);
        let index = match position {
            Position::Newest { index, skipped } => {
                self.losses.skipped(now, index - skipped..index);
                index
            }
            Position::First { index, skipped } => {
                self.losses.preceded(now, index + 1..index + 1 + skipped);
                index
            }
            Position::Late { index } if self.history.contains(index) => return Fit::Duplicate,
            Position::Late { index } => {
                self.losses.arrived(now, index);
                index
            }
            Position::Anew { index } => {
                self.losses.forget();
                self.epoch += 1;
                index
            }
            Position::Stray => return Fit::Stale,
        };
        reception.count(now, header.timestamp);
        Fit::Fits { index }
    }

    /// Places a packet that came again on the repair stream.
    pub(super) fn place_repaired(&mut self, now: Instant, sequence: u16) -> Fit {
        let Some(reception) = &self.reception else { return Fit::Stale };
        let index = reception.locate(sequence);
        let newest = reception.highest();
        if self.history.contains(index) {
            return Fit::Duplicate;
        }
        if index > newest || index + self.history.reach() <= newest {
            return Fit::Stale;
        }
        self.losses.arrived(now, index);
        Fit::Fits { index }
    }

    pub(super) fn keep(
        &mut self,
        index: u64,
        header: &Header,
        info: &FrameInfo,
        head: &[u8],
        payload: &[u8],
    ) {
        self.history.put(index, header, info, head, payload);
    }

    pub(super) fn misses_packets(&self) -> bool {
        !self.losses.is_empty()
    }

    /// Appends the sequence numbers of missing packets to ask for now.
    pub(super) fn missing(&mut self, now: Instant, sequences: &mut Vec<u16>) {
        let oldest = (self.newest() + 1).saturating_sub(self.history.reach());
        self.losses.due(now, oldest, sequences);
    }

    pub(super) fn report(&mut self, now: Instant) -> Option<Report> {
        Some(self.reception.as_mut()?.report(now))
    }
}

impl Layers {
    pub(super) fn new(codec: Codec, list: Vec<Layer>) -> Self {
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

    /// A packet of a layer's current epoch as it was when it came, if it is still kept.
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

    /// The best layer to be had instead of `target`: that or the nearest lower one that lives, else the nearest higher
    /// one, else the target itself.
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

    pub(super) fn get_mut(&mut self, layer: u8) -> Option<&mut Layer> {
        self.list.get_mut(usize::from(layer))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Layer> {
        self.list.iter_mut()
    }

    /// Notes that a layer sent something; `frame_end` if that was the last packet of a frame.
    pub(super) fn heard(&mut self, now: Instant, layer: u8, bytes: usize, frame_end: bool) {
        for (at, other) in self.list.iter_mut().enumerate() {
            if at == usize::from(layer) {
                other.rate.add(now, bytes);
                other.heard = Some(now);
                other.unheard = 0;
            } else if frame_end {
                other.unheard = other.unheard.saturating_add(1);
            }
        }
    }
}
