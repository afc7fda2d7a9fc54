//! A request as it came, on rtc-stun's codec, with what that leaves to its user: where integrity ends, unknown
//! attributes, repeated ones.

use hmac::{Hmac, KeyInit, Mac};
use rtc_stun::attributes::*;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::message::{Getter, Message, Method};
use sha1::Sha1;
use sha2::Sha256;

use crate::refusal::Refusal;
use crate::wire::{STUN_HEADER_LEN, TransactionId};

const SHA1_LEN: usize = 20;
/// MESSAGE-INTEGRITY-SHA256 may be cut down to this (RFC 8489, 14.6).
const SHA256_LEN_MIN: usize = 16;
const SHA256_LEN_MAX: usize = 32;

/// Comprehension-required attributes that we understand, in requests that have no use for them too.
/// DONT-FRAGMENT is among them: it is honoured by never fragmenting.
const KNOWN: [AttrType; 20] = [
    ATTR_MAPPED_ADDRESS,
    ATTR_USERNAME,
    ATTR_MESSAGE_INTEGRITY,
    ATTR_ERROR_CODE,
    ATTR_UNKNOWN_ATTRIBUTES,
    ATTR_CHANNEL_NUMBER,
    ATTR_LIFETIME,
    ATTR_XOR_PEER_ADDRESS,
    ATTR_DATA,
    ATTR_REALM,
    ATTR_NONCE,
    ATTR_XOR_RELAYED_ADDRESS,
    ATTR_REQUESTED_ADDRESS_FAMILY,
    ATTR_EVEN_PORT,
    ATTR_REQUESTED_TRANSPORT,
    ATTR_DONT_FRAGMENT,
    ATTR_MESSAGE_INTEGRITY_SHA256,
    ATTR_XORMAPPED_ADDRESS,
    ATTR_RESERVATION_TOKEN,
    ATTR_PRIORITY,
];

/// A decoded request. Nothing in it is to be believed before it is [`verified`](Request::is_signed_with).
#[derive(Debug)]
pub(crate) struct Request {
    /// Holds the attributes that integrity covers; those behind it are ignored (RFC 8489, 14.5).
    message: Message,
    integrity: Option<Integrity>,
}

#[derive(Debug)]
struct Integrity {
    is_sha256: bool,
    /// Where the attribute starts in the message.
    at: usize,
    value: Vec<u8>,
}

/// What kept a message from being read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Not to be answered (RFC 8489, 6.3).
    Discard,
    /// A message whose attributes do not add up.
    Broken,
}

impl Request {
    /// Reads what [`is_stun`](crate::wire::is_stun).
    pub(crate) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
        let mut message = Message::new();
        message.unmarshal_binary(bytes).map_err(|_| Unreadable::Broken)?;
        if message.contains(ATTR_FINGERPRINT) && FINGERPRINT.check(&message).is_err() {
            return Err(Unreadable::Discard);
        }
        let integrity = find_integrity(&message);
        if let Some((index, _)) = &integrity {
            message.attributes.0.truncate(*index);
        }
        Ok(Request { message, integrity: integrity.map(|(_, integrity)| integrity) })
    }

    pub(crate) fn method(&self) -> Method {
        self.message.typ.method
    }

    pub(crate) fn transaction(&self) -> TransactionId {
        self.message.transaction_id.0
    }

    pub(crate) fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    pub(crate) fn contains(&self, kind: AttrType) -> bool {
        self.message.contains(kind)
    }

    /// Reads the first attribute of a kind; one that is broken makes a bad request.
    pub(crate) fn get<G: Getter + Default>(&self, kind: AttrType) -> Result<Option<G>, Refusal> {
        if !self.contains(kind) {
            return Ok(None);
        }
        let mut attribute = G::default();
        attribute.get_from(&self.message).map_err(|_| Refusal::BadRequest)?;
        Ok(Some(attribute))
    }

    /// The values of all attributes of a kind.
    pub(crate) fn values(&self, kind: AttrType) -> impl Iterator<Item = &[u8]> {
        let attributes = self.message.attributes.0.iter();
        attributes.filter(move |found| found.typ == kind).map(|found| found.value.as_slice())
    }

    /// A text of at most `len_max` bytes; `None` if it is not there.
    pub(crate) fn text(&self, kind: AttrType, len_max: usize) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.values(kind).next() else { return Ok(None) };
        let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= len_max);
        text.map(Some).ok_or(Refusal::BadRequest)
    }

    /// Refuses attributes that must be understood and are not (RFC 8489, 6.3.1).
    pub(crate) fn check_known(&self) -> Result<(), Refusal> {
        let kinds = self.message.attributes.0.iter().map(|attribute| attribute.typ);
        let mut unknown: Vec<_> =
            kinds.filter(|kind| kind.required() && !KNOWN.contains(kind)).collect();
        unknown.sort_unstable_by_key(|kind| kind.value());
        unknown.dedup();
        if unknown.is_empty() { Ok(()) } else { Err(Refusal::UnknownAttribute(unknown)) }
    }

    /// Whether integrity is there and made with this key (RFC 8489, 14.5 and 14.6).
    pub(crate) fn is_signed_with(&self, key: &[u8]) -> bool {
        let Some(Integrity { is_sha256, at, value }) = &self.integrity else { return false };
        // The length as if this were the last attribute.
        let Ok(len) = u16::try_from(at + 4 + value.len() - STUN_HEADER_LEN) else { return false };
        let parts = [&self.message.raw[..2], &len.to_be_bytes(), &self.message.raw[4..*at]];
        if *is_sha256 {
            let mac =
                parts.iter().fold(keyed::<Hmac<Sha256>>(key), |mac, part| mac.chain_update(part));
            (SHA256_LEN_MIN..=SHA256_LEN_MAX).contains(&value.len())
                && value.len().is_multiple_of(4)
                && mac.verify_truncated_left(value).is_ok()
        } else {
            let mac =
                parts.iter().fold(keyed::<Hmac<Sha1>>(key), |mac, part| mac.chain_update(part));
            value.len() == SHA1_LEN && mac.verify_slice(value).is_ok()
        }
    }
}

fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// The first attribute of integrity, and its index. SHA-256 counts if both are there (RFC 8489, 9.2.4).
fn find_integrity(message: &Message) -> Option<(usize, Integrity)> {
    let mut at = STUN_HEADER_LEN;
    let mut found = None;
    for (index, attribute) in message.attributes.0.iter().enumerate() {
        let is_sha256 = attribute.typ == ATTR_MESSAGE_INTEGRITY_SHA256;
        if is_sha256 || (attribute.typ == ATTR_MESSAGE_INTEGRITY && found.is_none()) {
            let integrity = Integrity { is_sha256, at, value: attribute.value.clone() };
            let first = found.map_or(index, |(first, _)| first);
            found = Some((first, integrity));
        }
        if is_sha256 {
            break;
        }
        at += 4 + attribute.value.len().next_multiple_of(4);
    }
    found
}

#[cfg(test)]
mod tests;
