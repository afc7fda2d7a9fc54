//! DTLS records seen from outside (RFC 6347, 4.1): what may reach the DTLS endpoint, and how much of it.
//!
//! The endpoint keeps handshake fragments until their message is whole, by a recursion over all of them, and counts only
//! their bytes. So their number, which anybody can drive up who reaches us before the keys are there, is bounded here.

use crate::stats::Discard;

const RECORD_HEADER_LEN: usize = 13;
const FRAGMENT_HEADER_LEN: usize = 12;
const CHANGE_CIPHER_SPEC: u8 = 20;
pub const HANDSHAKE: u8 = 22;
/// DTLS 1.2.
pub const VERSION: [u8; 2] = [254, 253];

/// Handshake messages (RFC 5246, 7.4).
pub const CLIENT_HELLO: u8 = 1;
pub const SERVER_HELLO: u8 = 2;
pub const HELLO_VERIFY_REQUEST: u8 = 3;
pub const SERVER_HELLO_DONE: u8 = 14;

/// A handshake message: a chain of certificates is the largest, and those of WebRTC are self-signed.
pub const MESSAGE_LEN_MAX: usize = 16 * 1024;
/// Datagrams before the handshake is done. A handshake takes about ten, repetitions aside.
const DATAGRAMS_MAX: usize = 128;
/// Fragments of handshake messages in the clear, over the life of a connection.
const FRAGMENTS_MAX: usize = 256;
/// Encrypted handshake records, over the life of a connection. A Finished, repeated when ours was lost, is the only kind.
const SEALED_HANDSHAKES_MAX: usize = 64;
/// A Finished with the overhead of any cipher suite is far below this.
const SEALED_HANDSHAKE_LEN_MAX: usize = 128;

/// One record of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    content_type: u8,
    epoch: u16,
    pub sequence: [u8; 6],
    payload: &'a [u8],
}

/// One fragment of a handshake message in the clear.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    pub message_type: u8,
    pub message_sequence: u16,
    pub message_len: usize,
    pub offset: usize,
    pub body: &'a [u8],
}

/// What one connection has used up of the bounds.
#[derive(Debug, Default)]
pub struct RecordGate {
    datagrams: usize,
    fragments: usize,
    sealed_handshakes: usize,
}

impl RecordGate {
    /// Whether a datagram may reach the endpoint.
    pub fn admit(&mut self, datagram: &[u8], is_secure: bool) -> Result<(), Discard> {
        self.datagrams += usize::from(!is_secure);
        if self.datagrams > DATAGRAMS_MAX {
            return Err(Discard::TooMany);
        }
        for record in records(datagram) {
            let record = record.ok_or(Discard::Malformed)?;
            if record.content_type != HANDSHAKE {
                continue;
            }
            if record.epoch == 0 {
                self.admit_fragments(record)?;
            } else {
                self.admit_sealed(record)?;
            }
        }
        Ok(())
    }

    fn admit_fragments(&mut self, record: Record<'_>) -> Result<(), Discard> {
        for fragment in record.fragments() {
            fragment.ok_or(Discard::Malformed)?;
            self.fragments += 1;
        }
        if self.fragments > FRAGMENTS_MAX { Err(Discard::TooMany) } else { Ok(()) }
    }

    fn admit_sealed(&mut self, record: Record<'_>) -> Result<(), Discard> {
        self.sealed_handshakes += 1;
        let is_finished = record.payload.len() <= SEALED_HANDSHAKE_LEN_MAX;
        if is_finished && self.sealed_handshakes <= SEALED_HANDSHAKES_MAX {
            Ok(())
        } else {
            Err(Discard::TooMany)
        }
    }
}

impl<'a> Record<'a> {
    /// The handshake fragments of a record in the clear, `None` for one that is broken or breaks a bound.
    pub fn fragments(self) -> impl Iterator<Item = Option<Fragment<'a>>> {
        let is_handshake = self.content_type == HANDSHAKE && self.epoch == 0;
        pieces(if is_handshake { self.payload } else { &[] }, read_fragment)
    }
}

/// The records of a datagram, ending with a `None` where it is broken.
pub fn records(datagram: &[u8]) -> impl Iterator<Item = Option<Record<'_>>> {
    pieces(datagram, read_record)
}

/// Whether a datagram is of handshake messages in the clear alone, as a ClientHello is.
pub fn is_clear_handshake(datagram: &[u8]) -> bool {
    let is_clear = |record: Record<'_>| record.content_type == HANDSHAKE && record.epoch == 0;
    records(datagram).all(|record| record.is_some_and(is_clear))
}

/// Whether a datagram is of nothing but a handshake, in the clear or sealed.
pub fn is_handshake(datagram: &[u8]) -> bool {
    let belongs =
        |record: Record<'_>| matches!(record.content_type, HANDSHAKE | CHANGE_CIPHER_SPEC);
    records(datagram).all(|record| record.is_some_and(belongs))
}

/// The type of the handshake message in the clear that a datagram starts with.
pub fn first_message(datagram: &[u8]) -> Option<u8> {
    let fragment = records(datagram).next()??.fragments().next()??;
    Some(fragment.message_type)
}

/// Whether a datagram has the last bytes of a handshake message of this type, in the clear.
pub fn ends_message(datagram: &[u8], message_type: u8) -> bool {
    let fragments = records(datagram).flatten().flat_map(Record::fragments).flatten();
    let mut wanted = fragments.filter(|fragment| fragment.message_type == message_type);
    wanted.any(|fragment| fragment.offset + fragment.body.len() == fragment.message_len)
}

/// Gives the records in the clear the next numbers. Each needs one of its own, repeated or not: the peer takes the same
/// number twice for a replay (RFC 6347, 4.1.2.6).
pub fn number(datagram: &mut [u8], next: &mut u64) {
    let mut rest = datagram;
    while let Some((header, after)) = rest.split_first_chunk_mut::<RECORD_HEADER_LEN>() {
        let len = u16::from_be_bytes([header[11], header[12]]);
        if header[3..5] == [0, 0] {
            header[5..11].copy_from_slice(&next.to_be_bytes()[2..]);
            *next += 1;
        }
        let Some((_, after)) = after.split_at_mut_checked(usize::from(len)) else { return };
        rest = after;
    }
}

/// Reads one piece after another until nothing is left, or one cannot be read.
fn pieces<'a, T>(
    bytes: &'a [u8],
    read: impl Fn(&'a [u8]) -> Option<(T, &'a [u8])>,
) -> impl Iterator<Item = Option<T>> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest.take().filter(|bytes| !bytes.is_empty())?;
        let piece = read(bytes);
        rest = piece.as_ref().map(|(_, rest)| *rest);
        Some(piece.map(|(piece, _)| piece))
    })
}

fn read_record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (header, rest) = bytes.split_at_checked(RECORD_HEADER_LEN)?;
    let len = u16::from_be_bytes([header[11], header[12]]);
    let (payload, rest) = rest.split_at_checked(usize::from(len))?;
    let epoch = u16::from_be_bytes([header[3], header[4]]);
    let sequence = *header[5..].first_chunk()?;
    let record = Record { content_type: header[0], epoch, sequence, payload };
    (len > 0).then_some((record, rest))
}

fn read_fragment(bytes: &[u8]) -> Option<(Fragment<'_>, &[u8])> {
    let (header, rest) = bytes.split_at_checked(FRAGMENT_HEADER_LEN)?;
    let u24 =
        |at: usize| u32::from_be_bytes([0, header[at], header[at + 1], header[at + 2]]) as usize;
    let (message_len, offset, len) = (u24(1), u24(6), u24(9));
    let (body, rest) = rest.split_at_checked(len)?;
    let fits = message_len <= MESSAGE_LEN_MAX && offset + len <= message_len;
    let fragment = Fragment {
        message_type: header[0],
        message_sequence: u16::from_be_bytes([header[4], header[5]]),
        message_len,
        offset,
        body,
    };
    (fits && (len > 0 || message_len == 0)).then_some((fragment, rest))
}

#[cfg(test)]
mod tests;
