//! What makes the keystream of each packet its own.

/// The E flag of SRTCP's index word (RFC 3711, section 3.4).
pub(super) const ENCRYPTED: u32 = 1 << 31;

/// What makes a packet's nonce unique under one key.
#[derive(Clone, Copy)]
pub(super) struct Nonce {
    pub ssrc: u32,
    /// SRTP: rollover counter and sequence number; SRTCP: the packet's own 31-bit index.
    pub index: u64,
}

/// SRTCP's index word: the E flag, and 31 bits of index.
pub(super) fn index_word(index: u64) -> [u8; 4] {
    (ENCRYPTED | index as u32).to_be_bytes()
}
