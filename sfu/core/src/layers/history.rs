//! The latest packets of one layer, kept once for all its subscribers.

use beckon_sfu_api::Kind;

use crate::codec::FrameInfo;
use crate::rtp::Header;

/// How many packets are kept, and how many bytes in all.
#[derive(Clone, Copy, Debug)]
struct Size {
    packets: usize,
    bytes: usize,
}

/// Two seconds of a camera at 2.5 Mbit/s: longer than any repair is useful.
const VIDEO: Size = Size { packets: 512, bytes: 640 << 10 };
/// 1.3 s of Opus.
const AUDIO: Size = Size { packets: 64, bytes: 16 << 10 };

/// A ring of slots by index over a ring of bytes. Both are made with the first packet.
#[derive(Debug)]
pub(super) struct History {
    size: Size,
    slots: Vec<Slot>,
    arena: Vec<u8>,
    /// Bytes written so far, including skipped ends of the arena.
    written: u64,
}

/// Where a packet is stored. Its bytes are overwritten once `written` is a whole arena beyond `start`.
#[derive(Clone, Copy, Debug)]
struct Slot {
    index: u64,
    start: u64,
    len: u16,
    header: Header,
    info: FrameInfo,
}

/// A packet as it was kept: header and payload, without padding.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'h> {
    pub header: &'h Header,
    pub info: &'h FrameInfo,
    packet: &'h [u8],
}

impl<'h> Stored<'h> {
    pub fn payload(&self) -> &'h [u8] {
        self.packet.get(self.header.payload_start()..).unwrap_or_default()
    }

    pub fn extension(&self, id: u8) -> Option<&'h [u8]> {
        self.header.extension(self.packet, id)
    }
}

impl History {
    pub(super) fn new(kind: Kind) -> Self {
        let size = if kind == Kind::Audio { AUDIO } else { VIDEO };
        History { size, slots: Vec::new(), arena: Vec::new(), written: 0 }
    }

    /// How many indices back from the newest a packet may be and still be kept.
    pub(super) fn reach(&self) -> u64 {
        self.size.packets as u64
    }

    /// Keeps a packet made of its header's bytes and its payload. A packet older than the one in its slot is not kept.
    pub(super) fn put(
        &mut self,
        index: u64,
        header: &Header,
        info: &FrameInfo,
        head: &[u8],
        payload: &[u8],
    ) {
        let len = head.len() + payload.len();
        let Ok(short) = u16::try_from(len) else { return };
        if self.arena.is_empty() {
            self.arena = vec![0; self.size.bytes];
        }
        let at_slot = self.slot_of(index);
        if len > self.arena.len() || self.slots.get(at_slot).is_some_and(|slot| slot.index > index)
        {
            return;
        }
        let start = self.reserve(len);
        let at = (start % self.arena.len() as u64) as usize;
        self.arena[at..at + head.len()].copy_from_slice(head);
        self.arena[at + head.len()..at + len].copy_from_slice(payload);
        let slot = Slot { index, start, len: short, header: *header, info: *info };
        if self.slots.is_empty() {
            // Index 0 is never used: such a slot is free.
            self.slots = vec![Slot { index: 0, ..slot }; self.size.packets];
        }
        self.slots[at_slot] = slot;
    }

    /// The packet with this index, unless it was never received or is overwritten.
    pub(super) fn get(&self, index: u64) -> Option<Stored<'_>> {
        let slot = self.slot(index)?;
        if self.written > slot.start + self.arena.len() as u64 {
            return None;
        }
        let at = (slot.start % self.arena.len() as u64) as usize;
        let packet = self.arena.get(at..at + usize::from(slot.len))?;
        Some(Stored { header: &slot.header, info: &slot.info, packet })
    }

    /// Whether the packet was received, even if its bytes are overwritten.
    pub(super) fn contains(&self, index: u64) -> bool {
        self.slot(index).is_some()
    }

    fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(self.slot_of(index)).filter(|slot| slot.index == index && index != 0)
    }

    fn slot_of(&self, index: u64) -> usize {
        (index % self.size.packets as u64) as usize
    }

    /// Reserves `len` contiguous bytes and returns their position.
    fn reserve(&mut self, len: usize) -> u64 {
        let (len, all) = (len as u64, self.arena.len() as u64);
        let left = all - self.written % all;
        let start = if left < len { self.written + left } else { self.written };
        self.written = start + len;
        start
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
