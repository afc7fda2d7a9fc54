//! SRTP and SRTCP (RFC 3711, RFC 7714) in place, without allocation: one [`Srtp`] owns all keys of a connection.

mod cipher;
mod cm;
mod gcm;
mod kdf;
mod nonce;
mod opener;
mod sealer;
#[cfg(test)]
pub(crate) mod stage;
mod window;

use std::fmt;

pub use opener::Opener;
pub use sealer::Sealer;

use crate::role::Role;
use kdf::Master;

/// What is behind a packet's header: the ways to protect it that DTLS-SRTP may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// RFC 7714: encryption and authentication in one, fastest on processors with AES instructions.
    AeadAes128Gcm,
    /// RFC 3711's default, which every WebRTC implementation has.
    AesCm128HmacSha1_80,
}

impl Profile {
    /// How much keying material both directions need.
    pub fn material_len(self) -> usize {
        2 * (kdf::KEY_LEN + self.salt_len())
    }

    fn salt_len(self) -> usize {
        match self {
            Profile::AeadAes128Gcm => 12,
            Profile::AesCm128HmacSha1_80 => 14,
        }
    }
}

/// Both directions of a connection.
pub struct Srtp {
    pub sealer: Sealer,
    pub opener: Opener,
}

impl Srtp {
    /// Takes what DTLS exported for us (RFC 5764, 4.2); `None` if that is not [`Profile::material_len`] long.
    pub fn new(profile: Profile, material: &[u8], role: Role) -> Option<Srtp> {
        if material.len() != profile.material_len() {
            return None;
        }
        let (keys, salts) = material.split_at(2 * kdf::KEY_LEN);
        let (client_key, server_key) = keys.split_at(kdf::KEY_LEN);
        let (client_salt, server_salt) = salts.split_at(profile.salt_len());
        let client = Master::new(client_key, client_salt)?;
        let server = Master::new(server_key, server_salt)?;
        let (local, remote) = match role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        Some(Srtp { sealer: Sealer::new(profile, &local), opener: Opener::new(profile, &remote) })
    }
}

impl fmt::Debug for Srtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Srtp").finish_non_exhaustive()
    }
}

/// The fixed RTCP header with its SSRC, which stays in the clear.
const RTCP_HEADER_LEN: usize = 8;

fn ssrc_at(packet: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(packet.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
