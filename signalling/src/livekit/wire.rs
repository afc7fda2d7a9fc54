//! How much a protobuf message holds, seen before it is decoded: two bytes of it may become a struct of hundreds.

use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};

/// Messages within messages; LiveKit's are less deep.
const DEPTH_MAX: usize = 8;

/// Fields of a message and of all that is in it, up to where it cannot be read. Text that reads like fields counts too.
pub(super) fn fields(bytes: &[u8]) -> usize {
    count(bytes, DEPTH_MAX)
}

/// The number of the first field.
pub(super) fn first_field(mut bytes: &[u8]) -> Option<u32> {
    decode_key(&mut bytes).ok().map(|(number, _)| number)
}

fn count(mut bytes: &[u8], depth: usize) -> usize {
    let mut fields = 0;
    while let Some(inner) = next(&mut bytes) {
        fields += 1;
        if depth > 0 {
            fields += count(inner, depth - 1);
        }
    }
    fields
}

/// Steps over a field; what is in it, if that may be fields. The fields of a group follow like any others.
fn next<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (_, wire_type) = decode_key(bytes).ok()?;
    let length = match wire_type {
        WireType::Varint => {
            decode_varint(bytes).ok()?;
            0
        }
        WireType::StartGroup | WireType::EndGroup => 0,
        WireType::ThirtyTwoBit => 4,
        WireType::SixtyFourBit => 8,
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
            let inner = bytes.get(..length)?;
            bytes.advance(length);
            return Some(inner);
        }
    };
    bytes.get(..length)?;
    bytes.advance(length);
    Some(&[])
}

#[cfg(test)]
mod tests {
    use livekit_protocol::{SessionDescription, SyncState, TrackPublishedResponse};
    use prost::Message as _;

    use super::*;

    #[test]
    fn what_is_inside_counts() {
        let tracks = vec![TrackPublishedResponse::default(); 1000];
        let state = SyncState { publish_tracks: tracks, ..SyncState::default() };
        assert_eq!(fields(&state.encode_to_vec()), 1000);
        let cid = TrackPublishedResponse { cid: " ".into(), track: None };
        let state = SyncState { publish_tracks: vec![cid; 10], ..SyncState::default() };
        assert_eq!(fields(&state.encode_to_vec()), 20);
    }

    #[test]
    fn long_text_is_one_field() {
        let sdp = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n".repeat(1000);
        let description = SessionDescription { sdp, ..SessionDescription::default() };
        assert!(fields(&description.encode_to_vec()) < 5);
    }

    #[test]
    fn what_cannot_be_read_to_its_end_counts_as_far_as_it_can() {
        let bytes = [&[0x12, 0x00].repeat(500)[..], &[0x12, 0x7f, 0xff]].concat();
        assert_eq!(fields(&bytes), 500);
        for garbage in [&[][..], &[0xff; 40], &[0x0a], &[0x08]] {
            assert_eq!(fields(garbage), 0);
        }
    }
}
