//! What comes in: nothing is remembered of a packet that is not authentic.

use super::cipher::Cipher;
use super::kdf::{Master, Protocol};
use super::nonce::{ENCRYPTED, Nonce};
use super::window::Windows;
use super::{Profile, ssrc_at};
use crate::rtp;
use crate::stats::Discard;

/// The receiving direction: verifies, decrypts, and rejects replays.
pub struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_seen: Windows,
    rtcp_seen: Windows,
}

impl Opener {
    pub(super) fn new(profile: Profile, master: &Master) -> Opener {
        Opener {
            rtp: Cipher::new(profile, master, Protocol::Srtp),
            rtcp: Cipher::new(profile, master, Protocol::Srtcp),
            rtp_seen: Windows::default(),
            rtcp_seen: Windows::default(),
        }
    }

    /// Opens an SRTP packet in place: the RTP packet that was in it.
    pub fn open_rtp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p mut [u8], Discard> {
        let header_len = rtp::header_len(packet).ok_or(Discard::Malformed)?;
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let ssrc = ssrc_at(packet, 8).ok_or(Discard::Malformed)?;
        let index = self.rtp_seen.index_of(ssrc, sequence).ok_or(Discard::Replayed)?;
        self.rtp_seen.check(ssrc, index)?;
        let nonce = Nonce { ssrc, index };
        let len = self.rtp.open_rtp(packet, header_len, nonce).ok_or(Discard::BadTag)?;
        self.rtp_seen.accept(ssrc, index);
        Ok(&mut packet[..len])
    }

    /// How many SSRCs are remembered at present, RTP's and RTCP's counted apart.
    pub fn senders(&self) -> usize {
        self.rtp_seen.senders() + self.rtcp_seen.senders()
    }

    /// Opens an SRTCP packet in place: the compound RTCP packet that was in it.
    pub fn open_rtcp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p mut [u8], Discard> {
        let ssrc = ssrc_at(packet, 4).ok_or(Discard::Malformed)?;
        let word = self.rtcp.index_word_at(packet).and_then(|at| ssrc_at(packet, at));
        let word = word.ok_or(Discard::Malformed)?;
        if word & ENCRYPTED == 0 {
            // DTLS-SRTP knows no profile with SRTCP in the clear (RFC 5764, 4.1.2).
            return Err(Discard::BadTag);
        }
        let index = u64::from(word & !ENCRYPTED);
        self.rtcp_seen.check(ssrc, index)?;
        let nonce = Nonce { ssrc, index };
        let len = self.rtcp.open_rtcp(packet, nonce).ok_or(Discard::BadTag)?;
        self.rtcp_seen.accept(ssrc, index);
        Ok(&mut packet[..len])
    }
}
