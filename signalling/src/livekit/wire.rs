//! How much a protobuf message holds, seen before it is decoded: two bytes of it may become a struct of hundreds.

use std::collections::HashMap;
use std::sync::LazyLock;

use livekit_protocol::{JoinRequest, SignalRequest};
use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

/// Messages within messages; LiveKit's are less deep.
const DEPTH_MAX: usize = 8;
/// Numbers of fields that are looked at; LiveKit's messages have less than half as many.
const NUMBER_MAX: u32 = 127;

pub(super) static SIGNAL_REQUEST: LazyLock<Shape> = LazyLock::new(Shape::of::<SignalRequest>);
pub(super) static JOIN_REQUEST: LazyLock<Shape> = LazyLock::new(Shape::of::<JoinRequest>);

/// Which fields of a message are messages, and which of theirs. All others hold text, bytes or numbers.
pub(super) struct Shape(HashMap<u32, Shape>);

impl Shape {
    /// Learned from the decoder itself, so it is always that of the protocol in use.
    fn of<M: Message + Default>() -> Shape {
        Shape::below::<M>(&mut Vec::new())
    }

    fn below<M: Message + Default>(path: &mut Vec<u32>) -> Shape {
        let mut messages = HashMap::new();
        for number in 1..=NUMBER_MAX {
            path.push(number);
            if path.len() <= DEPTH_MAX && is_message::<M>(path) {
                messages.insert(number, Shape::below::<M>(path));
            }
            path.pop();
        }
        Shape(messages)
    }

    /// Fields of a message and of all messages in it, up to where it cannot be read.
    pub(super) fn fields(&self, mut bytes: &[u8]) -> usize {
        let mut fields = 0;
        while let Some((number, inner)) = next(&mut bytes) {
            fields += 1 + self.0.get(&number).map_or(0, |shape| shape.fields(inner));
        }
        fields
    }
}

/// Whether the field at the end of a path is a message. A line feed is good as text, bytes or packed numbers, eight zeros
/// are where the numbers have a fixed width; neither is a message.
fn is_message<M: Message + Default>(path: &[u32]) -> bool {
    let is_taken = |content: &[u8]| M::decode(&*nested(path, content)).is_ok();
    is_taken(&[]) && !is_taken(b"\n") && !is_taken(&[0; 8])
}

/// The content of a field, in messages that hold nothing else.
fn nested(path: &[u32], content: &[u8]) -> Vec<u8> {
    path.iter().rev().fold(content.to_vec(), |inner, number| {
        let mut outer = Vec::new();
        encode_key(*number, WireType::LengthDelimited, &mut outer);
        encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    })
}

/// The number of the first field.
pub(super) fn first_field(mut bytes: &[u8]) -> Option<u32> {
    decode_key(&mut bytes).ok().map(|(number, _)| number)
}

/// Steps over a field: its number, and what is in it. The fields of a group follow like any others.
fn next<'b>(bytes: &mut &'b [u8]) -> Option<(u32, &'b [u8])> {
    let (number, wire_type) = decode_key(bytes).ok()?;
    let length = match wire_type {
        WireType::Varint => {
            decode_varint(bytes).ok()?;
            0
        }
        WireType::StartGroup | WireType::EndGroup => 0,
        WireType::ThirtyTwoBit => 4,
        WireType::SixtyFourBit => 8,
        WireType::LengthDelimited => usize::try_from(decode_varint(bytes).ok()?).ok()?,
    };
    let content = bytes.get(..length)?;
    bytes.advance(length);
    Some((number, content))
}

#[cfg(test)]
mod tests {
    use livekit_protocol::signal_request::Message as Request;
    use livekit_protocol::{
        AddTrackRequest, SyncState, TrackInfo, TrackPublishedResponse, UpdateParticipantMetadata,
    };

    use super::*;

    fn fields(request: Request) -> usize {
        let request = SignalRequest { message: Some(request) };
        SIGNAL_REQUEST.fields(&request.encode_to_vec())
    }

    #[test]
    fn messages_inside_count() {
        let publish_tracks = vec![TrackPublishedResponse::default(); 1000];
        let state = SyncState { publish_tracks, ..SyncState::default() };
        assert_eq!(fields(Request::SyncState(state)), 1 + 1000);
        let info = TrackInfo { audio_features: vec![1, 2, 3], muted: true, ..TrackInfo::default() };
        let track = TrackPublishedResponse { cid: "0".repeat(100), track: Some(info) };
        let state = SyncState { publish_tracks: vec![track; 10], ..SyncState::default() };
        assert_eq!(fields(Request::SyncState(state.clone())), 1 + 10 * 5);
        let join = JoinRequest { sync_state: Some(state), ..JoinRequest::default() };
        assert_eq!(JOIN_REQUEST.fields(&join.encode_to_vec()), 1 + 10 * 5);
    }

    #[test]
    fn text_is_one_field_whatever_it_reads_like() {
        for letter in ["0", " ", "\n", "A", "x", "\u{8}\u{1}", "[0, 1]", "~", "\u{2665}", "通"] {
            let text = letter.repeat(10_000);
            let attributes = [("doc".to_owned(), text.clone()), (text.clone(), text.clone())];
            let request = UpdateParticipantMetadata {
                metadata: text.clone(),
                name: text.clone(),
                attributes: attributes.into(),
                request_id: 1,
            };
            // each attribute is an entry with a key and a value
            assert_eq!(fields(Request::UpdateMetadata(request)), 1 + 3 + 2 * 3, "{letter:?}");
            let track = AddTrackRequest { name: text, ..AddTrackRequest::default() };
            assert_eq!(fields(Request::AddTrack(track)), 2, "{letter:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_to_its_end_counts_as_far_as_it_can() {
        let bytes = [&[0x12, 0x00].repeat(500)[..], &[0x12, 0x7f, 0xff]].concat();
        assert_eq!(SIGNAL_REQUEST.fields(&bytes), 500);
        for garbage in [&[][..], &[0xff; 40], &[0x0a], &[0x08]] {
            assert_eq!(SIGNAL_REQUEST.fields(garbage), 0);
        }
    }
}
