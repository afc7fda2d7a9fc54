//! Extends 16-bit sequence numbers to indices that never wrap.

/// Indices start a whole round above zero, so that a packet before the first one has an index too.
const ROUND: u64 = 1 << 16;

/// The index of the first packet of a stream.
pub(super) fn first(sequence: u16) -> u64 {
    ROUND + u64::from(sequence)
}

/// The index with these 16 low bits that is nearest to `reference`.
pub(super) fn nearest(reference: u64, sequence: u16) -> u64 {
    let ahead = sequence.wrapping_sub(reference as u16) as i16;
    reference.saturating_add_signed(ahead.into())
}

/// The index of a stream that restarts with `sequence`, beyond all that were near `reference`.
pub(super) fn anew(reference: u64, sequence: u16) -> u64 {
    (reference / ROUND + 2) * ROUND + u64::from(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_index_crosses_the_wrap_both_ways() {
        assert_eq!(nearest(first(65_535), 0), first(65_535) + 1);
        assert_eq!(nearest(first(0), 65_535), first(0) - 1);
        assert_eq!(nearest(first(7), 7), first(7));
    }

    #[test]
    fn a_new_beginning_is_ahead_of_all_before() {
        for sequence in [0, 1, 65_535] {
            assert!(anew(first(65_535), sequence) > first(65_535) + 1000);
            assert_eq!(anew(first(9), sequence) as u16, sequence);
        }
    }
}
