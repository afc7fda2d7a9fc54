//! The data path: what clients send to peers, and back.

use std::net::SocketAddr;
use std::time::Instant;

use rand::RngExt as _;

use super::Relay;
use crate::client::Client;
use crate::opening::RelayKey;
use crate::outbox::{Outbox, To};
use crate::wire;

impl Relay {
    /// RFC 8656, 12.6.
    pub(super) fn channel_data(
        &mut self,
        now: Instant,
        client: Client,
        number: u16,
        data: &[u8],
        out: &mut Outbox,
    ) {
        let found = self.live(now, &client);
        match found.and_then(|(key, allocation)| Some((key, allocation.peer(now, number)?))) {
            Some((key, peer)) => self.send_to_peer(now, key, peer, data, out),
            None => self.stats.discarded += 1,
        }
    }

    /// RFC 8656, 11.2.
    pub(super) fn send_indication(
        &mut self,
        now: Instant,
        client: Client,
        peer: SocketAddr,
        data: &[u8],
        out: &mut Outbox,
    ) {
        match self.live(now, &client) {
            Some((key, allocation)) if allocation.is_permitted(now, peer.ip()) => {
                self.send_to_peer(now, key, peer, data, out);
            }
            _ => self.stats.discarded += 1,
        }
    }

    fn send_to_peer(
        &mut self,
        now: Instant,
        key: RelayKey,
        peer: SocketAddr,
        data: &[u8],
        out: &mut Outbox,
    ) {
        let Some(allocation) = self.allocations.get(key) else { return };
        if !self.shared.peers.may_send_permitted(peer) {
            self.stats.discarded += 1;
        } else if !allocation.share.may_relay(now, data.len()) {
            self.stats.over_bandwidth += 1;
        } else {
            self.stats.to_peers += 1;
            self.stats.to_peers_bytes += data.len() as u64;
            out.datagram(To::Peer(key, peer), data);
        }
    }

    /// By channel if there is one, else in a Data indication (RFC 8656, 11.3 and 12.7).
    pub(super) fn peer_data(
        &mut self,
        now: Instant,
        key: RelayKey,
        peer: SocketAddr,
        data: &[u8],
        out: &mut Outbox,
    ) {
        let allocation = self
            .allocations
            .get(key)
            .filter(|one| one.expires > now && one.is_permitted(now, peer.ip()))
            .filter(|_| self.shared.peers.may_send_permitted(peer));
        let Some(allocation) = allocation else {
            self.stats.discarded += 1;
            return;
        };
        if !allocation.share.may_relay(now, data.len()) {
            self.stats.over_bandwidth += 1;
            return;
        }
        self.stats.to_clients += 1;
        self.stats.to_clients_bytes += data.len() as u64;
        let client = allocation.client;
        let channel = allocation.channel(now, peer);
        out.send(To::Client(client), |bytes| match channel {
            Some(number) => wire::write_channel_data(bytes, number, data, client.is_stream()),
            None => wire::write_data(bytes, &rand::rng().random(), peer, data),
        });
    }
}
