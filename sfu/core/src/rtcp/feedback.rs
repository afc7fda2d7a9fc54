//! Feedback about transport and payload (RFC 4585, RFC 5104), and goodbyes.

use super::*;

/// The first of 17 sequence numbers, and a bit for each of the others.
const NACK_ENTRY_LEN: usize = 4;
/// What fits a datagram. Losses beyond are asked for the next time.
const NACK_ENTRIES_MAX: usize = 256;
/// An SSRC, a number that counts requests, and three bytes of nothing.
const FIR_ENTRY_LEN: usize = 8;

/// Sequence numbers that a receiver misses.
#[derive(Clone, Debug, Default)]
pub struct LostSequences<'a> {
    entries: &'a [u8],
    /// The current entry: its number, and the bits of those that follow and were not returned yet.
    sequence: u16,
    following: u16,
}

impl Iterator for LostSequences<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.following != 0 {
            let bit = self.following.trailing_zeros() as u16;
            self.following &= self.following - 1;
            return Some(self.sequence.wrapping_add(bit + 1));
        }
        let (&[p0, p1, b0, b1], rest) = self.entries.split_first_chunk::<NACK_ENTRY_LEN>()?;
        self.entries = rest;
        self.sequence = u16::from_be_bytes([p0, p1]);
        self.following = u16::from_be_bytes([b0, b1]);
        Some(self.sequence)
    }
}

/// Streams whose keyframes are wanted, each with the number of the request: the same number is the same request.
#[derive(Clone, Debug, Default)]
pub struct Targets<'a>(&'a [u8]);

impl Iterator for Targets<'_> {
    type Item = (u32, u8);

    fn next(&mut self) -> Option<(u32, u8)> {
        let (&[s0, s1, s2, s3, request, ..], rest) = self.0.split_first_chunk::<FIR_ENTRY_LEN>()?;
        self.0 = rest;
        Some((u32::from_be_bytes([s0, s1, s2, s3]), request))
    }
}

/// A list of SSRCs.
#[derive(Clone, Debug, Default)]
pub struct Ssrcs<'a>(&'a [u8]);

impl<'a> Ssrcs<'a> {
    pub(super) fn read(count: u8, body: &'a [u8]) -> Option<Self> {
        body.get(..usize::from(count) * 4).map(Ssrcs)
    }
}

impl Iterator for Ssrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (ssrc, rest) = split_u32(self.0)?;
        self.0 = rest;
        Some(ssrc)
    }
}

pub(super) fn read(kind: u8, format: u8, body: &[u8]) -> Option<Packet<'_>> {
    let (sender, rest) = split_u32(body)?;
    let (media, entries) = split_u32(rest)?;
    Some(match (kind, format) {
        (TRANSPORT_FEEDBACK, NACK) => Packet::Nack {
            sender,
            media,
            lost: LostSequences { entries, ..LostSequences::default() },
        },
        (TRANSPORT_FEEDBACK, TRANSPORT_CC) => {
            Packet::TransportFeedback(TransportFeedback::read(sender, media, entries)?)
        }
        (PAYLOAD_FEEDBACK, PLI) => Packet::Pli { sender, media },
        (PAYLOAD_FEEDBACK, FIR) => Packet::Fir { sender, targets: Targets(entries) },
        (PAYLOAD_FEEDBACK, APPLICATION) if entries.starts_with(b"REMB") => {
            read_remb(sender, &entries[4..])?
        }
        _ => Packet::Other,
    })
}

/// Behind its name: how many SSRCs, then 6 bits of exponent and 18 of mantissa.
fn read_remb(sender: u32, body: &[u8]) -> Option<Packet<'_>> {
    let (word, ssrcs) = split_u32(body)?;
    let media = Ssrcs::read((word >> 24) as u8, ssrcs)?;
    let (exponent, mantissa) = (word >> 18 & 0x3f, u64::from(word & 0x3_ffff));
    if mantissa.leading_zeros() < exponent {
        return None;
    }
    Some(Packet::Remb { sender, bitrate: mantissa << exponent, media })
}

/// Asks for packets, whose numbers come in order; those close to each other share an entry. Writes nothing if nothing
/// is lost.
pub fn write_nack(out: &mut Vec<u8>, sender: u32, media: u32, lost: &[u16]) {
    if lost.is_empty() {
        return;
    }
    let head = out.len();
    write_feedback_head(out, TRANSPORT_FEEDBACK, NACK, sender, media, 0);
    let mut rest = lost;
    let mut entries = 0;
    while let [first, others @ ..] = rest
        && entries < NACK_ENTRIES_MAX
    {
        let after = |sequence: &u16| sequence.wrapping_sub(*first);
        let near = others.iter().take_while(|sequence| after(sequence) <= 16).count();
        let (near, far) = others.split_at(near);
        // The lowest bit is the number right after the first. The same number twice is no bit.
        let bits = |bits: u16, sequence: &u16| bits | ((1u32 << after(sequence)) >> 1) as u16;
        out.extend_from_slice(&first.to_be_bytes());
        out.extend_from_slice(&near.iter().fold(0, bits).to_be_bytes());
        (rest, entries) = (far, entries + 1);
    }
    let words = (2 + entries) as u16;
    out[head + 2..head + 4].copy_from_slice(&words.to_be_bytes());
}

pub fn write_pli(out: &mut Vec<u8>, sender: u32, media: u32) {
    write_feedback_head(out, PAYLOAD_FEEDBACK, PLI, sender, media, 0);
}

/// `request` is one more than in the last request for this stream.
pub fn write_fir(out: &mut Vec<u8>, sender: u32, target: u32, request: u8) {
    // The media SSRC is not used (RFC 5104, section 4.3.1.2): the target is in the entry.
    write_feedback_head(out, PAYLOAD_FEEDBACK, FIR, sender, 0, FIR_ENTRY_LEN);
    out.extend_from_slice(&target.to_be_bytes());
    out.extend_from_slice(&[request, 0, 0, 0]);
}

pub fn write_bye(out: &mut Vec<u8>, ssrc: u32) {
    write_head(out, BYE, 1, 4);
    out.extend_from_slice(&ssrc.to_be_bytes());
}

/// Appends what all feedback begins with; `entries_len` bytes follow, a multiple of four.
pub(super) fn write_feedback_head(
    out: &mut Vec<u8>,
    kind: u8,
    format: u8,
    sender: u32,
    media: u32,
    entries_len: usize,
) {
    write_head(out, kind, format, 8 + entries_len);
    out.extend_from_slice(&sender.to_be_bytes());
    out.extend_from_slice(&media.to_be_bytes());
}
