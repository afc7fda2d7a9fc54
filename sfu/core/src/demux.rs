//! Finds the connection of a datagram: by its source address once that is validated, else by the ufrag of a STUN request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::keys::ParticipantKey;
use crate::rtp;
use crate::stats::Discard;
use crate::stun;

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

/// An address belongs to the connection whose checks come from it. After this long without one it may become another's,
/// since NATs reassign ports.
const OWNED: Duration = Duration::from_secs(10);

/// A connection within its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub room: RoomKey,
    pub participant: ParticipantKey,
    pub side: Side,
}

/// What a datagram is, by its first byte (RFC 7983) and, for media, its second (RFC 5761).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramKind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Unknown,
}

/// A datagram, read as far as finding its connection takes.
#[derive(Debug)]
pub enum Datagram<'d> {
    Stun(stun::Message<'d>),
    Dtls(&'d [u8]),
    /// Encrypted: it is opened in place.
    Rtp(&'d mut [u8]),
    /// Encrypted: it is opened in place.
    Rtcp(&'d mut [u8]),
}

pub fn classify(datagram: &[u8]) -> DatagramKind {
    match datagram.first() {
        Some(0..=3) => DatagramKind::Stun,
        Some(20..=63) => DatagramKind::Dtls,
        Some(128..=191) if rtp::is_rtcp(datagram) => DatagramKind::Rtcp,
        Some(128..=191) => DatagramKind::Rtp,
        _ => DatagramKind::Unknown,
    }
}

/// The table of addresses and ufrags. Every entry belongs to a connection, which removes its entries when it ends: there
/// are at most two ufrags and sixteen addresses per connection.
#[derive(Debug, Default)]
pub struct Demux {
    /// With the time of the last check from there.
    by_address: HashMap<SocketAddr, (Owner, Instant)>,
    by_ufrag: HashMap<String, Owner>,
}

impl Demux {
    /// Reads a datagram and finds its connection: a STUN request names it, all else is known by its address.
    pub fn route<'d>(
        &self,
        from: &SocketAddr,
        datagram: &'d mut [u8],
    ) -> Result<(Owner, Datagram<'d>), Discard> {
        let datagram = match classify(datagram) {
            DatagramKind::Stun => {
                let message = stun::read(datagram).ok_or(Discard::Malformed)?;
                if message.class() == stun::Class::Request {
                    let (ufrag, _) = message.username().ok_or(Discard::UnknownUfrag)?;
                    let owner = self.by_ufrag(ufrag).ok_or(Discard::UnknownUfrag)?;
                    return Ok((owner, Datagram::Stun(message)));
                }
                Datagram::Stun(message)
            }
            DatagramKind::Dtls => Datagram::Dtls(datagram),
            DatagramKind::Rtp => Datagram::Rtp(datagram),
            DatagramKind::Rtcp => Datagram::Rtcp(datagram),
            DatagramKind::Unknown => return Err(Discard::Malformed),
        };
        let owner = self.by_address(from).ok_or(Discard::UnknownSource)?;
        Ok((owner, datagram))
    }

    pub fn by_address(&self, from: &SocketAddr) -> Option<Owner> {
        self.by_address.get(from).map(|(owner, _)| *owner)
    }

    pub fn by_ufrag(&self, ufrag: &str) -> Option<Owner> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// Whether an address belongs to another connection: a forged source address must not divert a participant's media.
    pub fn is_taken(&self, now: Instant, from: &SocketAddr, owner: Owner) -> bool {
        self.by_address.get(from).is_some_and(|(known, checked)| {
            *known != owner && now.saturating_duration_since(*checked) < OWNED
        })
    }

    /// Notes that an authentic check for this connection came from this address.
    pub fn learn(&mut self, now: Instant, from: SocketAddr, owner: Owner) {
        self.by_address.insert(from, (owner, now));
    }

    pub fn expect(&mut self, ufrag: &str, owner: Owner) {
        self.by_ufrag.insert(ufrag.to_owned(), owner);
    }

    pub fn forget_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }

    /// Forgets an address, unless it has become another connection's since.
    pub fn forget_address(&mut self, from: &SocketAddr, owner: Owner) {
        if self.by_address(from) == Some(owner) {
            self.by_address.remove(from);
        }
    }

    pub fn forget_room(&mut self, room: RoomKey) {
        self.by_address.retain(|_, (owner, _)| owner.room != room);
        self.by_ufrag.retain(|_, owner| owner.room != room);
    }

    /// Number of addresses and ufrags in the table.
    pub fn len(&self) -> usize {
        self.by_address.len() + self.by_ufrag.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
