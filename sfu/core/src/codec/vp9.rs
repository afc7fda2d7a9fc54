//! VP9's payload descriptor (RFC 9628, section 4.2).

use super::FrameInfo;

const HAS_PICTURE_ID: u8 = 0x80;
const INTER: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const BEGIN: u8 = 0x08;
/// The picture id has 15 bits in two bytes.
const WIDE: u8 = 0x80;

pub(super) fn describe(payload: &[u8]) -> FrameInfo {
    read(payload).unwrap_or_default()
}

fn read(payload: &[u8]) -> Option<FrameInfo> {
    let lead = *payload.first()?;
    let mut at = 1;
    if lead & HAS_PICTURE_ID != 0 {
        at += if payload.get(at)? & WIDE != 0 { 2 } else { 1 };
    }
    let spatial = if lead & HAS_LAYERS != 0 { *payload.get(at)? >> 1 & 0x07 } else { 0 };
    let first = lead & BEGIN != 0;
    // Higher spatial layers of a keyframe's picture are not inter-predicted either, but need the lowest.
    let keyframe = first && lead & INTER == 0 && spatial == 0;
    Some(FrameInfo { keyframe, first, ..FrameInfo::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_begins_in_the_lowest_layer() {
        let info = describe(&[0xab, 0x81, 0x23, 0x00, 0x00]);
        assert!(info.keyframe && info.first);
        let upper = describe(&[0xab, 0x81, 0x23, 0x03, 0x00]);
        assert!(!upper.keyframe && upper.first);
    }

    #[test]
    fn the_rest_of_a_keyframe_is_no_start() {
        assert_eq!(describe(&[0xa0, 0x81, 0x23, 0x00]), FrameInfo::default());
    }

    #[test]
    fn predicted_frames_are_no_keyframes() {
        let info = describe(&[0xec, 0x12, 0x52, 0x07]);
        assert!(!info.keyframe && info.first);
    }

    #[test]
    fn a_descriptor_without_layers_is_read() {
        assert!(describe(&[0x08]).keyframe);
        assert!(describe(&[0x88, 0x05]).keyframe);
        assert!(!describe(&[0x88]).keyframe, "cut in the picture id");
        assert!(!describe(&[0xa8, 0x85, 0x00]).keyframe, "cut before the layers");
    }
}
