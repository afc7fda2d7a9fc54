//! Whose datagram is this: by the address it came from, once that has proved itself, else by the ufrag of a STUN request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::keys::ParticipantKey;
use crate::rtp;

slotmap::new_key_type! {
    /// A room within its shard.
    pub struct RoomKey;
}

/// Which of a participant's connections. With a single one, it is the publisher's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Publisher,
    Subscriber,
}

/// An address belongs to the connection whose checks come from there. After so long without one it may be another's: a
/// NAT gives ports away again.
const OWNED: Duration = Duration::from_secs(10);

/// A connection within its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub room: RoomKey,
    pub participant: ParticipantKey,
    pub side: Side,
}

/// What a datagram is, by its first byte (RFC 7983) and, for media, its second (RFC 5761).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Unknown,
}

pub fn classify(datagram: &[u8]) -> Class {
    match datagram.first() {
        Some(0..=3) => Class::Stun,
        Some(20..=63) => Class::Dtls,
        Some(128..=191) if rtp::is_rtcp(datagram) => Class::Rtcp,
        Some(128..=191) => Class::Rtp,
        _ => Class::Unknown,
    }
}

/// Who is where. Every entry belongs to a connection, which takes its entries away when it ends: there are never more
/// ufrags than two a connection, nor more than sixteen addresses.
#[derive(Debug, Default)]
pub struct Demux {
    /// With the time of the last check from there.
    by_address: HashMap<SocketAddr, (Place, Instant)>,
    by_ufrag: HashMap<String, Place>,
}

impl Demux {
    pub fn by_address(&self, from: &SocketAddr) -> Option<Place> {
        self.by_address.get(from).map(|(place, _)| *place)
    }

    pub fn by_ufrag(&self, ufrag: &str) -> Option<Place> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// Whether an address is another connection's: whoever forges a source address must not take somebody's media away.
    pub fn is_taken(&self, now: Instant, from: &SocketAddr, place: Place) -> bool {
        self.by_address.get(from).is_some_and(|(owner, checked)| {
            *owner != place && now.saturating_duration_since(*checked) < OWNED
        })
    }

    /// An authentic check for this connection came from there.
    pub fn learn(&mut self, now: Instant, from: SocketAddr, place: Place) {
        self.by_address.insert(from, (place, now));
    }

    pub fn expect(&mut self, ufrag: &str, place: Place) {
        self.by_ufrag.insert(ufrag.to_owned(), place);
    }

    pub fn forget_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }

    /// Forgets an address, unless another connection has proved itself from it since.
    pub fn forget_address(&mut self, from: &SocketAddr, place: Place) {
        if self.by_address(from) == Some(place) {
            self.by_address.remove(from);
        }
    }

    pub fn forget_room(&mut self, room: RoomKey) {
        self.by_address.retain(|_, (place, _)| place.room != room);
        self.by_ufrag.retain(|_, place| place.room != room);
    }

    /// Addresses and ufrags known, in all.
    pub fn len(&self) -> usize {
        self.by_address.len() + self.by_ufrag.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
