//! Who may use the relay: users by configuration, and time-limited names that a shared secret vouches for.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;

/// The key of the long-term credential mechanism (RFC 8489, 9.2.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub(crate) [u8; 16]);

impl Key {
    /// MD5 of name, realm and password.
    pub fn new(name: &str, realm: &str, password: &str) -> Key {
        let joined = [name, realm, password].join(":");
        Key(Md5::digest(joined.as_bytes()).into())
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Users and secrets of one realm.
#[derive(Clone, Default)]
pub struct Credentials {
    realm: String,
    users: HashMap<String, Key>,
    secrets: Vec<String>,
}

impl Credentials {
    /// A password from any of the secrets is valid, so that a new secret can be introduced before the old one is removed.
    pub fn new<'a>(
        realm: &str,
        secrets: Vec<String>,
        users: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Credentials {
        let users = users.into_iter();
        let users = users.map(|(name, password)| (name.into(), Key::new(name, realm, password)));
        Credentials { realm: realm.to_owned(), users: users.collect(), secrets }
    }

    /// The realm that clients authenticate in.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Every key that is valid for a name.
    pub(crate) fn keys(&self, name: &str) -> Vec<Key> {
        if let Some(key) = self.users.get(name) {
            return vec![key.clone()];
        }
        if expiry(name).is_none() {
            return Vec::new();
        }
        let passwords = self.secrets.iter().map(|secret| password(secret, name));
        passwords.map(|password| Key::new(name, &self.realm, &password)).collect()
    }

    /// Whether a time-limited name has expired. Configured users never expire.
    pub(crate) fn is_expired(&self, name: &str, unix_s: u64) -> bool {
        !self.users.contains_key(name) && expiry(name).is_none_or(|expiry| expiry <= unix_s)
    }

    /// Whether a name is a configured user.
    pub(crate) fn is_user(&self, name: &str) -> bool {
        self.users.contains_key(name)
    }

    /// The holder of a name: `alice/call` in `1700000000:alice/call`. Names are revoked by holder.
    pub(crate) fn holder<'a>(&self, name: &'a str) -> &'a str {
        match name.split_once(':') {
            Some((_, holder)) if !self.users.contains_key(name) => holder,
            _ => name,
        }
    }

    /// The person of a name: `alice` in `1700000000:alice/call`. Quotas apply per person.
    pub(crate) fn person<'a>(&self, name: &'a str) -> &'a str {
        match self.holder(name).split_once('/') {
            Some((person, _)) if !self.users.contains_key(name) => person,
            _ => self.holder(name),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Credentials { realm, users, secrets } = self;
        write!(f, "Credentials({realm}, {} users, {} secrets)", users.len(), secrets.len())
    }
}

/// When a time-limited name expires, in Unix seconds: `1700000000:alice`, or the time alone.
fn expiry(name: &str) -> Option<u64> {
    let (expiry, _) = name.split_once(':').unwrap_or((name, ""));
    expiry.parse().ok()
}

/// Makes the password of a time-limited name, `expiry:user`: the convention known as the TURN REST API.
pub fn password(secret: &str, name: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(name.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_that_of_rfc_8489_9_2_2() {
        let expected = 0x8493fbc53ba582fb4c044c456bdc40eb_u128;
        assert_eq!(Key::new("user", "realm", "pass").0, expected.to_be_bytes());
    }

    #[test]
    fn a_name_ends_when_it_says() {
        let credentials = Credentials::new("r", vec!["north".into()], [("static", "x")]);
        assert!(!credentials.is_expired("100:alice", 99));
        assert!(credentials.is_expired("100:alice", 100));
        assert!(credentials.is_expired("alice", 0));
        assert!(!credentials.is_expired("static", u64::MAX));
    }

    #[test]
    fn passwords_are_what_other_servers_expect() {
        // printf %s NAME | openssl dgst -sha1 -hmac north -binary | base64
        let name = "1700043200:00000000-0000-0000-0000-000000000000";
        assert_eq!(password("north", name), "Xbg9Vkz7pP3i7sglpBG44jVJQbM=");
    }

    #[test]
    fn all_secrets_vouch_while_one_replaces_the_other() {
        let credentials = Credentials::new("r", vec!["new".into(), "old".into()], []);
        let keys = credentials.keys("100:alice");
        for secret in ["new", "old"] {
            let password = password(secret, "100:alice");
            assert!(keys.contains(&Key::new("100:alice", "r", &password)), "{secret}");
        }
        assert_eq!(credentials.keys("alice"), []);
    }

    #[test]
    fn quotas_are_a_persons_whatever_the_expiry() {
        let credentials = Credentials::new("r", Vec::new(), [("a:b", "x")]);
        assert_eq!(credentials.person("100:alice"), "alice");
        assert_eq!(credentials.person("100:alice:call"), "alice:call");
        assert_eq!(credentials.person("a:b"), "a:b");
    }
}
