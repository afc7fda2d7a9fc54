//! Which packet of which layer every recent sequence number was.

use std::time::{Duration, Instant};

use beckon_sfu_api::Kind;

use super::rewriter::Rewritten;
use crate::track::Received;

const VIDEO: usize = 512;
const AUDIO: usize = 128;

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
    repaired: Option<Instant>,
}

impl Packet {
    pub fn new(rewritten: Rewritten, received: &Received) -> Self {
        Packet {
            rewritten,
            layer: received.layer,
            index: received.index,
            marker: received.header.marker,
            payload_len: received.payload_len,
            repaired: None,
        }
    }

    /// Whether to repair it now; not twice within a round trip.
    pub fn repair(&mut self, now: Instant, rtt: Duration) -> bool {
        let recently = self.repaired.is_some_and(|at| now.saturating_duration_since(at) < rtt);
        if !recently {
            self.repaired = Some(now);
        }
        !recently
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

    pub fn get(&self, out: u64) -> Option<&Packet> {
        let place = (out as usize).checked_rem(self.slots.len())?;
        self.slots.get(place).filter(|packet| packet.rewritten.out == out)
    }
}
