//! Values of lines. Words may stand further apart than they should, and may have a tab between them.

use std::net::{IpAddr, SocketAddr};

use beckon_sfu_api::{Fault, Refused};

use super::sdp::{SECTIONS_MAX, Setup};
use crate::extension::{Extension, ExtensionMap};

/// The longest name of a section or layer that we are ready to write.
const TOKEN_MAX: usize = 64;
/// Bytes of a line that is kept; a BUNDLE group of all sections is the longest, with names that fit into a short header
/// extension (RFC 8285, 4.2), as clients with many sections have them.
const LINE_MAX: usize = 64 + SECTIONS_MAX * (16 + 1);
/// Payload types, SSRCs, SSRC groups or layers of one section.
const LIST_MAX: usize = 96;
/// The longest ufrag or password (RFC 8839, 5.4). Ones shorter than its minimum harm only their owner.
const ICE_MAX: usize = 256;

/// Why a line cannot be taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wrong {
    Limit,
    Text(&'static str),
}

impl Wrong {
    /// In this line.
    pub(super) fn at(self, line: u32) -> Refused {
        match self {
            Wrong::Limit => Refused::Limit,
            Wrong::Text(why) => Refused::Malformed(Fault { line: Some(line), why: why.into() }),
        }
    }
}

impl From<&'static str> for Wrong {
    fn from(why: &'static str) -> Wrong {
        Wrong::Text(why)
    }
}

/// What is written back as it is: no line can be hidden in it.
pub(super) fn plain(value: &str) -> Result<&str, Wrong> {
    if value.len() > LINE_MAX {
        return Err(Wrong::Limit);
    }
    if value.chars().any(|letter| letter.is_control() && letter != '\t') {
        return Err(Wrong::Text("it has a control character in it"));
    }
    Ok(value)
}

pub(super) fn bounded<T>(list: &[T]) -> Result<(), Wrong> {
    if list.len() <= LIST_MAX { Ok(()) } else { Err(Wrong::Limit) }
}

/// The name of a section: more than a token (RFC 8866, 9), as it is between spaces wherever we write it.
pub(super) fn name(value: &str) -> Result<&str, Wrong> {
    if value.len() > TOKEN_MAX {
        return Err(Wrong::Text("the name of the section is longer than 64 bytes"));
    }
    if value.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return Err(Wrong::Text("the name of the section is no word"));
    }
    Ok(value)
}

/// The name of a layer: a token, but for what would end a list of layers (RFC 8853, 5.1).
pub(super) fn layer(value: &str) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}".contains(&byte);
    let fits = (1..=TOKEN_MAX).contains(&value.len()) && value.bytes().all(allowed);
    fits.then_some(value)
}

/// A ufrag or password: RFC 8839, 5.4, has fewer characters than some stacks. A colon would end it in checks.
pub(super) fn ice(value: &str) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    ((1..=ICE_MAX).contains(&value.len()) && value.bytes().all(allowed)).then_some(value)
}

/// `None` for another hash than we verify: one that we do may follow (RFC 8122, 5).
pub(super) fn fingerprint(value: &str) -> Result<Option<String>, Wrong> {
    let mut words = value.split_whitespace();
    let algorithm = words.next().unwrap_or_default().to_ascii_lowercase();
    let len = match &*algorithm {
        "sha-256" => 32,
        "sha-384" => 48,
        "sha-512" => 64,
        _ => return Ok(None),
    };
    let digest = words.next().unwrap_or_default();
    let hex = |octet: &str| octet.len() == 2 && octet.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digest.split(':').count() == len && digest.split(':').all(hex) {
        Ok(Some(format!("{algorithm} {}", digest.to_ascii_uppercase())))
    } else {
        Err(Wrong::Text("the fingerprint is not as long as its hash, in octets of two digits"))
    }
}

pub(super) fn setup(value: &str) -> Option<Setup> {
    match value {
        "actpass" => Some(Setup::Either),
        "active" => Some(Setup::Active),
        "passive" => Some(Setup::Passive),
        _ => None,
    }
}

/// `4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid`
pub(super) fn extension(extensions: &mut ExtensionMap, value: &str) {
    let mut words = value.split_whitespace();
    let id = words.next().and_then(|id| id.split('/').next()?.parse().ok());
    if let (Some(id), Some(extension)) = (id, words.next().and_then(Extension::from_uri)) {
        extensions.set(id, extension);
    }
}

/// `1 1 udp 2130706431 192.0.2.1 3478 typ host`
pub(super) fn candidate(value: &str) -> Option<SocketAddr> {
    let mut words = value.split_whitespace().skip(1);
    let (component, protocol) = (words.next()?, words.next()?);
    let _priority = words.next()?;
    let (ip, port): (IpAddr, u16) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let fits = component == "1" && protocol.eq_ignore_ascii_case("udp") && port != 0;
    fits.then_some(SocketAddr::new(ip, port))
}
