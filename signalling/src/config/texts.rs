//! Paths, names and secrets. What is refused says what was expected, and never quotes a secret.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::domain::text::is_legible;
use crate::store::sql;

/// What TURN credentials are made with can be tried out on a single credential, a billion guesses a second. 16 letters
/// and digits are more than anybody tries.
const TURN_SECRET_BYTES_MIN: usize = 16;

/// A shorter secret could be guessed from a single token (RFC 7518, section 3.2).
const KEY_SECRET_BYTES_MIN: usize = 32;

/// Reads a text by whatever tells what was expected instead.
pub fn text<'de, D, T, E>(
    value: D,
    read: impl FnOnce(String) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: std::fmt::Display,
{
    read(String::deserialize(value)?).map_err(D::Error::custom)
}

/// Reads a list item by item.
pub fn list<'de, D, T>(
    value: D,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
{
    let items = Vec::<String>::deserialize(value)?;
    let refused = |item: &str| {
        D::Error::custom(format!("expected {expected}, not '{}'", item.escape_debug()))
    };
    items.iter().map(|item| read(item).ok_or_else(|| refused(item))).collect()
}

/// A file or a folder.
pub fn path<'de, D: Deserializer<'de>>(value: D) -> Result<PathBuf, D::Error> {
    text(value, |path| is_legible(&path).then(|| PathBuf::from(path)).ok_or("expected a path"))
}

/// `database_url`; see [`sql::check_url`].
pub(super) fn database_url<'de, D: Deserializer<'de>>(value: D) -> Result<SecretString, D::Error> {
    text(value, |url| sql::check_url(&url).map(|()| url.into()))
}

/// `redis_url`.
pub(super) fn redis_url<'de, D: Deserializer<'de>>(value: D) -> Result<SecretString, D::Error> {
    text(value, |url| check_redis_url(&url).map(|()| url.into()))
}

/// Returns what else was expected of a `redis_url`. An empty one stands for none.
pub(crate) fn check_redis_url(url: &str) -> Result<(), &'static str> {
    match redis::Client::open(url) {
        Err(_) if !url.is_empty() => Err("expected redis://user:password@host:port/number"),
        _ => Ok(()),
    }
}

/// A secret that TURN servers share; empty where there is none.
pub(super) fn turn_secret<'de, D: Deserializer<'de>>(value: D) -> Result<SecretString, D::Error> {
    text(value, |secret| match secret.as_str() {
        "" => Ok(SecretString::default()),
        _ => read_turn_secret(secret),
    })
}

/// Secrets that TURN servers share.
pub fn turn_secrets<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<SecretString>, D::Error> {
    let secrets = Vec::<String>::deserialize(value)?.into_iter();
    secrets.map(read_turn_secret).collect::<Result<_, _>>().map_err(D::Error::custom)
}

fn read_turn_secret(secret: String) -> Result<SecretString, String> {
    if is_legible(&secret) && secret.trim().len() >= TURN_SECRET_BYTES_MIN {
        return Ok(secret.into());
    }
    Err(format!("expected a secret of {TURN_SECRET_BYTES_MIN} characters or more"))
}

/// A name in public and what only we and those who may invite people into rooms know.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct ApiKey {
    pub id: String,
    pub secret: SecretString,
}

impl TryFrom<String> for ApiKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const EXPECTED: &str = "expected key:secret";
        let (id, secret) = text.split_once(':').ok_or(EXPECTED)?;
        let (id, secret) = (id.trim(), secret.trim());
        if !is_legible(id) {
            return Err(EXPECTED);
        }
        if secret.len() < KEY_SECRET_BYTES_MIN || !is_legible(secret) {
            return Err("expected key:secret, with a secret of 32 characters or more");
        }
        Ok(ApiKey { id: id.to_owned(), secret: secret.to_owned().into() })
    }
}

/// Keys, each under a name of its own: of two the second would never be asked.
pub(super) fn keys<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<ApiKey>, D::Error> {
    let keys = Vec::<ApiKey>::deserialize(value)?;
    let mut ids: Vec<_> = keys.iter().map(|key| &key.id).collect();
    ids.sort();
    match ids.windows(2).any(|two| two[0] == two[1]) {
        true => Err(D::Error::custom("expected each key once; two entries have the same one")),
        false => Ok(keys),
    }
}
