//! AV1 payloads (RTP payload format for AV1, sections 4.3 and 4.4) and the dependency descriptor (its appendix A).

use super::FrameInfo;

/// In the aggregation header: the payload continues the unit that the last packet began (Z bit).
const CONTINUES: u8 = 0x80;
/// In the aggregation header: a new coded video sequence begins.
const NEW_SEQUENCE: u8 = 0x08;
/// In the descriptor: the first packet of a frame.
const START_OF_FRAME: u8 = 0x80;
/// In the descriptor's fourth byte: templates follow, as they do on keyframes alone.
const HAS_TEMPLATES: u8 = 0x80;

pub(super) fn describe(payload: &[u8], descriptor: Option<&[u8]>) -> FrameInfo {
    let Some(&aggregation) = payload.first() else { return FrameInfo::default() };
    let begins = aggregation & CONTINUES == 0;
    let described = descriptor.and_then(|descriptor| descriptor.first());
    // Without a descriptor the nearest to a frame's start is a unit's.
    let first = described.map_or(begins, |lead| lead & START_OF_FRAME != 0);
    let templates =
        descriptor.is_some_and(|bytes| bytes.get(3).is_some_and(|byte| byte & HAS_TEMPLATES != 0));
    let keyframe = first && (templates || aggregation & NEW_SEQUENCE != 0);
    FrameInfo { keyframe, first, ..FrameInfo::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_sequence_is_a_keyframe() {
        // Two units: a sequence header of 11 bytes, then a frame.
        let info = describe(&[0x28, 0x0b, 0x0a, 0x00, 0x00], None);
        assert!(info.keyframe && info.first);
    }

    #[test]
    fn a_fragment_that_goes_on_is_no_start() {
        assert_eq!(describe(&[0x90, 0x00], None), FrameInfo::default());
        let info = describe(&[0x10, 0x32, 0x00], None);
        assert!(info.first && !info.keyframe);
    }

    #[test]
    fn the_descriptor_tells_more() {
        let payload = [0x10, 0x32, 0x00];
        let with_templates = [0xc0, 0x00, 0x01, 0x80, 0x00];
        let info = describe(&payload, Some(&with_templates));
        assert!(info.keyframe && info.first);
        let plain = describe(&payload, Some(&[0x80, 0x00, 0x02]));
        assert!(!plain.keyframe && plain.first);
        let middle = describe(&payload, Some(&[0x00, 0x00, 0x02]));
        assert!(!middle.keyframe && !middle.first);
        assert!(!describe(&payload, Some(&[])).keyframe);
    }
}
