//! `[turn]`: the relay.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use beckon_signalling::domain::text::is_legible;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::texts;

/// What a message can hold of a name (RFC 8489, 14.3).
const NAME_BYTES_MAX: usize = 508;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TurnConfig {
    /// Where STUN and TURN clients are heard over UDP.
    #[serde(deserialize_with = "texts::listeners")]
    pub udp: Vec<SocketAddr>,
    /// Where they are heard over TCP, and over TLS on the same port.
    #[serde(deserialize_with = "texts::listeners")]
    pub tcp: Vec<SocketAddr>,
    /// What credentials are for.
    #[serde(deserialize_with = "texts::realm")]
    pub realm: String,
    /// Each vouches for time-limited names.
    #[serde(deserialize_with = "beckon_signalling::config::turn_secrets")]
    pub secrets: Vec<SecretString>,
    /// `name:password` each.
    #[serde(deserialize_with = "users")]
    pub users: Vec<TurnUser>,
    /// Networks that are opened to peers although they are inside.
    #[serde(deserialize_with = "texts::networks")]
    pub allow_peers: Vec<IpNet>,
    /// Networks that are closed to peers whatever else is open.
    #[serde(deserialize_with = "texts::networks")]
    pub deny_peers: Vec<IpNet>,
    /// For development: relayed addresses and the media node are reached on loopback as well.
    pub development_loopback: bool,
    /// Ports of relayed addresses.
    pub relay_ports: Ports,
    /// Allocations at once.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 1, 10_000_000>")]
    pub allocations_max: usize,
    /// Allocations of one person at once.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 1, 10_000_000>")]
    pub allocations_per_user: usize,
    /// Bytes a second that are relayed in all; 0 is no limit.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 0, { 1 << 40 }>")]
    pub bytes_per_second: u64,
    /// Bytes a second that are relayed for one person; 0 is no limit.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 0, { 1 << 40 }>")]
    pub bytes_per_second_per_user: u64,
    /// Threads; 0 is one for every two processors.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 0, 1_024>")]
    pub threads: usize,
}

impl Default for TurnConfig {
    fn default() -> Self {
        TurnConfig {
            udp: Vec::new(),
            tcp: Vec::new(),
            realm: "beckon".into(),
            secrets: Vec::new(),
            users: Vec::new(),
            allow_peers: Vec::new(),
            deny_peers: Vec::new(),
            development_loopback: false,
            relay_ports: Ports(49152..=65535),
            allocations_max: 20_000,
            allocations_per_user: 256,
            bytes_per_second: 0,
            bytes_per_second_per_user: 0,
            threads: 0,
        }
    }
}

impl TurnConfig {
    /// Whether there is to be a relay.
    pub(crate) fn is_on(&self) -> bool {
        !self.udp.is_empty() || !self.tcp.is_empty()
    }
}

/// A name and its password.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct TurnUser {
    pub name: String,
    pub password: SecretString,
}

impl TryFrom<String> for TurnUser {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once(':') {
            Some((name, password)) if is_legible(name) && is_legible(password) => {
                if name.len() > NAME_BYTES_MAX {
                    return Err("expected name:password, with a name of 508 bytes at most");
                }
                Ok(TurnUser { name: name.to_owned(), password: password.to_owned().into() })
            }
            _ => Err("expected name:password"),
        }
    }
}

/// Users, each with one password: of two the first would never count.
fn users<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<TurnUser>, D::Error> {
    let users = Vec::<TurnUser>::deserialize(value)?;
    let mut names: Vec<_> = users.iter().map(|user| &user.name).collect();
    names.sort();
    match names.windows(2).any(|two| two[0] == two[1]) {
        true => Err(D::Error::custom("expected each name once; two entries have the same one")),
        false => Ok(users),
    }
}

/// `first-last`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Ports(pub RangeInclusive<u16>);

impl TryFrom<String> for Ports {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let ports = text.split_once('-').and_then(|(first, last)| {
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (0 < first && first <= last).then_some(Ports(first..=last))
        });
        ports.ok_or_else(|| {
            format!("'{}' is no range of ports such as 49152-65535", text.escape_debug())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_a_range() {
        assert_eq!(Ports::try_from("49152-65535".to_owned()), Ok(Ports(49152..=65535)));
        assert_eq!(Ports::try_from("5000 - 5000".to_owned()), Ok(Ports(5000..=5000)));
        for odd in ["", "5000", "5001-5000", "0-5", "1-65536", "a-b", "-5"] {
            assert!(Ports::try_from(odd.to_owned()).is_err(), "{odd}");
        }
    }

    #[test]
    fn users_have_a_name_and_a_password() {
        let user = TurnUser::try_from("alice:a:b".to_owned()).unwrap();
        assert_eq!(user.name, "alice");
        assert_eq!(secrecy::ExposeSecret::expose_secret(&user.password), "a:b");
        for odd in ["alice", "alice:", ":a", "", " :a", "a: "] {
            assert!(TurnUser::try_from(odd.to_owned()).is_err(), "{odd}");
        }
    }
}
