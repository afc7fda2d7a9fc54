//! What tests seal and open.

use super::Profile;

pub(crate) const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::AesCm128HmacSha1_80];

/// A packet with one source and an extension of one word, and the length of its header.
pub(crate) fn rtp(ssrc: u32, sequence: u16) -> (Vec<u8>, usize) {
    let mut packet = vec![0x91, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([9; 4]);
    packet.extend([0xbe, 0xde, 0, 1, 0x10, 7, 0, 0]);
    let header_len = packet.len();
    packet.extend(b"some media");
    (packet, header_len)
}
