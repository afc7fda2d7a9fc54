//! One protocol's session keys in one direction, of either profile.

use super::cm::Cm;
use super::gcm::Gcm;
use super::kdf::{Master, Protocol};
use super::nonce::Nonce;
use super::{Profile, RTCP_HEADER_LEN};

/// The session keys of one profile.
pub(super) enum Cipher {
    Gcm(Box<Gcm>),
    Cm(Box<Cm>),
}

impl Cipher {
    pub(super) fn new(profile: Profile, master: &Master, protocol: Protocol) -> Cipher {
        match profile {
            Profile::AeadAes128Gcm => Cipher::Gcm(Box::new(Gcm::new(master, protocol))),
            Profile::AesCm128HmacSha1_80 => Cipher::Cm(Box::new(Cm::new(master, protocol))),
        }
    }

    /// Bytes that sealing adds to an RTP packet.
    pub(super) fn tag_len(&self) -> usize {
        match self {
            Cipher::Gcm(_) => Gcm::TAG_LEN,
            Cipher::Cm(_) => Cm::TAG_LEN,
        }
    }

    /// Reads what the next packet will need; see `Connection::warm`.
    pub(super) fn warm(&self) -> usize {
        match self {
            Cipher::Gcm(gcm) => gcm.warm(),
            Cipher::Cm(_) => 0,
        }
    }

    /// Seals `buffer[start..]` and appends the tag; the first `header_len` bytes stay in the clear.
    pub(super) fn seal_rtp(
        &self,
        buffer: &mut Vec<u8>,
        start: usize,
        header_len: usize,
        nonce: Nonce,
    ) {
        match self {
            Cipher::Gcm(gcm) => gcm.seal_rtp(buffer, start, header_len, nonce),
            Cipher::Cm(cm) => cm.seal_rtp(buffer, start, header_len, nonce),
        }
    }

    /// Opens a packet in place; the length of what is left without the tag, or `None` if it is not authentic.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        nonce: Nonce,
    ) -> Option<usize> {
        match self {
            Cipher::Gcm(gcm) => gcm.open_rtp(packet, header_len, nonce),
            Cipher::Cm(cm) => cm.open_rtp(packet, header_len, nonce),
        }
    }

    /// Seals `buffer[start..]` and appends the index with the encryption flag, and the tag.
    pub(super) fn seal_rtcp(&self, buffer: &mut Vec<u8>, start: usize, nonce: Nonce) {
        match self {
            Cipher::Gcm(gcm) => gcm.seal_rtcp(buffer, start, nonce),
            Cipher::Cm(cm) => cm.seal_rtcp(buffer, start, nonce),
        }
    }

    /// Where the flag and index are in a sealed packet.
    pub(super) fn index_word_at(&self, packet: &[u8]) -> Option<usize> {
        let at = match self {
            Cipher::Gcm(_) => packet.len().checked_sub(4)?,
            Cipher::Cm(_) => packet.len().checked_sub(4 + Cm::TAG_LEN)?,
        };
        (at >= RTCP_HEADER_LEN).then_some(at)
    }

    /// Opens an SRTCP packet in place; like [`open_rtp`](Cipher::open_rtp).
    pub(super) fn open_rtcp(&self, packet: &mut [u8], nonce: Nonce) -> Option<usize> {
        match self {
            Cipher::Gcm(gcm) => gcm.open_rtcp(packet, nonce),
            Cipher::Cm(cm) => cm.open_rtcp(packet, nonce),
        }
    }
}
