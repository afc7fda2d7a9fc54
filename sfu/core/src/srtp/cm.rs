//! AES_CM_128_HMAC_SHA1_80 for SRTP and SRTCP (RFC 3711).

use aes::Aes128Enc;
use ctr::cipher::KeyInit as _;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::RTCP_HEADER_LEN;
use super::kdf::{AUTH_KEY_LEN, KEY_LEN, Label, Master, Protocol, keystream};
use super::nonce::{Nonce, index_word};

/// AES in counter mode with an HMAC.
pub(super) struct Cm {
    cipher: Aes128Enc,
    salt: [u8; 14],
    /// Keyed once: a clone of it starts each packet's tag.
    mac: Hmac<Sha1>,
}

impl Cm {
    pub(super) const TAG_LEN: usize = 10;

    pub(super) fn new(master: &Master, protocol: Protocol) -> Cm {
        let key: [u8; KEY_LEN] = master.derive(protocol, Label::Key);
        let auth: [u8; AUTH_KEY_LEN] = master.derive(protocol, Label::Auth);
        Cm {
            cipher: Aes128Enc::new(&key.into()),
            salt: master.derive(protocol, Label::Salt),
            mac: Hmac::new_from_slice(&auth).expect("HMAC takes a key of any length"),
        }
    }

    pub(super) fn seal_rtp(
        &self,
        buffer: &mut Vec<u8>,
        start: usize,
        header_len: usize,
        nonce: Nonce,
    ) {
        self.apply(nonce, &mut buffer[start + header_len..]);
        let tag = self.tag(&buffer[start..], &rollover(nonce));
        buffer.extend_from_slice(&tag);
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        nonce: Nonce,
    ) -> Option<usize> {
        let (packet, tag) = packet.split_last_chunk_mut::<{ Self::TAG_LEN }>()?;
        let authentic = self.tag(packet, &rollover(nonce)).ct_eq(tag);
        if !bool::from(authentic) {
            return None;
        }
        self.apply(nonce, packet.get_mut(header_len..)?);
        Some(packet.len())
    }

    pub(super) fn seal_rtcp(&self, buffer: &mut Vec<u8>, start: usize, nonce: Nonce) {
        self.apply(nonce, &mut buffer[start + RTCP_HEADER_LEN..]);
        buffer.extend_from_slice(&index_word(nonce.index));
        let tag = self.tag(&buffer[start..], &[]);
        buffer.extend_from_slice(&tag);
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], nonce: Nonce) -> Option<usize> {
        let (packet, tag) = packet.split_last_chunk_mut::<{ Self::TAG_LEN }>()?;
        let authentic = self.tag(packet, &[]).ct_eq(tag);
        if !bool::from(authentic) {
            return None;
        }
        let (packet, _) = packet.split_last_chunk_mut::<4>()?;
        self.apply(nonce, packet.get_mut(RTCP_HEADER_LEN..)?);
        Some(packet.len())
    }

    /// RFC 3711, 4.1.1: salt, SSRC and index, each at its place, XORed.
    fn apply(&self, nonce: Nonce, data: &mut [u8]) {
        let mut salt = [0; 16];
        salt[..14].copy_from_slice(&self.salt);
        let iv = u128::from_be_bytes(salt)
            ^ u128::from(nonce.ssrc) << 64
            ^ u128::from(nonce.index) << 16;
        keystream(&self.cipher, iv.to_be_bytes(), data);
    }

    fn tag(&self, packet: &[u8], rollover: &[u8]) -> [u8; Self::TAG_LEN] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(rollover);
        let full = mac.finalize().into_bytes();
        std::array::from_fn(|i| full[i])
    }
}

/// The rollover counter is authenticated although it is not sent (RFC 3711, 4.2).
fn rollover(nonce: Nonce) -> [u8; 4] {
    ((nonce.index >> 16) as u32).to_be_bytes()
}
