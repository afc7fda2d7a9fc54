//! Transport-wide feedback on the wire (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1).

use std::time::Duration;

use super::feedback::write_feedback_head;
use super::{PADDING, TRANSPORT_CC, TRANSPORT_FEEDBACK};

/// The unit of arrival times: 250 µs.
pub(crate) const TICK_US: u32 = 250;
/// The unit of the reference time: 64 ms.
pub(crate) const TICKS_PER_REFERENCE: u32 = 256;

/// The status of a packet: not received, or received, with a delta of one byte or two.
pub(crate) const LOST: u8 = 0;
pub(crate) const SMALL: u8 = 1;
pub(crate) const LARGE: u8 = 2;

/// A feedback that covers more is refused: no sender has as many packets in flight, and a few bytes can claim 65,535.
const PACKETS_MAX: u16 = 8191;

/// A receiver's feedback about the packets we sent it. It was validated when it was read.
#[derive(Clone, Debug)]
pub struct TransportFeedback<'a> {
    pub sender: u32,
    pub media: u32,
    /// The transport sequence number of the first packet.
    pub base: u16,
    /// How many packets it is about.
    pub count: u16,
    /// Counts feedbacks: one that is left out was lost.
    pub number: u8,
    /// In 64 ms, on a clock of the receiver's; 24 bits.
    reference: u32,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    /// `body` is what follows the SSRCs. `None` if it has too few chunks or deltas for its count.
    pub(crate) fn read(sender: u32, media: u32, body: &'a [u8]) -> Option<TransportFeedback<'a>> {
        let (&[b0, b1, c0, c1, r0, r1, r2, number], rest) = body.split_first_chunk()?;
        let count = u16::from_be_bytes([c0, c1]);
        if !(1..=PACKETS_MAX).contains(&count) {
            return None;
        }
        let (chunks_len, deltas_len) = measure(rest, count)?;
        let (chunks, deltas) = rest.split_at_checked(chunks_len)?;
        Some(TransportFeedback {
            sender,
            media,
            base: u16::from_be_bytes([b0, b1]),
            count,
            number,
            reference: u32::from_be_bytes([0, r0, r1, r2]),
            chunks,
            deltas: deltas.get(..deltas_len)?,
        })
    }

    /// Every packet in order of sending, with the time it arrived or `None` if it did not (yet): a time on the
    /// receiver's clock, which begins anywhere, is the same for all its feedbacks, and starts again after 12 days.
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            sequence: self.base,
            left: self.count,
            chunk: 0,
            at: 0,
            chunks: self.chunks,
            deltas: self.deltas,
            tick: i64::from(self.reference) * i64::from(TICKS_PER_REFERENCE),
        }
    }
}

/// How many bytes of chunks tell of `count` packets, and how many bytes of deltas follow.
fn measure(chunks: &[u8], count: u16) -> Option<(usize, usize)> {
    let (mut left, mut deltas_len, mut chunks_len) = (count, 0, 0);
    while left > 0 {
        let chunk = chunks.get(chunks_len..)?.first_chunk()?;
        let chunk = u16::from_be_bytes(*chunk);
        let told = told(chunk).min(left);
        if is_run(chunk) {
            deltas_len += usize::from(told) * delta_len(status(chunk, 0))?;
        } else {
            for at in 0..told {
                deltas_len += delta_len(status(chunk, at))?;
            }
        }
        left -= told;
        chunks_len += 2;
    }
    Some((chunks_len, deltas_len))
}

/// One bit or two a packet, not a run.
const VECTOR: u16 = 0x8000;
const TWO_BITS: u16 = 0x4000;

fn is_run(chunk: u16) -> bool {
    chunk & VECTOR == 0
}

/// How many packets a chunk covers.
fn told(chunk: u16) -> u16 {
    match (is_run(chunk), chunk & TWO_BITS) {
        (true, _) => chunk & 0x1fff,
        (false, 0) => 14,
        (false, _) => 7,
    }
}

/// The status of packet `at` of a chunk, which is less than [`told`].
fn status(chunk: u16, at: u16) -> u8 {
    let bits = match (is_run(chunk), chunk & TWO_BITS) {
        (true, _) => chunk >> 13,
        (false, 0) => chunk >> (13 - at) & 1,
        (false, _) => chunk >> (12 - 2 * at),
    };
    (bits & 3) as u8
}

/// The fourth status is reserved.
fn delta_len(status: u8) -> Option<usize> {
    match status {
        LOST => Some(0),
        SMALL => Some(1),
        LARGE => Some(2),
        _ => None,
    }
}

/// See [`TransportFeedback::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    sequence: u16,
    left: u16,
    chunk: u16,
    /// How many packets of the chunk were given.
    at: u16,
    chunks: &'a [u8],
    deltas: &'a [u8],
    tick: i64,
}

impl Iterator for Arrivals<'_> {
    type Item = (u16, Option<Duration>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        while self.at >= told(self.chunk) {
            let (chunk, rest) = self.chunks.split_first_chunk()?;
            (self.chunk, self.chunks, self.at) = (u16::from_be_bytes(*chunk), rest, 0);
        }
        let status = status(self.chunk, self.at);
        self.at += 1;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        if status == LOST {
            return Some((sequence, None));
        }
        self.tick += self.delta(status)?;
        let us = self.tick.max(0).unsigned_abs() * u64::from(TICK_US);
        Some((sequence, Some(Duration::from_micros(us))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.into(), Some(self.left.into()))
    }
}

impl Arrivals<'_> {
    fn delta(&mut self, status: u8) -> Option<i64> {
        if status == SMALL {
            let (delta, rest) = self.deltas.split_first()?;
            self.deltas = rest;
            return Some((*delta).into());
        }
        let (delta, rest) = self.deltas.split_first_chunk()?;
        self.deltas = rest;
        Some(i16::from_be_bytes(*delta).into())
    }
}

/// What a feedback says before its chunks.
pub(crate) struct Head {
    /// The transport sequence number of the first packet.
    pub(crate) base: u16,
    /// In units of [`TICKS_PER_REFERENCE`] ticks; its low 24 bits are written.
    pub(crate) reference: u32,
    /// Counts feedbacks.
    pub(crate) number: u8,
}

/// Appends a feedback up to its deltas. Its length is not known yet: see [`finish`].
pub(crate) fn write_statuses(
    out: &mut Vec<u8>,
    sender: u32,
    media: u32,
    head: &Head,
    statuses: &[u8],
) {
    write_feedback_head(out, TRANSPORT_FEEDBACK, TRANSPORT_CC, sender, media, 0);
    out.extend_from_slice(&head.base.to_be_bytes());
    out.extend_from_slice(&(statuses.len() as u16).to_be_bytes());
    out.extend_from_slice(&head.reference.to_be_bytes()[1..]);
    out.push(head.number);
    write_chunks(out, statuses);
}

/// Chunks of two bytes: seven statuses of two bits each, or one status and how often it follows (sections 3.1.3, 3.1.4).
fn write_chunks(out: &mut Vec<u8>, mut statuses: &[u8]) {
    while let [first, ..] = statuses {
        let run = statuses.iter().take_while(|status| *status == first).count();
        let (chunk, told) = if run >= 7 || run == statuses.len() {
            (u16::from(*first) << 13 | run as u16, run)
        } else {
            let told = statuses.len().min(7);
            let two_bits =
                |chunk, (at, status): (usize, &u8)| chunk | u16::from(*status) << (12 - 2 * at);
            (statuses[..told].iter().enumerate().fold(0xc000, two_bits), told)
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        statuses = &statuses[told..];
    }
}

/// Pads the feedback that begins at `start` to whole words, as RTCP does, and writes its length.
pub(crate) fn finish(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start;
    let padding = len.next_multiple_of(4) - len;
    if padding > 0 {
        out[start] |= PADDING;
        out.resize(out.len() + padding - 1, 0);
        out.push(padding as u8);
    }
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}
