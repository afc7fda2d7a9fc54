//! One simulcast layer of a track, or all of a track that has none.

use std::time::{Duration, Instant};

use beckon_sfu_api::Kind;

use super::history::{History, Stored};
use super::keyframes::Keyframes;
use super::losses::Losses;
use super::rate::Rate;
use super::reception::{Position, Reception, SenderReport};
use crate::codec::FrameInfo;
use crate::rtcp::Report;
use crate::rtp::Header;

/// A layer counts as stopped if it was silent for this long, ...
const AWAY: Duration = Duration::from_millis(700);
/// ... and the others sent this many frames meanwhile: a still screen sends one frame per second on all layers.
const AWAY_FRAMES: u32 = 8;

/// What was received of one layer.
#[derive(Debug)]
pub struct Layer {
    /// As declared in SDP, or learned from the first packet.
    pub(crate) ssrc: Option<u32>,
    pub(crate) rtx_ssrc: Option<u32>,
    pub(crate) keyframes: Keyframes,
    pub(crate) losses: Losses,
    pub(crate) reception: Option<Reception>,
    history: History,
    rate: Rate,
    /// Counts restarts of the stream, across which sequence numbers and timestamps cannot be compared.
    epoch: u32,
    heard: Option<Instant>,
    /// Frames that other layers sent since this one last did.
    unheard: u32,
}

/// How a packet fits into its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Fits { index: u64 },
    Duplicate,
    Stale,
}

impl Layer {
    pub(crate) fn new(kind: Kind, ssrc: Option<u32>, rtx_ssrc: Option<u32>) -> Self {
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

    /// The highest index received; 0 before the first packet.
    pub fn newest(&self) -> u64 {
        self.reception.as_ref().map_or(0, Reception::highest)
    }

    pub fn sender_report(&self) -> Option<&SenderReport> {
        self.reception.as_ref()?.sender_report()
    }

    /// Whether its publisher currently sends it.
    pub fn is_live(&self, now: Instant) -> bool {
        self.heard.is_some_and(|heard| {
            self.unheard < AWAY_FRAMES || now.saturating_duration_since(heard) <= AWAY
        })
    }

    /// Bits per second over the last second; `None` before one has passed.
    pub fn bits_per_second(&self, now: Instant) -> Option<u64> {
        self.rate.is_settled(now).then(|| self.rate.bits_per_second(now))
    }

    /// Places a received packet, counts it and notes the packets it skipped as missing.
    pub(crate) fn place(&mut self, now: Instant, header: &Header, clock_rate: u32) -> Fit {
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

    /// Places a packet that was received on the repair stream.
    pub(crate) fn place_repaired(&mut self, now: Instant, sequence: u16) -> Fit {
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

    /// Keeps a packet for repairs and for subscribers whose turn comes later.
    pub(crate) fn keep(
        &mut self,
        index: u64,
        header: &Header,
        info: &FrameInfo,
        head: &[u8],
        payload: &[u8],
    ) {
        self.history.put(index, header, info, head, payload);
    }

    pub(crate) fn misses_packets(&self) -> bool {
        !self.losses.is_empty()
    }

    /// Appends the sequence numbers of missing packets to ask for now.
    pub(crate) fn missing(&mut self, now: Instant, sequences: &mut Vec<u16>) {
        let oldest = (self.newest() + 1).saturating_sub(self.history.reach());
        self.losses.due(now, oldest, sequences);
    }

    pub(crate) fn report(&mut self, now: Instant) -> Option<Report> {
        Some(self.reception.as_mut()?.report(now))
    }
    /// Notes a received packet of this many bytes.
    pub(super) fn heard(&mut self, now: Instant, bytes: usize) {
        self.rate.add(now, bytes);
        self.heard = Some(now);
        self.unheard = 0;
    }

    /// Notes that another layer sent a frame.
    pub(super) fn outpaced(&mut self) {
        self.unheard = self.unheard.saturating_add(1);
    }
}
