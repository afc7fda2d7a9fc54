//! What a REST request was answered.

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

/// An answer read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    asked: String,
}

impl Answer {
    pub async fn read(asked: String, answer: reqwest::Response) -> Self {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes =
            answer.bytes().await.unwrap_or_else(|error| panic!("{asked}: half an answer: {error}"));
        Self { status, headers, bytes: bytes.to_vec(), asked }
    }

    /// The body as JSON; nothing when there is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of an answer that must be a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(
            self.status.is_success(),
            "{} was refused with {}: {}",
            self.asked,
            self.status,
            self.text()
        );
        self.json()
    }

    /// Must be the error object with this status and code.
    #[track_caller]
    pub fn is_refused(&self, status: u16, code: &str) -> Value {
        let error = self.json();
        assert_eq!(
            (self.status.as_u16(), error["code"].as_str().unwrap_or_default()),
            (status, code),
            "{}: {}",
            self.asked,
            self.text()
        );
        assert_is_error(&error);
        error
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Every refusal, on every door, has these fields.
#[track_caller]
pub fn assert_is_error(error: &Value) {
    for (field, right) in [
        ("message", error["message"].as_str().is_some_and(|message| !message.is_empty())),
        ("retryable", error["retryable"].is_boolean()),
        ("request_id", error["request_id"].as_str().is_some_and(|id| !id.is_empty())),
    ] {
        assert!(right, "the error object lacks `{field}`: {error}");
    }
}
