//! The packets that recent outgoing sequence numbers stood for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use beckon_sfu_api::Kind;

use super::frame_numbers::FrameNumbers;
use super::rewriter::Rewritten;
use crate::layers::Received;

const VIDEO: usize = 512;
const AUDIO: usize = 128;
/// More repairs of one packet only flood the subscriber.
const REPAIRS_MAX: u8 = 20;

/// Repairs remembered, so that none is made twice within a round trip.
const REPAIRS: usize = 64;

/// A ring of the packets sent, allocated with the first one.
#[derive(Debug, Default)]
pub(super) struct Sent {
    slots: Vec<SentPacket>,
    /// Outgoing numbers that were repaired, and when; oldest first.
    repairs: VecDeque<(u64, Instant)>,
}

/// A packet that was sent or held back. Every packet to every subscriber touches one that has left the CPU's caches, hence
/// half a cache line for it.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct SentPacket {
    out: u64,
    pub index: u64,
    timestamp: u32,
    numbers: FrameNumbers,
    pub payload_len: u16,
    pub layer: u8,
    pub marker: bool,
    /// It is held back by the pacer.
    waits: bool,
    repairs: u8,
}

const _: () = assert!(size_of::<SentPacket>() == 32);

impl SentPacket {
    pub(super) fn new(rewritten: Rewritten, received: &Received) -> Self {
        SentPacket {
            out: rewritten.out,
            index: received.index,
            timestamp: rewritten.timestamp,
            numbers: rewritten.numbers,
            payload_len: received.payload_len,
            layer: received.layer,
            marker: received.header.marker,
            waits: false,
            repairs: 0,
        }
    }

    pub(super) fn rewritten(&self) -> Rewritten {
        Rewritten { out: self.out, timestamp: self.timestamp, numbers: self.numbers }
    }

    pub(super) fn hold(&mut self) {
        self.waits = true;
    }

    /// Ends its waiting, and returns whether it was held back.
    pub(super) fn release(&mut self) -> bool {
        std::mem::take(&mut self.waits)
    }
}

impl Sent {
    pub(super) fn put(&mut self, kind: Kind, packet: SentPacket) {
        if self.slots.is_empty() {
            let len = if kind == Kind::Audio { AUDIO } else { VIDEO };
            self.slots = vec![SentPacket { out: u64::MAX, ..packet }; len];
        }
        let slot = packet.out as usize % self.slots.len();
        let older = self.slots[slot].out;
        if older == u64::MAX || older < packet.out {
            self.slots[slot] = packet;
        }
    }

    /// Reads what the next packet will need; see `Connection::warm`.
    pub(super) fn warm(&self, out: u64) -> usize {
        let slot = (out as usize).checked_rem(self.slots.len()).unwrap_or(0);
        self.slots.get(slot).map_or(0, |packet| packet.payload_len.into())
    }

    pub(super) fn get_mut(&mut self, out: u64) -> Option<&mut SentPacket> {
        let slot = (out as usize).checked_rem(self.slots.len())?;
        self.slots.get_mut(slot).filter(|packet| packet.out == out)
    }

    /// A packet that is to be repaired now; not twice within a round trip.
    pub(super) fn repair(&mut self, now: Instant, out: u64, rtt: Duration) -> Option<SentPacket> {
        let fresh = |at: Instant| now.saturating_duration_since(at) < rtt;
        if self.repairs.iter().any(|(repaired, at)| *repaired == out && fresh(*at)) {
            return None;
        }
        let packet = self.get_mut(out).filter(|packet| packet.repairs < REPAIRS_MAX)?;
        packet.repairs += 1;
        let packet = *packet;
        if self.repairs.len() == REPAIRS {
            self.repairs.pop_front();
        }
        self.repairs.push_back((out, now));
        Some(packet)
    }
}
