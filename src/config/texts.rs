//! Addresses, networks and words of the binary's own sections. Each says what it expected.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use beckon_signalling::config::{self, is_reachable, list, text};
use beckon_signalling::domain::text::is_legible;
use beckon_turn_server::LISTENERS_MAX;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserializer;
use serde::de::Error as _;

use crate::cli::Listen;
use crate::logs::filter;
use crate::network::network;

/// A file.
pub(super) fn path<'de, D: Deserializer<'de>>(value: D) -> Result<Option<PathBuf>, D::Error> {
    config::path(value).map(Some)
}

/// Addresses at which others reach this machine.
pub(super) fn reachable_ips<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<IpAddr>, D::Error> {
    list(value, "addresses of this machine such as 203.0.113.7", |item| {
        item.parse().ok().filter(|ip| is_reachable(*ip))
    })
}

/// Addresses to listen at, each of which is somewhere.
pub(super) fn listeners<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<SocketAddr>, D::Error> {
    let listeners = list(value, "addresses such as 0.0.0.0:3478", |item| match item.parse() {
        Ok(Listen::On(address)) => Some(address),
        _ => None,
    })?;
    match listeners.len() <= LISTENERS_MAX {
        true => Ok(listeners),
        false => Err(D::Error::custom(format!("expected {LISTENERS_MAX} addresses at most"))),
    }
}

/// Networks, or single addresses.
pub(super) fn networks<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<IpNet>, D::Error> {
    list(value, "networks such as 10.0.0.0/8 or addresses", |item| network(item).ok())
}

/// Which lines are logged.
pub(super) fn filter<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    text(value, |filter| match filter::check(&filter) {
        Ok(()) => Ok(filter),
        Err(error) => Err(format!("{error:#}")),
    })
}

/// What a header can carry (RFC 9110, 5.5).
pub(super) fn token<'de, D: Deserializer<'de>>(value: D) -> Result<Option<SecretString>, D::Error> {
    text(value, |token| {
        let is_sendable = token.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        match is_legible(&token) && is_sendable && token.trim() == token {
            true => Ok(Some(token.into())),
            false => Err("expected ASCII letters, digits and signs, without spaces around them"),
        }
    })
}

/// What clients are told in quotes: less than 128 characters, none of which would end them (RFC 8489, 14.9).
pub(super) fn realm<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    text(value, |realm| {
        let is_quotable = realm.chars().count() < 128 && !realm.contains(['"', '\\']);
        match is_legible(&realm) && is_quotable && realm.trim() == realm {
            true => Ok(realm),
            false => Err(
                "expected a name of at most 127 characters, without quotes and spaces around it",
            ),
        }
    })
}
