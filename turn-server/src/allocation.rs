//! One allocation: a relayed address and what its client may do with it (RFC 8656, 2 and 3.1).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::quota::{Limits, QuotaShare};
use crate::refusal::Refusal;

/// RFC 8656, 3.3.
pub(crate) const LIFETIME_DEFAULT: Duration = Duration::from_secs(600);
/// RFC 8656, 7.2 recommends an hour.
pub(crate) const LIFETIME_MAX: Duration = Duration::from_secs(3600);
/// RFC 8656, 9.
pub(crate) const PERMISSION_LIFE: Duration = Duration::from_secs(300);
/// RFC 8656, 12.
pub(crate) const CHANNEL_LIFE: Duration = Duration::from_secs(600);

/// One allocation, with its permissions and channels.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) client: Client,
    /// The username that created it; only requests of the same one may use it (RFC 8656, 5).
    pub(crate) username: Box<str>,
    pub(crate) share: QuotaShare,
    /// The relayed transport address.
    pub(crate) relayed: SocketAddr,
    pub(crate) expires: Instant,
    /// Peers that may send and be sent to, each until it expires.
    permissions: HashMap<IpAddr, Instant>,
    /// Channels by number.
    channels: HashMap<u16, Channel>,
    /// Channel numbers by peer.
    numbers: HashMap<SocketAddr, u16>,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    peer: SocketAddr,
    expires: Instant,
}

impl Allocation {
    pub(crate) fn new(
        client: Client,
        username: Box<str>,
        share: QuotaShare,
        relayed: SocketAddr,
        expires: Instant,
    ) -> Allocation {
        Allocation {
            client,
            username,
            share,
            relayed,
            expires,
            permissions: HashMap::new(),
            channels: HashMap::new(),
            numbers: HashMap::new(),
        }
    }

    /// Whether a peer is of the relayed address's family.
    pub(crate) fn is_reachable(&self, peer: SocketAddr) -> bool {
        self.relayed.is_ipv4() == peer.is_ipv4()
    }

    /// Installs or refreshes all of these permissions, or none.
    pub(crate) fn permit(
        &mut self,
        now: Instant,
        ips: &[IpAddr],
        limits: &Limits,
    ) -> Result<(), Refusal> {
        self.permissions.retain(|_, expires| *expires > now);
        let mut fresh: Vec<_> =
            ips.iter().filter(|ip| !self.permissions.contains_key(ip)).collect();
        fresh.sort_unstable();
        fresh.dedup();
        if self.permissions.len() + fresh.len() > limits.permissions {
            return Err(Refusal::InsufficientCapacity);
        }
        self.permissions.extend(ips.iter().map(|ip| (*ip, now + PERMISSION_LIFE)));
        Ok(())
    }

    pub(crate) fn is_permitted(&self, now: Instant, ip: IpAddr) -> bool {
        self.permissions.get(&ip).is_some_and(|expires| *expires > now)
    }

    /// Binds or refreshes a channel, and its permission (RFC 8656, 12.2).
    pub(crate) fn bind(
        &mut self,
        now: Instant,
        number: u16,
        peer: SocketAddr,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        self.channels.retain(|_, channel| channel.expires > now);
        self.numbers.retain(|_, number| self.channels.contains_key(number));
        let bound_number = self.numbers.get(&peer);
        let bound_peer = self.channels.get(&number).map(|channel| channel.peer);
        if bound_number.is_some_and(|bound| *bound != number)
            || bound_peer.is_some_and(|bound| bound != peer)
        {
            return Err(Refusal::BadRequest);
        }
        if bound_peer.is_none() && self.channels.len() >= limits.channels {
            return Err(Refusal::InsufficientCapacity);
        }
        self.permit(now, &[peer.ip()], limits)?;
        self.channels.insert(number, Channel { peer, expires: now + CHANNEL_LIFE });
        self.numbers.insert(peer, number);
        Ok(())
    }

    /// The peer that a channel is bound to.
    pub(crate) fn peer(&self, now: Instant, number: u16) -> Option<SocketAddr> {
        let channel = self.channels.get(&number)?;
        (channel.expires > now).then_some(channel.peer)
    }

    /// The channel that is bound to a peer.
    pub(crate) fn channel(&self, now: Instant, peer: SocketAddr) -> Option<u16> {
        let number = *self.numbers.get(&peer)?;
        self.peer(now, number).map(|_| number)
    }
}
