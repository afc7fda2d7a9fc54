//! The dependency descriptor (AV1 RTP specification, appendix A), which says of a frame of any codec which others it needs.
//!
//! It begins with three whole bytes: where the packet is in its frame and the frame's template, then the frame's number.
//! All that refers to other frames is relative to that, so that numbers can be shifted and nothing else is read.

const NUMBER: std::ops::Range<usize> = 1..3;

/// The number of the packet's frame.
pub(super) fn number(descriptor: &[u8]) -> Option<u16> {
    let [high, low] = descriptor.get(NUMBER)?.try_into().ok()?;
    Some(u16::from_be_bytes([high, low]))
}

/// Gives the frame another number.
pub fn renumber(descriptor: &mut [u8], number: u16) {
    if let Some(place) = descriptor.get_mut(NUMBER) {
        place.copy_from_slice(&number.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_and_written_back() {
        let mut descriptor = [0xc1, 0x12, 0x34, 0x80, 0x55];
        assert_eq!(number(&descriptor), Some(0x1234));
        renumber(&mut descriptor, 0xfffe);
        assert_eq!(descriptor, [0xc1, 0xff, 0xfe, 0x80, 0x55]);
    }

    #[test]
    fn what_is_cut_has_no_number() {
        for len in 0..3 {
            let mut cut = [0xc1, 0x12, 0x34];
            assert_eq!(number(&cut[..len]), None);
            renumber(&mut cut[..len], 0xffff);
            assert_eq!(cut, [0xc1, 0x12, 0x34]);
        }
    }
}
