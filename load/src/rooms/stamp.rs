//! What the payload of every packet of the load says, so that its loss and its latency are exact.

/// Bytes before the stamp: the VP8 payload descriptor and the frame's header, which the server reads and rewrites.
pub(super) const OFFSET: usize = 16;

/// Tells our payloads from what a server might send on its own.
const MAGIC: [u8; 4] = *b"bkn1";

pub(super) const LEN: usize = 4 + 2 + 8 + 8;

/// Which packet this is and when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The track's number in the whole load.
    pub(super) track: u16,
    /// The packet's number in its track, from 1.
    pub(super) number: u64,
    /// Nanoseconds of the load's clock.
    pub(super) sent_ns: u64,
}

impl Stamp {
    /// Writes itself into a payload at its place.
    pub(super) fn write(self, payload: &mut [u8]) {
        let mut bytes = [0; LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&self.track.to_be_bytes());
        bytes[6..14].copy_from_slice(&self.number.to_be_bytes());
        bytes[14..].copy_from_slice(&self.sent_ns.to_be_bytes());
        payload[OFFSET..OFFSET + LEN].copy_from_slice(&bytes);
    }

    /// None for a payload that is not of this load.
    pub(super) fn read(payload: &[u8]) -> Option<Stamp> {
        let bytes: &[u8; LEN] = payload.get(OFFSET..)?.first_chunk()?;
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (track, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (sent, _) = rest.split_first_chunk()?;
        (*magic == MAGIC).then_some(Stamp {
            track: u16::from_be_bytes(*track),
            number: u64::from_be_bytes(*number),
            sent_ns: u64::from_be_bytes(*sent),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let stamp = Stamp { track: 513, number: 1 << 40, sent_ns: u64::MAX - 1 };
        let mut payload = [7; 100];
        stamp.write(&mut payload);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(&payload[..OFFSET + LEN - 1]), None);
        assert_eq!(Stamp::read(&[0; 100]), None);
    }
}
