//! AEAD_AES_128_GCM for SRTP and SRTCP (RFC 7714).

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce as RingNonce, Tag, UnboundKey};

use super::RTCP_HEADER_LEN;
use super::kdf::{KEY_LEN, Label, Master, Protocol};
use super::nonce::{Nonce, index_word};

/// AES in Galois/Counter mode.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Gcm {
    pub(super) const TAG_LEN: usize = 16;

    pub(super) fn new(master: &Master, protocol: Protocol) -> Gcm {
        let key = master.derive(protocol, Label::Key);
        Gcm::with_session_keys(&key, master.derive(protocol, Label::Salt))
    }

    pub(super) fn with_session_keys(key: &[u8; KEY_LEN], salt: [u8; 12]) -> Gcm {
        let key = UnboundKey::new(&AES_128_GCM, key).expect("the key has AES-128's length");
        Gcm { key: LessSafeKey::new(key), salt }
    }

    /// Reads what the next packet will need; see `Connection::warm`.
    pub(super) fn warm(&self) -> usize {
        usize::from(self.salt[0]) + self.key.algorithm().tag_len()
    }

    pub(super) fn seal_rtp(
        &self,
        buffer: &mut Vec<u8>,
        start: usize,
        header_len: usize,
        nonce: Nonce,
    ) {
        let (header, payload) = buffer[start..].split_at_mut(header_len);
        let tag = self.seal(nonce, header, payload);
        buffer.extend_from_slice(tag.as_ref());
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        nonce: Nonce,
    ) -> Option<usize> {
        let len = packet.len().checked_sub(Self::TAG_LEN)?;
        let (header, sealed) = packet.split_at_mut_checked(header_len)?;
        self.open(nonce, header, sealed)?;
        Some(len)
    }

    pub(super) fn seal_rtcp(&self, buffer: &mut Vec<u8>, start: usize, nonce: Nonce) {
        let word = index_word(nonce.index);
        let (header, payload) = buffer[start..].split_at_mut(RTCP_HEADER_LEN);
        let tag = self.seal(nonce, &with_word(header, word), payload);
        buffer.extend_from_slice(tag.as_ref());
        buffer.extend_from_slice(&word);
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], nonce: Nonce) -> Option<usize> {
        let (packet, word) = packet.split_last_chunk_mut::<4>()?;
        let len = packet.len().checked_sub(Self::TAG_LEN)?;
        let (header, sealed) = packet.split_at_mut_checked(RTCP_HEADER_LEN)?;
        self.open(nonce, &with_word(header, *word), sealed)?;
        Some(len)
    }

    fn seal(&self, nonce: Nonce, aad: &[u8], payload: &mut [u8]) -> Tag {
        self.key
            .seal_in_place_separate_tag(self.iv(nonce), Aad::from(aad), payload)
            .expect("a packet is far below AES-GCM's limit")
    }

    fn open(&self, nonce: Nonce, aad: &[u8], sealed: &mut [u8]) -> Option<()> {
        self.key.open_in_place(self.iv(nonce), Aad::from(aad), sealed).ok()?;
        Some(())
    }

    /// Two zero bytes, SSRC, and the 48-bit index, XORed with the salt (RFC 7714, 8.1 and 9.1: SRTCP's index fills the
    /// same place with zeros before it).
    fn iv(&self, nonce: Nonce) -> RingNonce {
        let mut iv = self.salt;
        xor(&mut iv[2..6], &nonce.ssrc.to_be_bytes());
        xor(&mut iv[4..], &nonce.index.to_be_bytes());
        RingNonce::assume_unique_for_key(iv)
    }
}

/// What SRTCP authenticates besides the payload (RFC 7714, 9.2).
fn with_word(header: &[u8], word: [u8; 4]) -> [u8; RTCP_HEADER_LEN + 4] {
    let mut aad = [0; RTCP_HEADER_LEN + 4];
    aad[..RTCP_HEADER_LEN].copy_from_slice(header);
    aad[RTCP_HEADER_LEN..].copy_from_slice(&word);
    aad
}

fn xor(bytes: &mut [u8], with: &[u8]) {
    bytes.iter_mut().zip(with).for_each(|(byte, with)| *byte ^= with);
}
