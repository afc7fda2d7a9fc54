//! Counts of what was forwarded and of what was discarded.

use std::time::Duration;

/// Why a datagram, or a packet in it, was discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    /// Neither STUN, DTLS, RTP nor RTCP, or broken inside.
    Malformed,
    /// From an address that no STUN check validated.
    UnknownSource,
    /// STUN for an unknown ufrag.
    UnknownUfrag,
    /// STUN whose MESSAGE-INTEGRITY is missing or wrong.
    BadIntegrity,
    /// STUN from an address that belongs to another connection.
    AddressTaken,
    /// Media before the DTLS handshake was done.
    BeforeKeys,
    /// SRTP or SRTCP that does not authenticate.
    BadTag,
    /// SRTP or SRTCP that was received before, or is too old to tell.
    Replayed,
    /// RTP that no track claims.
    UnknownSsrc,
    /// RTP of a payload type that was not negotiated.
    UnknownPayloadType,
    /// Beyond a limit.
    TooMany,
    /// RTP that was received already, or is too old for the history.
    Stale,
}

impl Discard {
    pub const ALL: [Discard; 12] = [
        Discard::Malformed,
        Discard::UnknownSource,
        Discard::UnknownUfrag,
        Discard::BadIntegrity,
        Discard::AddressTaken,
        Discard::BeforeKeys,
        Discard::BadTag,
        Discard::Replayed,
        Discard::UnknownSsrc,
        Discard::UnknownPayloadType,
        Discard::TooMany,
        Discard::Stale,
    ];

    /// The word used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Discard::Malformed => "malformed",
            Discard::UnknownSource => "unknown_source",
            Discard::UnknownUfrag => "unknown_ufrag",
            Discard::BadIntegrity => "bad_integrity",
            Discard::AddressTaken => "address_taken",
            Discard::BeforeKeys => "before_keys",
            Discard::BadTag => "bad_tag",
            Discard::Replayed => "replayed",
            Discard::UnknownSsrc => "unknown_ssrc",
            Discard::UnknownPayloadType => "unknown_payload_type",
            Discard::TooMany => "too_many",
            Discard::Stale => "stale",
        }
    }
}

/// Why a message of a data channel was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    #[error("the data channel is not open")]
    NotOpen,
    #[error("the message is too large")]
    TooLarge,
    #[error("the peer does not take what was sent before")]
    Full,
    #[error("the channel is none of LiveKit's")]
    Unknown,
}

impl DataError {
    pub const ALL: [DataError; 4] =
        [DataError::NotOpen, DataError::TooLarge, DataError::Full, DataError::Unknown];

    /// The word used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            DataError::NotOpen => "not_open",
            DataError::TooLarge => "too_large",
            DataError::Full => "full",
            DataError::Unknown => "unknown_channel",
        }
    }
}

/// The quality of the network path to a participant and back, smoothed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathQuality {
    /// Round-trip time; `None` before the first report that tells it.
    pub rtt: Option<Duration>,
    /// The fraction of the participant's packets that did not reach us, from 0 to 1.
    pub uplink_loss: f64,
    /// The fraction of our packets that did not reach the participant, from 0 to 1.
    pub downlink_loss: f64,
}

/// What a shard counted since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Authentic media packets received.
    pub received: u64,
    /// Media packets sent, repairs included.
    pub forwarded: u64,
    /// Packets sent again because a subscriber asked.
    pub repaired: u64,
    /// Keyframes requested of publishers.
    pub keyframe_requests: u64,
    /// Rooms that a panic ended.
    pub rooms_failed: u64,
    discarded: [u64; Discard::ALL.len()],
    undelivered: [u64; DataError::ALL.len()],
}

impl Counters {
    pub fn discard(&mut self, why: Discard) {
        self.discarded[why as usize] += 1;
    }

    pub fn discarded(&self, why: Discard) -> u64 {
        self.discarded[why as usize]
    }

    /// Counts a message of a data channel that was not delivered.
    pub fn undelivered(&mut self, why: DataError) {
        self.undelivered[why as usize] += 1;
    }

    pub fn messages_undelivered(&self, why: DataError) -> u64 {
        self.undelivered[why as usize]
    }
}
