//! H.264 payloads (RFC 6184): single NAL units, STAP-A and FU-A.

use super::FrameInfo;

const TYPE: u8 = 0x1f;
const SLICE: u8 = 1;
const IDR: u8 = 5;
const SPS: u8 = 7;
const ACCESS_UNIT_DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_START: u8 = 0x80;

/// A frame may begin with several packets that say so, as with parameter sets before a slice: nothing in H.264 counts
/// packets. Those have the same timestamp.
pub(super) fn describe(payload: &[u8]) -> FrameInfo {
    let Some((&indicator, rest)) = payload.split_first() else { return FrameInfo::default() };
    match (indicator & TYPE, rest) {
        (STAP_A, units) => aggregated(units),
        (FU_A, [header, data @ ..]) if header & FU_START != 0 => unit(header & TYPE, data),
        (1..=23, data) => unit(indicator & TYPE, data),
        _ => FrameInfo::default(),
    }
}

/// What the units behind each other, each after its length, say together.
fn aggregated(mut units: &[u8]) -> FrameInfo {
    let mut all = FrameInfo::default();
    while let [high, low, rest @ ..] = units {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((nal, after)) = rest.split_at_checked(len) else { break };
        if let Some((header, data)) = nal.split_first() {
            let one = unit(header & TYPE, data);
            all.keyframe |= one.keyframe;
            all.first |= one.first;
        }
        units = after;
    }
    all
}

/// `data` is the unit behind its header, as much as is in this packet.
fn unit(kind: u8, data: &[u8]) -> FrameInfo {
    // first_mb_in_slice is zero if its Exp-Golomb code is the single bit 1: other slices continue a frame.
    let first_slice = data.first().is_some_and(|byte| byte & 0x80 != 0);
    let (keyframe, first) = match kind {
        SPS => (true, true),
        IDR => (first_slice, first_slice),
        SLICE => (false, first_slice),
        ACCESS_UNIT_DELIMITER => (false, true),
        _ => (false, false),
    };
    FrameInfo { keyframe, first, ..FrameInfo::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(payload: &[u8]) -> (bool, bool) {
        let info = describe(payload);
        (info.keyframe, info.first)
    }

    #[test]
    fn parameter_sets_begin_a_keyframe() {
        assert_eq!(says(&[0x67, 0x42, 0xe0, 0x1f]), (true, true));
        // Chromium's STAP-A: SPS, PPS.
        let stap = [0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 3, 0x68, 0xce, 0x38];
        assert_eq!(says(&stap), (true, true));
        assert_eq!(says(&[0x68, 0xce, 0x38]), (false, false), "a PPS alone");
    }

    #[test]
    fn an_idr_slice_begins_a_keyframe_in_every_packaging() {
        assert_eq!(says(&[0x65, 0x88, 0x84]), (true, true));
        assert_eq!(says(&[0x78, 0, 1, 0x09, 0, 2, 0x65, 0x88]), (true, true));
        assert_eq!(says(&[0x7c, 0x85, 0x88]), (true, true));
        assert_eq!(says(&[0x7c, 0x05, 0x88]), (false, false), "the middle of a fragmented unit");
        assert_eq!(says(&[0x65, 0x45]), (false, false), "a later slice");
    }

    #[test]
    fn other_frames_are_none() {
        assert_eq!(says(&[0x41, 0x9a, 0x21]), (false, true));
        assert_eq!(says(&[0x5c, 0x81, 0x9a]), (false, true));
        assert_eq!(says(&[0x06, 0x05]), (false, false), "supplemental information");
        assert_eq!(says(&[0x09, 0xf0]), (false, true), "a delimiter");
    }

    #[test]
    fn a_cut_packet_says_nothing() {
        assert_eq!(says(&[0x7c]), (false, false));
        assert_eq!(says(&[0x7c, 0x85]), (false, false));
        assert_eq!(says(&[0x65]), (false, false));
        assert_eq!(says(&[0x78, 0]), (false, false));
        assert_eq!(says(&[0x78, 0, 9, 0x65, 0x88]), (false, false), "shorter than it says");
        assert_eq!(says(&[0x78, 0, 0]), (false, false), "an empty unit");
    }
}
