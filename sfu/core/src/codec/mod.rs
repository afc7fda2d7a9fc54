//! What a forwarder must know of a payload, read from its first bytes without decoding it.
//!
//! Each packet is read alone, with no state between packets, so that a lost one has no effect on others.
//! Where a payload says nothing (it is cut, encrypted, or not of its codec) the result is the harmless value: a packet in
//! the middle of a frame, on which no decoder can start.
//!
//! # How to add a codec
//! 1. A variant in `beckon_sfu_api::Codec` with its name, kind and clock rate.
//! 2. A file here with `describe(payload) -> FrameInfo`, and a test with the first bytes of real packets.
//! 3. An arm in [`describe`]; the compiler lists the other places: how SDP offers the codec, and what it is allowed to be.
//! 4. If packets carry counters that must continue without a gap when the stream behind them changes, as VP8's picture
//!    ids do, a `patch` like [`vp8::patch`] and its ids in [`FrameInfo`]; `forwarder/frame_numbers.rs` keeps them.

mod av1;
pub mod descriptor;
mod h264;
pub mod vp8;
mod vp9;

use beckon_sfu_api::Codec;

/// What one packet says about its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// Decoding can start with this packet: it is the first of a keyframe.
    pub keyframe: bool,
    /// The first packet of a frame (of one spatial layer's frame in SVC).
    pub first: bool,
    /// VP8's counters and where they stand in the payload.
    pub vp8: Option<vp8::Ids>,
    /// Its number in the dependency descriptor.
    pub frame: Option<u16>,
}

/// Describes a packet by its payload, and by the dependency descriptor extension if it came with one.
pub fn describe(codec: Codec, payload: &[u8], descriptor: Option<&[u8]>) -> FrameInfo {
    let info = match codec {
        // Every packet of Opus decodes by itself (RFC 7587, section 4.2).
        Codec::Opus => FrameInfo { keyframe: true, first: true, ..FrameInfo::default() },
        Codec::Vp8 => vp8::describe(payload),
        Codec::H264 => h264::describe(payload),
        Codec::Vp9 => vp9::describe(payload),
        Codec::Av1 => av1::describe(payload, descriptor),
    };
    FrameInfo { frame: descriptor.and_then(descriptor::number), ..info }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_can_start_anywhere() {
        let info = describe(Codec::Opus, &[0x78, 1, 2], None);
        assert!(info.keyframe && info.first);
    }

    #[test]
    fn nobody_starts_on_an_empty_video_packet() {
        for codec in [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
            assert_eq!(describe(codec, &[], None), FrameInfo::default(), "{codec:?}");
        }
    }
}
