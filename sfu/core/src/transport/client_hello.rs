//! The SRTP profiles that a ClientHello offers (RFC 5764, 4.1.1), before the DTLS endpoint sees it.
//!
//! Browsers split the message over two datagrams, so it is put together here as well.

use super::assembly::assemble;
use super::records::CLIENT_HELLO;
use crate::srtp::Profile;

const USE_SRTP: u16 = 14;
/// Version and random, before the session id.
const FIXED_LEN: usize = 34;

const AES_CM_128_HMAC_SHA1_80: u16 = 0x0001;
const AEAD_AES_128_GCM: u16 = 0x0007;

/// What the datagrams of a first flight tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The ClientHello is not whole yet.
    Incomplete,
    /// The best profile that both sides have.
    Chosen(Profile),
    /// The message is broken, or offers no profile of ours.
    Unsuitable,
}

/// Looks for a whole ClientHello in these datagrams.
pub fn read<D: AsRef<[u8]>>(datagrams: &[D]) -> Progress {
    match assemble(datagrams, |fragment| fragment.message_type == CLIENT_HELLO) {
        None => Progress::Incomplete,
        Some(hello) => choose(&hello.body).map_or(Progress::Unsuitable, Progress::Chosen),
    }
}

fn choose(message: &[u8]) -> Option<Profile> {
    let offered = use_srtp(message)?;
    let offers =
        |wanted: u16| offered.chunks_exact(2).any(|profile| profile == wanted.to_be_bytes());
    if offers(AEAD_AES_128_GCM) {
        Some(Profile::AeadAes128Gcm)
    } else if offers(AES_CM_128_HMAC_SHA1_80) {
        Some(Profile::AesCm128HmacSha1_80)
    } else {
        None
    }
}

/// The list of profiles in the extension (RFC 6347, 4.2.1 for the message, RFC 5246, 7.4.1.4 for extensions).
fn use_srtp(message: &[u8]) -> Option<&[u8]> {
    let rest = message.get(FIXED_LEN..)?;
    let (_session, rest) = split_u8(rest)?;
    let (_cookie, rest) = split_u8(rest)?;
    let (_cipher_suites, rest) = split_u16(rest)?;
    let (_compression, rest) = split_u8(rest)?;
    let (mut extensions, _) = split_u16(rest)?;
    while let Some((kind, rest)) = extensions.split_first_chunk::<2>() {
        let (value, rest) = split_u16(rest)?;
        if u16::from_be_bytes(*kind) == USE_SRTP {
            return Some(split_u16(value)?.0);
        }
        extensions = rest;
    }
    None
}

/// A value after its length in one byte, and what follows.
fn split_u8(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

fn split_u16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

#[cfg(test)]
mod tests;
