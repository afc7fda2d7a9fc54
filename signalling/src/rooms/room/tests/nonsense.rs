//! Whatever a client sends, the room goes on for the others.

use beckon_sfu_api::{DataKind, Event};
use livekit_protocol::SignalRequest;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use proptest::prelude::*;
use prost::Message as _;

use super::stage::{Stage, microphone};

/// Fields of `SignalRequest` with any content: each decodes, or is refused where it is read.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        // a text or message in field 1, then whatever
        ("[A-Z]{2}_[a-z]{0,12}", prop::collection::vec(any::<u8>(), 0..20)).prop_map(
            |(text, rest)| { [&[0x0a, text.len() as u8][..], text.as_bytes(), &rest].concat() }
        ),
    ];
    (1u8..24, content).prop_map(|(field, content)| {
        let tag = u32::from(field) << 3 | 2;
        let mut bytes = Vec::new();
        prost::encoding::encode_varint(u64::from(tag), &mut bytes);
        prost::encoding::encode_varint(content.len() as u64, &mut bytes);
        [bytes, content].concat()
    })
}

proptest! {
    #[test]
    fn a_room_outlives_nonsense(requests in prop::collection::vec(request(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut stage = Stage::new(10);
            let [mut alice, mut eve] = stage.people(["alice", "eve"]);
            stage.publishes(&mut alice, microphone("m")).await;
            for bytes in requests {
                let payload = bytes.clone().into();
                stage.event(Event::Data { participant: eve.id.clone(), kind: DataKind::Lossy, payload });
                if let Ok(SignalRequest { message: Some(request) }) = SignalRequest::decode(&*bytes) {
                    stage.asks(&eve, request).await;
                }
                eve.hears();
            }
            alice.hears();
            stage.asks(&alice, Request::Ping(3)).await;
            prop_assert_eq!(alice.hears(), [Message::Pong(3)]);
            Ok(())
        })?;
    }
}
