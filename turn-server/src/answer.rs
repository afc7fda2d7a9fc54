//! Responses to requests, on rtc-stun's codec.

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use rtc_stun::attributes::*;
use rtc_stun::error_code::{ERROR_REASONS, ErrorCodeAttribute};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_SUCCESS_RESPONSE, Message, MessageClass, MessageType, Method,
    Setter, TransactionId,
};
use rtc_stun::uattrs::UnknownAttributes;
use sha1::Sha1;

use crate::credentials::Key;
use crate::refusal::Refusal;
use crate::wire;

const SOFTWARE: &[u8] = concat!("Beckon ", env!("CARGO_PKG_VERSION")).as_bytes();

const INTEGRITY_LEN: u32 = 24;

/// A response under construction; [`seal`](Answer::seal) completes it.
pub(crate) struct Answer(Message);

impl Answer {
    pub(crate) fn success(method: Method, transaction: wire::TransactionId) -> Answer {
        Answer::new(method, CLASS_SUCCESS_RESPONSE, transaction)
    }

    pub(crate) fn refusal(
        method: Method,
        transaction: wire::TransactionId,
        refusal: &Refusal,
    ) -> Answer {
        let code = refusal.code();
        let reason = ERROR_REASONS.get(&code).cloned().unwrap_or_default();
        let answer = Answer::new(method, CLASS_ERROR_RESPONSE, transaction)
            .with(&ErrorCodeAttribute { code, reason });
        match refusal {
            Refusal::UnknownAttribute(kinds) => answer.with(&UnknownAttributes(kinds.clone())),
            _ => answer,
        }
    }

    fn new(method: Method, class: MessageClass, transaction: wire::TransactionId) -> Answer {
        let mut message = Message::new();
        message.set_type(MessageType::new(method, class));
        message.transaction_id = TransactionId(transaction);
        message.write_header();
        Answer(message)
    }

    /// Adds an attribute of rtc-stun or rtc-turn.
    pub(crate) fn with(mut self, attribute: &dyn Setter) -> Answer {
        // Setters fail on what is too long; all of ours are short by construction.
        let added = attribute.add_to(&mut self.0);
        debug_assert!(added.is_ok(), "{added:?}");
        self
    }

    pub(crate) fn with_bytes(mut self, kind: AttrType, value: &[u8]) -> Answer {
        self.0.add(kind, value);
        self
    }

    pub(crate) fn with_address(self, kind: AttrType, address: SocketAddr) -> Answer {
        let (value, len) = wire::xor_address(address, &self.0.transaction_id.0);
        self.with_bytes(kind, &value[..len])
    }

    /// Ends the message with SOFTWARE, MESSAGE-INTEGRITY if there is a key, and FINGERPRINT.
    pub(crate) fn seal(self, key: Option<&Key>) -> Vec<u8> {
        let mut answer = self.with_bytes(ATTR_SOFTWARE, SOFTWARE);
        if let Some(key) = key {
            answer.sign(key);
        }
        answer.with(&FINGERPRINT).0.raw
    }

    /// MESSAGE-INTEGRITY covers the message with the length that includes it (RFC 8489, 14.5).
    fn sign(&mut self, key: &Key) {
        self.0.length += INTEGRITY_LEN;
        self.0.write_length();
        let mac = Hmac::<Sha1>::new_from_slice(&key.0).expect("HMAC takes any key");
        let mac = mac.chain_update(&self.0.raw).finalize().into_bytes();
        self.0.length -= INTEGRITY_LEN;
        self.0.add(ATTR_MESSAGE_INTEGRITY, &mac);
    }
}
