//! Session keys from a master key and salt (RFC 3711, 4.3).

use aes::Aes128Enc;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipherCore};

pub(super) const KEY_LEN: usize = 16;
/// HMAC-SHA1's key (RFC 3711, 5.2).
pub(super) const AUTH_KEY_LEN: usize = 20;

/// What a session key is for; SRTCP's labels are SRTP's and 3 more.
#[derive(Clone, Copy)]
pub(super) enum Label {
    Key = 0,
    Auth = 1,
    Salt = 2,
}

/// Which of the two protocols on one connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Srtp = 0,
    Srtcp = 3,
}

/// The master key and salt of one direction.
pub(super) struct Master {
    cipher: Aes128Enc,
    /// Shorter salts, such as RFC 7714's, are filled with zeros at the end.
    salt: [u8; 14],
}

impl Master {
    pub(super) fn new(key: &[u8], salt: &[u8]) -> Option<Master> {
        let mut padded = [0; 14];
        padded.get_mut(..salt.len())?.copy_from_slice(salt);
        Some(Master { cipher: Aes128Enc::new_from_slice(key).ok()?, salt: padded })
    }

    /// The session key for one purpose; a key derivation rate of zero, as WebRTC has it.
    pub(super) fn derive<const N: usize>(&self, protocol: Protocol, label: Label) -> [u8; N] {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        iv[7] ^= protocol as u8 + label as u8;
        let mut key = [0; N];
        keystream(&self.cipher, iv, &mut key);
        key
    }
}

/// AES in counter mode over `data` (RFC 3711, 4.1.1).
pub(super) fn keystream(cipher: &Aes128Enc, iv: [u8; 16], data: &mut [u8]) {
    ctr::CtrCore::<_, ctr::flavors::Ctr128BE>::inner_iv_init(cipher.clone(), &iv.into())
        .apply_keystream_partial(data.into());
}
