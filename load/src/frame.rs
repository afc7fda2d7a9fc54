//! Socket frames at the price a load generator can pay: written from a template, read by borrowing.

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

/// A `send` frame of which only `client_msg_id` changes from message to message.
pub(super) struct SendTemplate {
    head: String,
    tail: String,
}

impl SendTemplate {
    pub(super) fn new(conversation_id: &str, text: &str) -> Self {
        Self {
            head: format!(
                r#"{{"type":"send","conversation_id":"{conversation_id}","client_msg_id":""#
            ),
            tail: format!(r#"","body":{{"type":"text","text":"{text}"}}}}"#),
        }
    }

    pub(super) fn frame(&self, client_msg_id: Uuid) -> Message {
        let mut id = Uuid::encode_buffer();
        let id = client_msg_id.hyphenated().encode_lower(&mut id);
        Message::text([&self.head, &*id, &self.tail].concat())
    }
}

/// What the generator needs of any server frame; everything else is skipped unread.
#[derive(Deserialize)]
pub(super) struct Incoming<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) client_msg_id: Option<Uuid>,
    pub(super) seq: Option<u64>,
    #[serde(borrow)]
    pub(super) message: Option<Delivered<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Delivered<'a> {
    pub(super) conversation_id: &'a str,
    pub(super) seq: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_from_the_template_is_what_the_protocol_says() {
        let frame = SendTemplate::new("c", "hi").frame(Uuid::nil()).into_text().unwrap();
        let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(
            frame,
            serde_json::json!({"type": "send", "conversation_id": "c", "client_msg_id": Uuid::nil(),
                "body": {"type": "text", "text": "hi"}})
        );
    }

    #[test]
    fn a_delivery_is_read_whatever_else_it_carries() {
        let text = r#"{"n":7,"type":"message","message":{"id":"x","conversation_id":"c","seq":3,"body":{"type":"text"}}}"#;
        let frame: Incoming<'_> = serde_json::from_str(text).unwrap();
        let message = frame.message.unwrap();
        assert_eq!((frame.kind, message.conversation_id, message.seq), ("message", "c", 3));
    }
}
