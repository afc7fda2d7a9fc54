//! Handshake messages put together from their fragments, before the DTLS endpoint sees them.
//!
//! A retransmitted message may be cut in other places (RFC 6347, 4.2.3), so fragments may overlap.

use super::records::{Fragment, records};

/// A handshake message of which nothing is missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HandshakeMessage {
    pub message_type: u8,
    pub sequence: u16,
    pub body: Vec<u8>,
}

/// The first message in these datagrams that is `wanted`, if its fragments leave no gap.
pub(super) fn assemble<D: AsRef<[u8]>>(
    datagrams: &[D],
    wanted: impl Fn(&Fragment<'_>) -> bool,
) -> Option<HandshakeMessage> {
    let records = || datagrams.iter().flat_map(|datagram| records(datagram.as_ref()).flatten());
    let fragments = || records().flat_map(|record| record.fragments().flatten());
    let first = fragments().find(wanted)?;
    let of_first = |fragment: &Fragment<'_>| {
        fragment.message_type == first.message_type
            && fragment.message_sequence == first.message_sequence
            && fragment.message_len == first.message_len
    };
    let mut body = Vec::with_capacity(first.message_len);
    while body.len() < first.message_len {
        let have = body.len();
        let next = fragments().filter(of_first).find(|fragment| {
            (fragment.offset..fragment.offset + fragment.body.len()).contains(&have)
        })?;
        body.extend_from_slice(next.body.get(have - next.offset..)?);
    }
    let Fragment { message_type, message_sequence, .. } = first;
    Some(HandshakeMessage { message_type, sequence: message_sequence, body })
}

impl HandshakeMessage {
    /// As one fragment (RFC 6347, 4.2.2).
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        // `assemble` makes none that is longer than a u24 can say.
        let [_, len @ ..] = (self.body.len() as u32).to_be_bytes();
        out.push(self.message_type);
        out.extend(len);
        out.extend(self.sequence.to_be_bytes());
        out.extend([0; 3]);
        out.extend(len);
        out.extend_from_slice(&self.body);
    }
}
