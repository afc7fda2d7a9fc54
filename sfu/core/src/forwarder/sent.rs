//! Which packet of which layer every recent sequence number was.

use std::time::{Duration, Instant};

use beckon_sfu_api::Kind;

use super::rewriter::Rewritten;
use crate::track::Received;

const VIDEO: usize = 512;
const AUDIO: usize = 128;
/// Whoever asks for a packet more often than this asks for something else: to be flooded.
const REPAIRS_MAX: u8 = 20;

/// Made with the first packet; its slots are overwritten in turn.
#[derive(Debug, Default)]
pub struct Sent {
    slots: Vec<Packet>,
}

/// A packet that was sent or held back.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub rewritten: Rewritten,
    pub layer: u8,
    pub index: u64,
    pub marker: bool,
    pub payload_len: u16,
    /// It was held back, and waits for its turn.
    waits: bool,
    repaired: Option<Instant>,
    repairs: u8,
}

impl Packet {
    pub fn new(rewritten: Rewritten, received: &Received) -> Self {
        Packet {
            rewritten,
            layer: received.layer,
            index: received.index,
            marker: received.header.marker,
            payload_len: received.payload_len,
            waits: false,
            repaired: None,
            repairs: 0,
        }
    }

    pub fn hold(&mut self) {
        self.waits = true;
    }

    /// Whether it waited until now.
    pub fn release(&mut self) -> bool {
        std::mem::take(&mut self.waits)
    }

    /// Whether to repair it now; not twice within a round trip.
    pub fn repair(&mut self, now: Instant, rtt: Duration) -> bool {
        let recently = self.repaired.is_some_and(|at| now.saturating_duration_since(at) < rtt);
        if recently || self.repairs == REPAIRS_MAX {
            return false;
        }
        self.repaired = Some(now);
        self.repairs += 1;
        true
    }
}

impl Sent {
    pub fn put(&mut self, kind: Kind, packet: Packet) {
        if self.slots.is_empty() {
            let len = if kind == Kind::Audio { AUDIO } else { VIDEO };
            let free = Rewritten { out: u64::MAX, ..packet.rewritten };
            self.slots = vec![Packet { rewritten: free, ..packet }; len];
        }
        let place = packet.rewritten.out as usize % self.slots.len();
        let older = self.slots[place].rewritten.out;
        if older == u64::MAX || older < packet.rewritten.out {
            self.slots[place] = packet;
        }
    }

    pub fn get_mut(&mut self, out: u64) -> Option<&mut Packet> {
        let place = (out as usize).checked_rem(self.slots.len())?;
        self.slots.get_mut(place).filter(|packet| packet.rewritten.out == out)
    }
}
