//! SCTP packets seen from outside (RFC 9260, 3): bounds that the association does not keep by itself.
//!
//! Fragments of any size are legal: a sender makes small ones when its congestion window runs out. What is bounded is how
//! much of them is held at once, and the work that one packet can cause.

use crate::stats::Discard;

const PACKET_HEADER_LEN: usize = 12;
const CHUNK_HEADER_LEN: usize = 4;
/// A DATA chunk's own header, after the chunk header.
const DATA_HEADER_LEN: usize = 12;

const DATA: u8 = 0;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const SACK: u8 = 3;
const ABORT: u8 = 6;
const SHUTDOWN: u8 = 7;
const ERROR: u8 = 9;
/// RFC 6525, 3.1.
const RE_CONFIG: u8 = 130;
/// RFC 3758, 3.2.
const FORWARD_TSN: u8 = 192;
/// The parameter of a RE-CONFIG that resets streams (RFC 6525, 4.1).
const OUTGOING_RESET: u16 = 13;
/// The error cause of an ABORT by which a peer just closes its association (RFC 9260, 3.3.10.12).
const USER_INITIATED: u16 = 12;

/// DATA chunks of one packet: what an Ethernet frame holds of the smallest, and more.
const PACKET_DATA_MAX: usize = 128;
/// DATA chunks that wait for others. For each that comes the association may look at all of them, so with a packet full of
/// the smallest this is half a millisecond.
const HELD_MAX: usize = 2048;
/// How many TSNs a sender may skip at once, each of which costs the association a step. Its window holds no more.
const SKIP_MAX: u32 = 128 * 1024;
/// Bytes that may arrive while our window is closed. The association then still takes the next packet in order, since it may
/// complete a message and open the window; a message without an end would grow for ever.
const STARVED_LEN_MAX: usize = 1024 * 1024;

/// What becomes of a packet of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkVerdict {
    Pass,
    /// The association must not see it. Its sender repeats what matters.
    Drop(Discard),
}

/// Watches one association for floods.
#[derive(Debug)]
pub(super) struct ChunkGate {
    window_max: u32,
    /// Every DATA chunk up to this number has come (the cumulative TSN of RFC 9260, 3.3.4), or a few more.
    received_to: u32,
    /// DATA chunks that the association holds; never too few.
    held: usize,
    /// Bytes of data received since our window closed; `None` while it is open.
    starved: Option<usize>,
    said_goodbye: bool,
}

impl ChunkGate {
    /// For an association whose window has this many bytes when it is empty.
    pub(super) fn new(window_max: u32) -> ChunkGate {
        ChunkGate { window_max, received_to: 0, held: 0, starved: None, said_goodbye: false }
    }

    /// Looks at a packet of the peer.
    ///
    /// # Errors
    /// Why the association is to be given up.
    pub(super) fn received(&mut self, packet: &[u8]) -> Result<ChunkVerdict, &'static str> {
        if chunks(packet).all(|(kind, _)| kind == ERROR) {
            // A complaint ends nothing (RFC 9260, 3.3.10), but the association would take it for an end.
            return Ok(ChunkVerdict::Drop(Discard::Malformed));
        }
        for (kind, value) in chunks(packet) {
            match kind {
                INIT | INIT_ACK => {
                    self.received_to = number(value, 12).map_or(0, |first| first.wrapping_sub(1));
                }
                SACK if !is_ascending(value) => return Err("gaps of a SACK that overlap"),
                ABORT => {
                    self.said_goodbye |= cause(value).is_none_or(|cause| cause == USER_INITIATED)
                }
                SHUTDOWN => self.said_goodbye = true,
                RE_CONFIG if self.is_early(value) => return Ok(ChunkVerdict::Drop(Discard::Stale)),
                FORWARD_TSN => self.skip(value)?,
                _ => {}
            }
        }
        self.admit_data(packet)
    }

    /// Looks at a packet of ours: how far the peer's data has come, and for how much more there is room.
    pub(super) fn sent(&mut self, packet: &[u8]) {
        for (_, value) in chunks(packet).filter(|(kind, _)| *kind == SACK) {
            let (Some(received_to), Some(window)) = (number(value, 0), number(value, 4)) else {
                continue;
            };
            self.received_to = received_to;
            self.starved = (window == 0).then(|| self.starved.unwrap_or(0));
            if window > 0 {
                // What is held has a byte at least: this forgets what was skipped, or counted twice.
                self.held = self.held.min(self.window_max.saturating_sub(window) as usize);
            }
        }
    }

    /// So many chunks were a message, which is read.
    pub(super) fn delivered(&mut self, chunks: usize) {
        self.held = self.held.saturating_sub(chunks);
    }

    /// Whether the peer closed the association by its own will.
    pub(super) fn said_goodbye(&self) -> bool {
        self.said_goodbye
    }

    fn admit_data(&mut self, packet: &[u8]) -> Result<ChunkVerdict, &'static str> {
        let (mut new, mut len, mut is_next) = (0, 0, false);
        for (_, value) in chunks(packet).filter(|(kind, _)| *kind == DATA) {
            let tsn = number(value, 0).ok_or("a DATA chunk without a header")?;
            if value.len() <= DATA_HEADER_LEN {
                return Err("a DATA chunk without data");
            }
            len += value.len() - DATA_HEADER_LEN;
            let ahead = tsn.wrapping_sub(self.received_to);
            if ahead == 1 {
                self.received_to = tsn;
                is_next = true;
            }
            new += usize::from((1..=i32::MAX as u32).contains(&ahead));
        }
        if new > PACKET_DATA_MAX {
            return Err("too many DATA chunks in a packet");
        }
        if self.held + new > HELD_MAX + PACKET_DATA_MAX {
            return Err("too many fragments of a message");
        }
        if self.held + new > HELD_MAX && !is_next {
            return Ok(ChunkVerdict::Drop(Discard::TooMany));
        }
        self.held += new;
        self.starved = self.starved.map(|starved| starved + len);
        match self.starved {
            Some(starved) if starved > STARVED_LEN_MAX => Err("a message without an end"),
            _ => Ok(ChunkVerdict::Pass),
        }
    }

    /// Whether a RE-CONFIG resets streams whose data has not all arrived. The association would queue any number of them;
    /// dropped, they are retransmitted by their sender (RFC 6525, 5.1.1).
    fn is_early(&self, value: &[u8]) -> bool {
        let resets = parameters(value).filter(|(kind, _)| *kind == OUTGOING_RESET);
        let mut lasts = resets.filter_map(|(_, reset)| number(reset, 8));
        lasts.any(|last| (1..=i32::MAX as u32).contains(&last.wrapping_sub(self.received_to)))
    }

    fn skip(&self, value: &[u8]) -> Result<(), &'static str> {
        let to = number(value, 0).unwrap_or(self.received_to);
        let ahead = to.wrapping_sub(self.received_to);
        let is_far = (SKIP_MAX..=i32::MAX as u32).contains(&ahead);
        if is_far { Err("a FORWARD TSN far ahead") } else { Ok(()) }
    }
}

/// Whether a packet asks for an association (an INIT is alone in its packet, RFC 9260, 3.3.2).
pub(super) fn is_init(packet: &[u8]) -> bool {
    chunks(packet).next().is_some_and(|(kind, _)| kind == INIT)
}

fn number(value: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(value.get(at..at + 4)?.try_into().ok()?))
}

/// The first cause in an ABORT.
fn cause(value: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(value.get(..2)?.try_into().ok()?))
}

/// Whether the gaps of a SACK follow each other (RFC 9260, 3.3.4). The association looks at each number in each of them.
fn is_ascending(sack: &[u8]) -> bool {
    let gaps = sack.get(8..12).map_or(0, |counts| u16::from_be_bytes([counts[0], counts[1]]));
    let bounds = sack.get(12..).unwrap_or_default().chunks_exact(2).take(usize::from(gaps) * 2);
    bounds.map(|bound| u16::from_be_bytes([bound[0], bound[1]])).is_sorted()
}

/// The type and value of each parameter of a chunk that is whole (RFC 9260, 3.2.1).
fn parameters(value: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let [a, b, c, d] = *rest.first_chunk::<4>()?;
        let len = usize::from(u16::from_be_bytes([c, d]));
        let value = rest.get(4..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_be_bytes([a, b]), value))
    })
}

/// The type and value of each chunk that is whole.
fn chunks(packet: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = packet.get(PACKET_HEADER_LEN..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (header, _) = rest.split_first_chunk::<CHUNK_HEADER_LEN>()?;
        let [kind, _flags, len @ ..] = *header;
        let len = usize::from(u16::from_be_bytes(len));
        let value = rest.get(CHUNK_HEADER_LEN..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

#[cfg(test)]
mod tests;
