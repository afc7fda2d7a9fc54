//! VP8's payload descriptor (RFC 7741, section 4.2).

use super::FrameInfo;

const EXTENDED: u8 = 0x80;
const START: u8 = 0x10;
const PARTITION: u8 = 0x07;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0: u8 = 0x40;
const HAS_TID: u8 = 0x20;
const HAS_KEY_INDEX: u8 = 0x10;
/// The picture id has 15 bits in two bytes.
const WIDE: u8 = 0x80;
/// In the payload header (section 4.3): the frame needs another one.
const INTER: u8 = 0x01;

/// Counters that a decoder expects to increase by one, and their position in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    pub picture_id: Option<u16>,
    /// The picture id wraps at 15 bits, not at 7.
    pub wide: bool,
    /// TL0PICIDX, the running number of base layer frames.
    pub tl0: Option<u8>,
    /// The picture id is always third.
    tl0_at: u8,
}

const PICTURE_ID_AT: usize = 2;

/// The optional part of a descriptor.
struct Descriptor {
    ids: Ids,
    len: usize,
}

pub(super) fn describe(payload: &[u8]) -> FrameInfo {
    let Some((&lead, _)) = payload.split_first() else { return FrameInfo::default() };
    let Some(descriptor) = read(payload) else { return FrameInfo::default() };
    let first = lead & START != 0 && lead & PARTITION == 0;
    let inter = payload.get(descriptor.len).is_none_or(|header| header & INTER != 0);
    let ids = descriptor.ids;
    let vp8 = (ids.picture_id.is_some() || ids.tl0.is_some()).then_some(ids);
    FrameInfo { keyframe: first && !inter, first, vp8, ..FrameInfo::default() }
}

fn read(payload: &[u8]) -> Option<Descriptor> {
    let mut ids = Ids { picture_id: None, wide: false, tl0: None, tl0_at: 0 };
    if payload.first()? & EXTENDED == 0 {
        return Some(Descriptor { ids, len: 1 });
    }
    let has = *payload.get(1)?;
    let mut at = PICTURE_ID_AT;
    if has & HAS_PICTURE_ID != 0 {
        let high = *payload.get(at)?;
        at += 1;
        ids.wide = high & WIDE != 0;
        ids.picture_id = Some(u16::from(high & !WIDE));
        if ids.wide {
            ids.picture_id = Some(u16::from_be_bytes([high & !WIDE, *payload.get(at)?]));
            at += 1;
        }
    }
    if has & HAS_TL0 != 0 {
        ids.tl0 = Some(*payload.get(at)?);
        ids.tl0_at = at as u8;
        at += 1;
    }
    if has & (HAS_TID | HAS_KEY_INDEX) != 0 {
        payload.get(at)?;
        at += 1;
    }
    Some(Descriptor { ids, len: at })
}

/// Writes other counters over those that [`Ids`] found in this payload, in the width they have. What the descriptor
/// does not carry is not added.
pub fn patch(payload: &mut [u8], ids: &Ids, picture_id: u16, tl0: u8) {
    if ids.picture_id.is_some() {
        if ids.wide {
            if let Some(place) = payload.get_mut(PICTURE_ID_AT..PICTURE_ID_AT + 2) {
                place.copy_from_slice(&(picture_id | 0x8000).to_be_bytes());
            }
        } else if let Some(place) = payload.get_mut(PICTURE_ID_AT) {
            *place = picture_id as u8 & !WIDE;
        }
    }
    if ids.tl0.is_some()
        && let Some(place) = payload.get_mut(usize::from(ids.tl0_at))
    {
        *place = tl0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From Chromium's simulcast: 15-bit picture id, TL0PICIDX, TID, then the start of a 320x180 keyframe.
    const KEYFRAME: [u8; 16] =
        [0x90, 0xe0, 0x9a, 0xbc, 0x42, 0x20, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 1, 180, 0];

    #[test]
    fn a_browsers_keyframe_is_seen() {
        let info = describe(&KEYFRAME);
        assert!(info.keyframe && info.first);
        let ids = info.vp8.unwrap();
        assert_eq!((ids.picture_id, ids.wide, ids.tl0), (Some(0x1abc), true, Some(0x42)));
    }

    #[test]
    fn only_the_first_packet_of_a_keyframe_counts() {
        let mut packet = KEYFRAME;
        packet[0] &= !START;
        let info = describe(&packet);
        assert!(!info.keyframe && !info.first, "a continuation");
        packet[0] |= START | 1;
        let info = describe(&packet);
        assert!(!info.keyframe && !info.first, "another partition");
        let mut packet = KEYFRAME;
        packet[6] |= INTER;
        let info = describe(&packet);
        assert!(info.first && !info.keyframe, "a frame that needs another");
    }

    #[test]
    fn a_short_descriptor_is_read() {
        let info = describe(&[0x10, 0x10, 0x02, 0x00]);
        assert!(info.keyframe && info.first);
        assert_eq!(info.vp8, None);
        let narrow = describe(&[0x90, 0x80, 0x55, 0x01]);
        let ids = narrow.vp8.unwrap();
        assert_eq!((ids.picture_id, ids.wide, ids.tl0), (Some(0x55), false, None));
        assert!(!narrow.keyframe);
    }

    #[test]
    fn layer_ids_and_key_indices_share_a_byte_that_is_skipped() {
        for has in [HAS_TID, HAS_KEY_INDEX, HAS_TID | HAS_KEY_INDEX] {
            assert!(describe(&[0x90, has, 0x81, 0x00]).keyframe);
            assert!(!describe(&[0x90, has, 0x80, 0x01]).keyframe);
        }
    }

    #[test]
    fn a_cut_descriptor_says_nothing() {
        for len in 0..6 {
            assert_eq!(describe(&KEYFRAME[..len]), FrameInfo::default(), "{len} bytes");
        }
        assert!(!describe(&KEYFRAME[..6]).keyframe, "no payload header");
    }

    #[test]
    fn a_payload_cut_after_it_was_read_is_patched_as_far_as_it_goes() {
        let ids = describe(&KEYFRAME).vp8.unwrap();
        let mut cut = [0x90, 0xe0, 0x9a];
        patch(&mut cut, &ids, 1, 2);
        assert_eq!(cut, [0x90, 0xe0, 0x9a]);
    }

    proptest! {
        #[test]
        fn what_is_patched_is_read(has: u8, wide: bool, picture_id: u16, tl0: u8, rest: [u8; 8]) {
            let mut payload = [&[0x90, has, if wide { 0x80 } else { 0 }][..], &rest].concat();
            let before = describe(&payload);
            let ids = before.vp8.unwrap_or(Ids { picture_id: None, wide, tl0: None, tl0_at: 0 });
            patch(&mut payload, &ids, picture_id, tl0);
            let after = describe(&payload);
            let mask = if wide { 0x7fff } else { 0x7f };
            prop_assert_eq!(after.vp8.and_then(|ids| ids.picture_id), ids.picture_id.map(|_| picture_id & mask));
            prop_assert_eq!(after.vp8.and_then(|ids| ids.tl0), ids.tl0.map(|_| tl0));
            let without = |info: FrameInfo| FrameInfo { vp8: None, ..info };
            prop_assert_eq!(without(before), without(after));
        }
    }
}
