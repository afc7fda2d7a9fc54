//! The Data Channel Establishment Protocol (RFC 8832), as far as LiveKit's two channels need it.

use beckon_sfu_api::DataKind;

const DATA_CHANNEL_ACK: u8 = 0x02;
const DATA_CHANNEL_OPEN: u8 = 0x03;
const OPEN_HEADER_LEN: usize = 12;

/// Set in a channel type when messages may overtake each other.
const UNORDERED: u8 = 0x80;

/// The answer to an open request.
pub const ACK: [u8; 1] = [DATA_CHANNEL_ACK];

/// A message of the Data Channel Establishment Protocol (RFC 8832, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DcepMessage<'a> {
    Open(Open<'a>),
    Ack,
}

/// DATA_CHANNEL_OPEN, as far as we use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    pub unordered: bool,
    pub reliability: Reliability,
    pub label: &'a str,
}

/// How long a message is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliability {
    Reliable,
    /// Retransmitted at most this many times.
    Retransmits(u32),
    /// Retransmitted for this many milliseconds.
    Lifetime(u32),
}

pub fn read(message: &[u8]) -> Option<DcepMessage<'_>> {
    match *message.first()? {
        DATA_CHANNEL_ACK => Some(DcepMessage::Ack),
        DATA_CHANNEL_OPEN => Some(DcepMessage::Open(read_open(message)?)),
        _ => None,
    }
}

impl Open<'_> {
    /// The channel that LiveKit has for a kind of data.
    pub fn of(kind: DataKind) -> Open<'static> {
        match kind {
            DataKind::Reliable => {
                Open { unordered: false, reliability: Reliability::Reliable, label: "_reliable" }
            }
            DataKind::Lossy => {
                Open { unordered: true, reliability: Reliability::Retransmits(0), label: "_lossy" }
            }
        }
    }

    /// The kind of data that the label says; `None` for channels that are none of LiveKit's.
    pub fn kind(&self) -> Option<DataKind> {
        [DataKind::Reliable, DataKind::Lossy]
            .into_iter()
            .find(|kind| Open::of(*kind).label == self.label)
    }

    pub fn write(&self) -> Vec<u8> {
        let (kind, parameter) = match self.reliability {
            Reliability::Reliable => (0, 0),
            Reliability::Retransmits(times) => (1, times),
            Reliability::Lifetime(milliseconds) => (2, milliseconds),
        };
        let channel_type = if self.unordered { kind | UNORDERED } else { kind };
        let mut message = vec![DATA_CHANNEL_OPEN, channel_type, 0, 0];
        message.extend_from_slice(&parameter.to_be_bytes());
        message.extend_from_slice(&(self.label.len() as u16).to_be_bytes());
        message.extend_from_slice(&[0; 2]);
        message.extend_from_slice(self.label.as_bytes());
        message
    }
}

fn read_open(message: &[u8]) -> Option<Open<'_>> {
    let (header, rest) = message.split_at_checked(OPEN_HEADER_LEN)?;
    let parameter = u32::from_be_bytes(header.get(4..8)?.try_into().ok()?);
    let reliability = match header.get(1)? & !UNORDERED {
        0 => Reliability::Reliable,
        1 => Reliability::Retransmits(parameter),
        2 => Reliability::Lifetime(parameter),
        _ => return None,
    };
    let label_len = usize::from(u16::from_be_bytes([header[8], header[9]]));
    let protocol_len = usize::from(u16::from_be_bytes([header[10], header[11]]));
    let (label, rest) = rest.split_at_checked(label_len)?;
    let label = std::str::from_utf8(label).ok()?;
    let unordered = header[1] & UNORDERED != 0;
    (rest.len() >= protocol_len).then_some(Open { unordered, reliability, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channels_of_a_livekit_client_are_understood() {
        let lossy = b"\x03\x81\0\0\0\0\0\0\0\x06\0\0_lossy";
        let Some(DcepMessage::Open(open)) = read(lossy) else { panic!("an open request") };
        assert_eq!(open, Open::of(DataKind::Lossy));
        assert_eq!(open.kind(), Some(DataKind::Lossy));
        assert_eq!(open.write(), lossy);

        let reliable = Open::of(DataKind::Reliable).write();
        let Some(DcepMessage::Open(open)) = read(&reliable) else { panic!("an open request") };
        assert_eq!(open.kind(), Some(DataKind::Reliable));
        assert!(!open.unordered);

        let other = b"\x03\x82\x01\0\0\0\x01\0\0\x0b\0\0_data_track";
        let Some(DcepMessage::Open(open)) = read(other) else { panic!("an open request") };
        assert_eq!((open.kind(), open.reliability), (None, Reliability::Lifetime(256)));
        assert_eq!(read(&ACK), Some(DcepMessage::Ack));
    }

    #[test]
    fn a_broken_message_is_refused() {
        let whole = Open::of(DataKind::Reliable).write();
        for len in 0..whole.len() {
            assert_eq!(read(&whole[..len]), None, "{len} bytes");
        }
        assert_eq!(read(b"\x03\x05\0\0\0\0\0\0\0\0\0\0"), None, "an unknown channel type");
        assert_eq!(read(b"\x03\0\0\0\0\0\0\0\0\x01\0\0\xff"), None, "a label that is not text");
        assert_eq!(read(b"\x01"), None, "an unknown message");
    }
}
