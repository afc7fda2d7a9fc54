//! What the data path reads and writes in place: ChannelData, Send and Data indications, XORed addresses.
//!
//! Requests and their answers go through rtc-stun's codec, which allocates for each attribute.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtc_stun::attributes::{
    ATTR_DATA, ATTR_DONT_FRAGMENT, ATTR_FINGERPRINT, ATTR_SOFTWARE, ATTR_XOR_PEER_ADDRESS, AttrType,
};
use rtc_stun::fingerprint::fingerprint_value;
use rtc_stun::message::{CLASS_INDICATION, MAGIC_COOKIE, METHOD_DATA, METHOD_SEND, MessageType};

pub(crate) type TransactionId = [u8; 12];

pub(crate) const STUN_HEADER_LEN: usize = 20;
pub(crate) const CHANNEL_HEADER_LEN: usize = 4;
const ATTRIBUTE_HEADER_LEN: usize = 4;

/// Channels a client may bind. RFC 8656, 12 leaves 0x4000 to 0x4fff of these to new clients, but clients of RFC 5766,
/// coturn's own among them, take any.
pub(crate) const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7fff;

/// Whether these bytes are one STUN message from end to end (RFC 8489, 5 and 6.3).
pub(crate) fn is_stun(bytes: &[u8]) -> bool {
    let len = u16_at(bytes, 2).map(usize::from);
    bytes.first().is_some_and(|first| *first < 0x40)
        && bytes.get(4..8) == Some(MAGIC_COOKIE.to_be_bytes().as_slice())
        && bytes.len().checked_sub(STUN_HEADER_LEN) == len
        && bytes.len().is_multiple_of(4)
}

/// Method and class of what [`is_stun`].
pub(crate) fn kind(message: &[u8]) -> MessageType {
    let mut kind = MessageType::default();
    kind.read_value(u16_at(message, 0).unwrap_or_default());
    kind
}

/// Reads ChannelData (RFC 8656, 12.4). What follows the data is padding.
pub(crate) fn read_channel_data(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let number = u16_at(bytes, 0).filter(|number| CHANNELS.contains(number))?;
    let len = usize::from(u16_at(bytes, 2)?);
    Some((number, bytes.get(CHANNEL_HEADER_LEN..CHANNEL_HEADER_LEN + len)?))
}

/// Appends ChannelData; on streams it is padded (RFC 8656, 12.5).
pub(crate) fn write_channel_data(out: &mut Vec<u8>, number: u16, data: &[u8], is_stream: bool) {
    let Ok(len) = u16::try_from(data.len()) else { return };
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(data);
    if is_stream {
        pad(out, data.len());
    }
}

/// Reads a Send indication: to whom, and what (RFC 8656, 11.2).
pub(crate) fn read_send(message: &[u8]) -> Option<(SocketAddr, &[u8])> {
    if kind(message) != MessageType::new(METHOD_SEND, CLASS_INDICATION) {
        return None;
    }
    let transaction = transaction(message)?;
    let (mut peer, mut data) = (None, None);
    let mut at = STUN_HEADER_LEN;
    while at < message.len() {
        let len = usize::from(u16_at(message, at + 2)?);
        let value = message.get(at + ATTRIBUTE_HEADER_LEN..at + ATTRIBUTE_HEADER_LEN + len)?;
        match AttrType(u16_at(message, at)?) {
            ATTR_XOR_PEER_ADDRESS if peer.is_none() => {
                peer = Some(read_xor_address(value, &transaction)?);
            }
            ATTR_DATA if data.is_none() => data = Some(value),
            ATTR_FINGERPRINT => check_fingerprint(message, at, value)?,
            ATTR_XOR_PEER_ADDRESS | ATTR_DATA | ATTR_DONT_FRAGMENT | ATTR_SOFTWARE => {}
            unknown if unknown.required() => return None,
            _ => {}
        }
        at += ATTRIBUTE_HEADER_LEN + len.next_multiple_of(4);
    }
    Some((peer?, data?))
}

/// FINGERPRINT is the last attribute and right (RFC 8489, 14.7).
fn check_fingerprint(message: &[u8], at: usize, value: &[u8]) -> Option<()> {
    let crc = u32::from_be_bytes(value.try_into().ok()?);
    let is_last = at + ATTRIBUTE_HEADER_LEN + value.len() == message.len();
    (is_last && fingerprint_value(message.get(..at)?) == crc).then_some(())
}

/// Appends a Data indication (RFC 8656, 11.3). What does not fit into a message is left out.
pub(crate) fn write_data(
    out: &mut Vec<u8>,
    transaction: &TransactionId,
    peer: SocketAddr,
    data: &[u8],
) {
    let (address, address_len) = xor_address(peer, transaction);
    let address = &address[..address_len];
    let attributes = 2 * ATTRIBUTE_HEADER_LEN + address.len() + data.len().next_multiple_of(4);
    let Ok(len) = u16::try_from(attributes) else { return };
    let kind = MessageType::new(METHOD_DATA, CLASS_INDICATION);
    out.extend_from_slice(&kind.value().to_be_bytes());
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
    out.extend_from_slice(transaction);
    for (kind, value) in [(ATTR_XOR_PEER_ADDRESS, address), (ATTR_DATA, data)] {
        out.extend_from_slice(&kind.value().to_be_bytes());
        // Both are shorter than all attributes, whose length fits.
        out.extend_from_slice(&(value.len() as u16).to_be_bytes());
        out.extend_from_slice(value);
        pad(out, value.len());
    }
}

pub(crate) fn transaction(message: &[u8]) -> Option<TransactionId> {
    message.get(8..STUN_HEADER_LEN)?.try_into().ok()
}

/// The value of an XORed address attribute (RFC 8489, 14.2), exactly as long as its family says.
pub(crate) fn read_xor_address(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    let (head, ip) = value.split_at_checked(4)?;
    let port = u16_at(head, 2)? ^ (MAGIC_COOKIE >> 16) as u16;
    let mask = mask(transaction);
    let ip = match head.get(1)? {
        1 => {
            let ip: [u8; 4] = ip.try_into().ok()?;
            IpAddr::V4(Ipv4Addr::from(std::array::from_fn(|at| ip[at] ^ mask[at])))
        }
        2 => {
            let ip: [u8; 16] = ip.try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(std::array::from_fn(|at| ip[at] ^ mask[at])))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The inverse of [`read_xor_address`]: the value and its length.
pub(crate) fn xor_address(address: SocketAddr, transaction: &TransactionId) -> ([u8; 20], usize) {
    let port = (address.port() ^ (MAGIC_COOKIE >> 16) as u16).to_be_bytes();
    let mask = mask(transaction);
    let mut value = [0; 20];
    value[2..4].copy_from_slice(&port);
    let mut fill = |family: u8, ip: &[u8]| {
        value[1] = family;
        for (masked, (byte, mask)) in value[4..].iter_mut().zip(ip.iter().zip(mask)) {
            *masked = byte ^ mask;
        }
        4 + ip.len()
    };
    let len = match address.ip() {
        IpAddr::V4(ip) => fill(1, &ip.octets()),
        IpAddr::V6(ip) => fill(2, &ip.octets()),
    };
    (value, len)
}

/// What addresses are XORed with: the cookie, then the transaction id.
fn mask(transaction: &TransactionId) -> [u8; 16] {
    let cookie = MAGIC_COOKIE.to_be_bytes();
    std::array::from_fn(|at| if at < 4 { cookie[at] } else { transaction[at - 4] })
}

fn pad(out: &mut Vec<u8>, len: usize) {
    out.resize(out.len() + len.next_multiple_of(4) - len, 0);
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}
