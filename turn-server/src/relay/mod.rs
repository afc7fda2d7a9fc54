//! The relay itself, without sockets and clocks: messages and time go in, messages and deadlines come out.

mod allocating;
mod authentication;
mod data;
mod permitting;
mod requests;
mod shared;

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use slotmap::SlotMap;

pub use self::shared::{Families, Settings, Shared};
use crate::allocation::Allocation;
use crate::answer::Answer;
use crate::answers::Answers;
use crate::client::Client;
use crate::credentials::Key;
use crate::opening::{Opened, RelayKey};
use crate::outbox::{Act, Outbox, To};
use crate::quota::QuotaShare;
use crate::stats::Stats;
use crate::strangers::Strangers;
use crate::wire::{self, TransactionId};

/// An Allocate that waits for its relay socket.
#[derive(Debug)]
struct Pending {
    transaction: TransactionId,
    key: Key,
    username: Box<str>,
    share: QuotaShare,
    lifetime: Duration,
}

/// The allocations of one thread's clients.
#[derive(Debug)]
pub struct Relay {
    shared: Shared,
    /// The wall clock at some instant, for names that end.
    unix_s: (Instant, u64),
    allocations: SlotMap<RelayKey, Allocation>,
    by_client: HashMap<Client, RelayKey>,
    pending: HashMap<Client, Pending>,
    expiries: BTreeSet<(Instant, RelayKey)>,
    answers: Answers,
    strangers: Strangers,
    stats: Stats,
}

impl Relay {
    /// A relay without allocations.
    pub fn new(shared: Shared, now: Instant, unix_s: u64) -> Relay {
        let limits = shared.quotas.limits();
        let strangers = Strangers::new(now, limits.strangers_per_second, limits.strangers_burst);
        Relay {
            shared,
            unix_s: (now, unix_s),
            allocations: SlotMap::with_key(),
            by_client: HashMap::new(),
            pending: HashMap::new(),
            expiries: BTreeSet::new(),
            answers: Answers::default(),
            strangers,
            stats: Stats::default(),
        }
    }

    /// Sets the wall clock.
    pub fn set_clock(&mut self, now: Instant, unix_s: u64) {
        self.unix_s = (now, unix_s);
    }

    /// Takes the counts since the last time.
    pub fn take_stats(&mut self) -> Stats {
        std::mem::take(&mut self.stats)
    }

    /// Allocations of this thread.
    pub fn allocations(&self) -> usize {
        self.allocations.len()
    }

    /// Handles one datagram of a client, or one message on its stream.
    pub fn handle_client(&mut self, now: Instant, client: Client, bytes: &[u8], out: &mut Outbox) {
        if let Some((number, data)) = wire::read_channel_data(bytes) {
            self.channel_data(now, client, number, data, out);
        } else if !wire::is_stun(bytes) {
            self.stats.discarded += 1;
        } else if let Some((peer, data)) = wire::read_send(bytes) {
            self.send_indication(now, client, peer, data, out);
        } else {
            self.message(now, client, bytes, out);
        }
    }

    /// Handles a datagram of a peer at the relay socket of an allocation.
    pub fn handle_peer(
        &mut self,
        now: Instant,
        key: RelayKey,
        peer: SocketAddr,
        data: &[u8],
        out: &mut Outbox,
    ) {
        self.peer_data(now, key, peer, data, out);
    }

    /// Whether an allocation has a permission for this address.
    pub(crate) fn is_permitted(&self, now: Instant, key: RelayKey, ip: IpAddr) -> bool {
        self.allocations.get(key).is_some_and(|allocation| allocation.is_permitted(now, ip))
    }

    /// Takes the result of [`Act::Open`]. Returns `None` if the socket is no longer needed.
    pub fn handle_opened(
        &mut self,
        now: Instant,
        client: Client,
        opened: Option<Opened>,
        out: &mut Outbox,
    ) -> Option<RelayKey> {
        let pending = self.pending.remove(&client)?;
        let Some(opened) = opened else {
            let Pending { transaction, key, .. } = pending;
            self.refuse_allocate(client, transaction, &key, out);
            return None;
        };
        Some(self.allocate(now, client, pending, opened, out))
    }

    /// Ends the allocation of a client whose connection is closed (RFC 8656, 3.1).
    pub fn handle_gone(&mut self, client: Client, out: &mut Outbox) {
        self.pending.remove(&client);
        if let Some(key) = self.by_client.get(&client).copied() {
            self.remove(key, out);
        }
    }

    /// Ends all allocations of a holder. [`Shared::revoke`] sees to it that there are no new ones.
    pub fn revoke(&mut self, holder: &str, out: &mut Outbox) {
        let credentials = &self.shared.credentials;
        let theirs =
            self.allocations.iter().filter(|(_, one)| credentials.holder(&one.username) == holder);
        for key in theirs.map(|(key, _)| key).collect::<Vec<_>>() {
            self.remove(key, out);
        }
    }

    /// When [`handle_timeout`](Relay::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Ends allocations whose time is over.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        while let Some((_, key)) = self.expiries.first().copied().filter(|(at, _)| *at <= now) {
            self.remove(key, out);
        }
        self.answers.forget_before(now);
    }

    fn remove(&mut self, key: RelayKey, out: &mut Outbox) {
        let Some(allocation) = self.allocations.remove(key) else { return };
        self.by_client.remove(&allocation.client);
        self.expiries.remove(&(allocation.expires, key));
        self.shared.peers.remove_relayed(allocation.relayed);
        self.stats.ended += 1;
        out.act(Act::Close(key));
        if allocation.client.is_stream() {
            out.act(Act::End(allocation.client));
        }
    }

    fn expire_at(&mut self, key: RelayKey, expires: Instant) {
        let Some(allocation) = self.allocations.get_mut(key) else { return };
        self.expiries.remove(&(allocation.expires, key));
        allocation.expires = expires;
        self.expiries.insert((expires, key));
    }

    /// The allocation of a client, if it has one that has not expired.
    fn live(&self, now: Instant, client: &Client) -> Option<(RelayKey, &Allocation)> {
        let key = *self.by_client.get(client)?;
        let allocation = self.allocations.get(key).filter(|one| one.expires > now)?;
        Some((key, allocation))
    }

    fn unix_s(&self, now: Instant) -> u64 {
        let (then, unix_s) = self.unix_s;
        unix_s + now.saturating_duration_since(then).as_secs()
    }

    /// Answers an unauthenticated client, if its network's budget permits.
    fn answer_stranger(
        &mut self,
        now: Instant,
        client: Client,
        answer: impl FnOnce(&mut Self) -> Answer,
        out: &mut Outbox,
    ) {
        if client.is_stream() || self.strangers.may_answer(now, client.address.ip()) {
            let answer = answer(self).seal(None);
            out.datagram(To::Client(client), &answer);
        } else {
            self.stats.unanswered += 1;
        }
    }
}
