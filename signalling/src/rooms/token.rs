//! Tokens that let their bearer into one room: JWT (RFC 7519) with HS256 and LiveKit's video grants.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};
use sha2::Sha256;

use super::keys::Keys;
use crate::config::ApiKey;
use crate::domain::ids::LoginId;

/// The longest token that is looked at: the address of a request has no room for more (`http::Uri`).
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;
/// How far the clocks of whoever made a token and ours may differ.
const LEEWAY_S: f64 = 60.0;

/// What a token says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// The key that signed it.
    pub iss: String,
    /// Whose it is: the identity in the room.
    pub sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Number>,
    pub exp: Option<Number>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    pub attributes: HashMap<String, String>,
    /// What it is to the others, in LiveKit's words: `agent`, `sip`; nothing said: a person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[serde(rename = "kindDetails", skip_serializing_if = "Vec::is_empty")]
    pub kind_details: Vec<String>,
    /// How to make the room, if its bearer is the first to come.
    #[serde(rename = "roomConfig", skip_serializing_if = "Option::is_none")]
    pub room_config: Option<RoomConfig>,
    /// The name of a configuration at the server, which we have none of.
    #[serde(rename = "roomPreset", skip_serializing_if = "String::is_empty")]
    pub room_preset: String,
    /// Our own: the login it was made for, with which it ends.
    #[serde(rename = "beckonLogin", skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginId>,
    pub video: Grants,
}

/// How a room is to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoomConfig {
    pub name: String,
    #[serde(alias = "max_participants", deserialize_with = "whole")]
    pub max_participants: usize,
    /// How long it stays when nobody comes, in seconds. Ours are opened by somebody who comes.
    #[serde(alias = "empty_timeout", deserialize_with = "whole")]
    pub empty_timeout: u64,
    /// How long it stays when everybody has left, in seconds.
    #[serde(alias = "departure_timeout", deserialize_with = "whole")]
    pub departure_timeout: u64,
    pub metadata: String,
    /// What we have no word for.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

/// The numbers of a [`RoomConfig`] in both spellings that protobuf's JSON has for them.
const SPELLINGS: [(&str, &str); 3] = [
    ("maxParticipants", "max_participants"),
    ("emptyTimeout", "empty_timeout"),
    ("departureTimeout", "departure_timeout"),
];

/// A whole number as protobuf's JSON may write it: also as text, or with a fraction of zero.
fn whole<'de, D: Deserializer<'de>, N: TryFrom<u64>>(value: D) -> Result<N, D::Error> {
    let number = match Value::deserialize(value)? {
        Value::String(text) => serde_json::from_str::<Number>(&text).ok(),
        Value::Number(number) => Some(number),
        _ => None,
    };
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..=2_f64.powi(53)).contains(number);
    let from_float = |number: &Number| number.as_f64().filter(is_whole).map(|it| it as u64);
    let whole = number.and_then(|number| number.as_u64().or_else(|| from_float(&number)));
    whole.and_then(|it| it.try_into().ok()).ok_or_else(|| D::Error::custom("no whole number"))
}

/// What its bearer may do. What is not said about publishing and subscribing is allowed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Grants {
    pub room: String,
    pub room_join: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// `camera`, `microphone`, `screen_share`, `screen_share_audio`; none named: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_sources: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe_metrics: Option<bool>,
    /// Not shown to the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
    /// Records the room; an older word for the kind `egress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorder: Option<bool>,
    /// An older word for the kind `agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<bool>,
    /// Our own: this token does not open a room, it only lets into one that is announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_must_exist: Option<bool>,
    /// What we have no word for; [`super::terms`] says what becomes of it.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

impl Claims {
    /// When the token ends, in seconds since 1970.
    pub fn expires_at(&self) -> f64 {
        self.exp.as_ref().and_then(Number::as_f64).unwrap_or_default()
    }

    /// Bytes of all attributes.
    pub fn attributes_len(&self) -> usize {
        self.attributes.iter().map(|(key, value)| key.len() + value.len()).sum()
    }
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("it is too long")]
    TooLong,
    #[error("it is no JWT")]
    Malformed,
    #[error("its claims cannot be read")]
    Claims,
    #[error("it is not signed with HS256")]
    Algorithm,
    #[error("its API key is unknown")]
    Key,
    #[error("its signature does not fit")]
    Signature,
    #[error("it is expired")]
    Expired,
    #[error("it is not valid yet")]
    NotYet,
    #[error("it names nobody")]
    Nobody,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// Who signed, which has to be known before anything else is read.
#[derive(Deserialize)]
struct Issuer {
    iss: Option<String>,
}

/// Signs claims, which name the key in `iss` from then on.
pub fn mint(key: &ApiKey, claims: Claims) -> String {
    let claims = Claims { iss: key.id.clone(), ..claims };
    let header = BASE64URL.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = serde_json::to_vec(&claims).expect("claims are plain JSON");
    let signed = format!("{header}.{}", BASE64URL.encode(claims));
    let signature = BASE64URL.encode(sign(key, &signed));
    format!("{signed}.{signature}")
}

pub(super) fn sign(key: &ApiKey, text: &str) -> impl AsRef<[u8]> {
    mac(key, text).finalize().into_bytes()
}

/// What a token says, if it was signed with one of our keys and is good now.
pub fn verify(keys: &Keys, token: &str, now_s: i64) -> Result<Claims, Invalid> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Invalid::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Invalid::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Invalid::Malformed)?;
    if read::<Header>(header)?.alg != "HS256" {
        return Err(Invalid::Algorithm);
    }
    let issuer: Issuer = read(payload)?;
    let key = keys.find(&issuer.iss.unwrap_or_default()).ok_or(Invalid::Key)?;
    let signature = BASE64URL.decode(signature).map_err(|_| Invalid::Malformed)?;
    mac(key, signed).verify_slice(&signature).map_err(|_| Invalid::Signature)?;
    let claims = read_claims(payload)?;
    check_time(&claims, now_s as f64)?;
    if claims.sub.is_empty() {
        return Err(Invalid::Nobody);
    }
    Ok(claims)
}

fn check_time(claims: &Claims, now: f64) -> Result<(), Invalid> {
    if claims.expires_at() + LEEWAY_S <= now {
        return Err(Invalid::Expired);
    }
    let from = claims.nbf.as_ref().and_then(Number::as_f64);
    if from.is_some_and(|from| now + LEEWAY_S < from) {
        return Err(Invalid::NotYet);
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Invalid> {
    let json = BASE64URL.decode(part).map_err(|_| Invalid::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Invalid::Malformed)
}

/// What is `null` was not said: many makers of tokens write out what they leave open.
fn read_claims(payload: &str) -> Result<Claims, Invalid> {
    let mut claims: Value = read(payload)?;
    forget_nulls(&mut claims);
    let objects = ["video", "roomConfig", "attributes"].map(|name| claims.get(name));
    // serde would take an array for an object, by the order of its fields
    if !claims.is_object() || objects.into_iter().flatten().any(|it| !it.is_object()) {
        return Err(Invalid::Claims);
    }
    if let Some(Value::Object(config)) = claims.get_mut("roomConfig") {
        for (name, other) in SPELLINGS {
            // of both, the first spelling counts
            if config.contains_key(name) {
                config.remove(other);
            }
        }
    }
    serde_json::from_value(claims).map_err(|_| Invalid::Claims)
}

/// JSON of a token is at most 128 levels deep: serde_json reads no deeper.
fn forget_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(forget_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(forget_nulls);
        }
        _ => {}
    }
}

fn mac(key: &ApiKey, text: &str) -> Hmac<Sha256> {
    let secret = key.secret.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes any key");
    mac.update(text.as_bytes());
    mac
}
