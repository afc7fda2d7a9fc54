//! What goes out.

use super::cipher::Cipher;
use super::kdf::{Master, Protocol};
use super::nonce::{ENCRYPTED, Nonce};
use super::{Profile, ssrc_at};

/// The sending direction: encrypts and authenticates.
pub struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    /// Of the next SRTCP packet. One count over all SSRCs: RFC 3711 asks only that none repeats.
    rtcp_index: u32,
}

impl Sealer {
    pub(super) fn new(profile: Profile, master: &Master) -> Sealer {
        Sealer {
            rtp: Cipher::new(profile, master, Protocol::Srtp),
            rtcp: Cipher::new(profile, master, Protocol::Srtcp),
            rtcp_index: 0,
        }
    }

    /// Reads what the next packet will need; see `Connection::warm`.
    pub fn warm(&self) -> usize {
        self.rtp.warm()
    }

    /// Bytes that sealing adds to an RTP packet.
    pub fn rtp_overhead(&self) -> usize {
        self.rtp.tag_len()
    }

    /// Seals the RTP packet `buffer[start..]` in place and appends its tag. The header of `header_len` bytes, extensions
    /// included, stays readable; `roc` counts the wraps of this SSRC's sequence number. No pair of the two may be used
    /// for two packets.
    pub fn seal_rtp(&mut self, buffer: &mut Vec<u8>, start: usize, header_len: usize, roc: u32) {
        let header = &buffer[start..start + header_len];
        let sequence = u16::from_be_bytes([header[2], header[3]]);
        let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        let nonce = Nonce { ssrc, index: u64::from(roc) << 16 | u64::from(sequence) };
        self.rtp.seal_rtp(buffer, start, header_len, nonce);
    }

    /// Seals the compound RTCP packet `buffer[start..]` in place and appends index and tag.
    ///
    /// After 2^31 packets the keys are used up (RFC 3711, 9.2), and the packet is taken away instead.
    pub fn seal_rtcp(&mut self, buffer: &mut Vec<u8>, start: usize) {
        let Some(ssrc) = ssrc_at(&buffer[start..], 4).filter(|_| self.rtcp_index < ENCRYPTED)
        else {
            buffer.truncate(start);
            return;
        };
        let nonce = Nonce { ssrc, index: u64::from(self.rtcp_index) };
        self.rtcp_index += 1;
        self.rtcp.seal_rtcp(buffer, start, nonce);
    }
}
