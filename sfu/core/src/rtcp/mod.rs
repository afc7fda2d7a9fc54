//! RTCP: views of what a datagram holds, and writers that append to a buffer of the caller.
//!
//! Reduced-size RTCP is read and written too (RFC 5506): any packet may come first and alone.

mod feedback;
mod report;
pub(crate) mod twcc;

pub use feedback::{LostSequences, Ssrcs, Targets, write_bye, write_fir, write_nack, write_pli};
pub use report::{Report, Reports, write_receiver_report, write_sender_report};
pub use twcc::{Arrivals, TransportFeedback};

const VERSION: u8 = 2 << 6;
const PADDING: u8 = 0x20;

/// Packet types (RFC 3550, section 12.1; RFC 4585, section 6.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const BYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

/// Formats of the two kinds of feedback.
const NACK: u8 = 1;
const TRANSPORT_CC: u8 = 15;
const PLI: u8 = 1;
const FIR: u8 = 4;
const APPLICATION: u8 = 15;

/// One RTCP packet.
#[derive(Clone, Debug)]
pub enum Packet<'a> {
    SenderReport {
        ssrc: u32,
        /// Seconds since 1900 with 32 bits of fraction.
        ntp: u64,
        rtp: u32,
        packets: u32,
        octets: u32,
        reports: Reports<'a>,
    },
    ReceiverReport {
        ssrc: u32,
        reports: Reports<'a>,
    },
    /// Packets to be sent again (RFC 4585, section 6.2.1).
    Nack {
        sender: u32,
        media: u32,
        lost: LostSequences<'a>,
    },
    /// A keyframe, please (RFC 4585, section 6.3.1).
    Pli {
        sender: u32,
        media: u32,
    },
    /// A keyframe, please, and not as a repair (RFC 5104, section 4.3.1).
    Fir {
        sender: u32,
        targets: Targets<'a>,
    },
    TransportFeedback(TransportFeedback<'a>),
    /// The receiver's estimate, in bits per second (draft-alvestrand-rmcat-remb-03).
    Remb {
        sender: u32,
        bitrate: u64,
        media: Ssrcs<'a>,
    },
    Bye {
        ssrcs: Ssrcs<'a>,
    },
    /// Well-formed, and nothing that we act on.
    Other,
}

/// The packets of a datagram, up to the first that is malformed.
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// The packets of a compound; see [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let rest = std::mem::take(&mut self.rest);
        let (&[first, kind, high, low], _) = rest.split_first_chunk()?;
        let len = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let (packet, rest) = rest.split_at_checked(len)?;
        if first >> 6 != 2 {
            return None;
        }
        let body = without_padding(first, &packet[4..])?;
        let packet = read(kind, first & 0x1f, body)?;
        self.rest = rest;
        Some(packet)
    }
}

/// `None` if there is more padding than body (RFC 3550, section 6.4.1: the last byte counts it).
fn without_padding(first: u8, body: &[u8]) -> Option<&[u8]> {
    if first & PADDING == 0 {
        return Some(body);
    }
    match usize::from(*body.last()?) {
        0 => None,
        count => body.get(..body.len().checked_sub(count)?),
    }
}

/// `count` is what the five bits of the first byte say: a number of things, or a format.
fn read(kind: u8, count: u8, body: &[u8]) -> Option<Packet<'_>> {
    match kind {
        SENDER_REPORT => report::read_sender(count, body),
        RECEIVER_REPORT => report::read_receiver(count, body),
        BYE => Some(Packet::Bye { ssrcs: Ssrcs::read(count, body)? }),
        TRANSPORT_FEEDBACK | PAYLOAD_FEEDBACK => feedback::read(kind, count, body),
        _ => Some(Packet::Other),
    }
}

/// Appends the four bytes every packet begins with. `body_len` is a multiple of four.
fn write_head(out: &mut Vec<u8>, kind: u8, count: u8, body_len: usize) {
    out.extend_from_slice(&[VERSION | count, kind]);
    out.extend_from_slice(&((body_len / 4) as u16).to_be_bytes());
}

/// The first four bytes as a number, and the rest.
fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests;
