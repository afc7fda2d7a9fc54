//! RTP packets (RFC 3550) with header extensions (RFC 8285): read in one pass, written behind one another.

/// Version, flags, payload type, sequence number, timestamp and SSRC.
const FIXED: usize = 12;
const VERSION: u8 = 2 << 6;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;
const MARKER: u8 = 0x80;
const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;
/// Longer elements of a header extension fit neither form (RFC 8285, 4.3).
pub const ELEMENT_LEN_MAX: usize = 255;
/// The longest one-byte element, and the highest id of one (RFC 8285, 4.2).
const ONE_BYTE_LEN_MAX: usize = 16;
const ONE_BYTE_ID_MAX: u8 = 14;

/// What a header says, and where the rest of its packet is. It belongs to the bytes it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    payload: Span,
    /// By id; those without a place are not there.
    extensions: [Span; ONE_BYTE_ID_MAX as usize + 1],
    /// All elements of the two-byte form, if some have higher ids. Few peers have such: they are looked for one by one, so
    /// that this stays small.
    elements: Span,
}

/// A place in a packet. Nothing of interest is at 0, so that means nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: u16,
    end: u16,
}

impl Span {
    fn of(self, packet: &[u8]) -> Option<&[u8]> {
        if self.start == 0 {
            return None;
        }
        packet.get(usize::from(self.start)..usize::from(self.end))
    }
}

/// What we write of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

/// Tells RTCP from RTP on the same port by the second byte (RFC 5761, section 4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

/// How long the header is, extensions included. Holds for encrypted packets too.
pub fn header_len(packet: &[u8]) -> Option<usize> {
    let &first = packet.first()?;
    let fixed = FIXED + 4 * usize::from(first & 0x0f);
    if first >> 6 != 2 || packet.len() < fixed {
        return None;
    }
    if first & EXTENSION == 0 {
        return Some(fixed);
    }
    let &[_, _, high, low] = packet.get(fixed..)?.first_chunk()?;
    let len = fixed + 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
    (len <= packet.len()).then_some(len)
}

impl Header {
    /// `None` for what is not a whole RTP packet. Header extensions that are broken are left out.
    pub fn read(packet: &[u8]) -> Option<Header> {
        let start = header_len(packet)?;
        let &[first, second, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = packet.first_chunk()?;
        let end = packet.len() - padding(first, &packet[start..])?;
        let mut header = Header {
            marker: second & MARKER != 0,
            payload_type: second & !MARKER,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            // A datagram is shorter than 64 KiB, and every other place is before this end.
            payload: Span { start: start.try_into().ok()?, end: end.try_into().ok()? },
            extensions: Default::default(),
            elements: Span::default(),
        };
        if first & EXTENSION != 0 {
            let at = FIXED + 4 * usize::from(first & 0x0f);
            header.read_extensions(&packet[..start], at);
        }
        Some(header)
    }

    /// What the packet carries, without padding: empty if there was only that.
    pub fn payload<'p>(&self, packet: &'p [u8]) -> &'p [u8] {
        self.payload.of(packet).unwrap_or_default()
    }

    /// Where the payload begins: the length of the header.
    pub fn payload_start(&self) -> usize {
        usize::from(self.payload.start)
    }

    pub fn extension<'p>(&self, packet: &'p [u8], id: u8) -> Option<&'p [u8]> {
        match self.extensions.get(usize::from(id)) {
            Some(place) => place.of(packet),
            None => two_byte(self.elements.of(packet)?, id),
        }
    }

    /// Finds the elements of the block at `at`, which ends where `packet` does.
    fn read_extensions(&mut self, packet: &[u8], mut at: usize) {
        let Some(&[p0, p1, _, _]) = packet.get(at..).and_then(|block| block.first_chunk()) else {
            return;
        };
        let profile = u16::from_be_bytes([p0, p1]);
        let one_byte = profile == ONE_BYTE;
        // The four low bits are for the application (RFC 8285, section 4.3).
        if !one_byte && profile & 0xfff0 != TWO_BYTE {
            return;
        }
        at += 4;
        let elements = Span { start: at as u16, end: packet.len() as u16 };
        while let Some(&lead) = packet.get(at) {
            at += 1;
            if lead == 0 {
                continue; // Padding between elements.
            }
            let (id, len) = if one_byte {
                (lead >> 4, usize::from(lead & 0x0f) + 1)
            } else {
                let Some(&len) = packet.get(at) else { return };
                at += 1;
                (lead, usize::from(len))
            };
            // Id 15, and 0 with a length, end a one-byte block (RFC 8285, section 4.2).
            if at + len > packet.len() || (one_byte && !(1..=ONE_BYTE_ID_MAX).contains(&id)) {
                return;
            }
            match self.extensions.get_mut(usize::from(id)) {
                Some(place) => *place = Span { start: at as u16, end: (at + len) as u16 },
                None => self.elements = elements,
            }
            at += len;
        }
    }
}

/// The last element of this id, as with lower ones, up to one that is broken.
fn two_byte(mut elements: &[u8], id: u8) -> Option<&[u8]> {
    let mut found = None;
    while let [lead, rest @ ..] = elements {
        if *lead == 0 {
            elements = rest;
            continue;
        }
        let Some((data, behind)) =
            rest.split_first().and_then(|(len, rest)| rest.split_at_checked(usize::from(*len)))
        else {
            break;
        };
        found = if *lead == id { Some(data) } else { found };
        elements = behind;
    }
    found
}

/// How much of `rest`, all after the header, is padding; `None` if that cannot be.
fn padding(first: u8, rest: &[u8]) -> Option<usize> {
    if first & PADDING == 0 {
        return Some(0);
    }
    let &count = rest.last()?;
    (1..=rest.len()).contains(&usize::from(count)).then_some(usize::from(count))
}

/// Appends a packet and returns the length of its header. It is padded to a multiple of `pad_to_multiple`; 0 and 1 pad
/// nothing.
pub fn write<'e>(
    out: &mut Vec<u8>,
    fields: &Fields,
    extensions: impl Iterator<Item = (u8, &'e [u8])> + Clone,
    payload: &[u8],
    pad_to_multiple: usize,
) -> usize {
    let start = out.len();
    let header_len = write_header(out, fields, extensions);
    out.extend_from_slice(payload);
    pad(out, start, pad_to_multiple);
    header_len
}

/// Appends a header and returns its length. The payload comes behind it in as many pieces as it has, then [`pad`].
pub fn write_header<'e>(
    out: &mut Vec<u8>,
    fields: &Fields,
    extensions: impl Iterator<Item = (u8, &'e [u8])> + Clone,
) -> usize {
    let start = out.len();
    let mut fixed = [0; FIXED];
    fixed[0] = VERSION;
    fixed[1] = fields.payload_type & !MARKER | if fields.marker { MARKER } else { 0 };
    fixed[2..4].copy_from_slice(&fields.sequence.to_be_bytes());
    fixed[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    fixed[8..].copy_from_slice(&fields.ssrc.to_be_bytes());
    out.extend_from_slice(&fixed);
    let extensions = extensions.filter(|(id, data)| *id != 0 && data.len() <= ELEMENT_LEN_MAX);
    if extensions.clone().next().is_some() {
        out[start] |= EXTENSION;
        write_extensions(out, extensions);
    }
    out.len() - start
}

fn write_extensions<'e>(
    out: &mut Vec<u8>,
    extensions: impl Iterator<Item = (u8, &'e [u8])> + Clone,
) {
    let one_byte = extensions
        .clone()
        .all(|(id, data)| id <= ONE_BYTE_ID_MAX && (1..=ONE_BYTE_LEN_MAX).contains(&data.len()));
    let block = out.len();
    out.extend_from_slice(&if one_byte { ONE_BYTE } else { TWO_BYTE }.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    for (id, data) in extensions {
        if one_byte {
            out.push(id << 4 | (data.len() - 1) as u8);
        } else {
            out.extend_from_slice(&[id, data.len() as u8]);
        }
        out.extend_from_slice(data);
    }
    out.resize(block + (out.len() - block).next_multiple_of(4), 0);
    let words = ((out.len() - block) / 4 - 1) as u16;
    out[block + 2..block + 4].copy_from_slice(&words.to_be_bytes());
}

/// Pads the packet at `start`, the last in `out`, to a multiple of `multiple` bytes: equal segments go to the kernel
/// in one train. 0 and 1, and what a padding count of one byte cannot reach, pad nothing.
pub fn pad(out: &mut Vec<u8>, start: usize, multiple: usize) {
    if !(2..=256).contains(&multiple) {
        return;
    }
    let len = out.len() - start;
    let padded = len.next_multiple_of(multiple);
    if padded > len {
        out[start] |= PADDING;
        out.resize(start + padded - 1, 0);
        out.push((padded - len) as u8);
    }
}

#[cfg(test)]
#[path = "rtp_tests.rs"]
mod tests;
