//! The frame numbers that codecs write into packets, kept continuous over a change of layer.

use crate::codec::FrameInfo;

/// Picture ids have 15 bits at most (RFC 7741, section 4.2).
const PICTURE_IDS: u16 = 0x7fff;

/// The frame numbers of a packet, or the offsets added to those of a stretch. A number that the packet does not carry is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FrameNumbers {
    /// VP8's.
    pub picture_id: u16,
    /// Of the dependency descriptor.
    pub frame: u16,
    /// VP8's TL0PICIDX.
    pub tl0: u8,
}

impl FrameNumbers {
    pub(super) fn of(info: &FrameInfo) -> FrameNumbers {
        let ids = info.vp8;
        FrameNumbers {
            picture_id: ids.and_then(|ids| ids.picture_id).unwrap_or(0),
            frame: info.frame.unwrap_or(0),
            tl0: ids.and_then(|ids| ids.tl0).unwrap_or(0),
        }
    }

    pub(super) fn shifted(self, by: FrameNumbers) -> FrameNumbers {
        FrameNumbers {
            picture_id: self.picture_id.wrapping_add(by.picture_id) & PICTURE_IDS,
            frame: self.frame.wrapping_add(by.frame),
            tl0: self.tl0.wrapping_add(by.tl0),
        }
    }

    /// The offsets by which a stream with these numbers continues after the newest that were sent.
    pub(super) fn following(self, newest: FrameNumbers) -> FrameNumbers {
        FrameNumbers {
            picture_id: newest.picture_id.wrapping_add(1).wrapping_sub(self.picture_id),
            frame: newest.frame.wrapping_add(1).wrapping_sub(self.frame),
            tl0: newest.tl0.wrapping_add(1).wrapping_sub(self.tl0),
        }
    }

    /// These where the packet carries them, else those before.
    pub(super) fn carried(self, info: &FrameInfo, before: FrameNumbers) -> FrameNumbers {
        let FrameNumbers { picture_id, tl0, .. } = if info.vp8.is_some() { self } else { before };
        FrameNumbers {
            picture_id,
            tl0,
            frame: if info.frame.is_some() { self.frame } else { before.frame },
        }
    }
}
