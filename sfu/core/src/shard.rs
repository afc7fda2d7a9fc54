//! The rooms of one thread, and the routing of datagrams to them.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use beckon_sfu_api::{Command, Event, RoomId, RoomSettings};
use slotmap::SlotMap;

use crate::clock::Clock;
use crate::config::ShardConfig;
use crate::demux::{Demux, Owner, RoomKey};
use crate::described::Described;
use crate::outgoing::{Path, Sink, Transmit};
use crate::room::{Context, EFFORT_MAX, EFFORT_MIN, Room};
use crate::stats::{Counters, Discard, PathQuality};

/// The rooms of one thread, without socket and clock: it is given datagrams, commands and the time, and gives back datagrams
/// ([`Shard::flush`]), events ([`Shard::poll_event`]) and a deadline ([`Shard::poll_timeout`]).
pub struct Shard {
    config: ShardConfig,
    clock: Clock,
    rooms: SlotMap<RoomKey, Room>,
    by_id: HashMap<RoomId, RoomKey>,
    demux: Demux,
    counters: Counters,
    /// Rooms with packets to forward.
    busy: Vec<RoomKey>,
    /// Connections with datagrams to send.
    dirty: Vec<Owner>,
    /// Datagrams of closed connections.
    farewells: Vec<(Path, Vec<u8>)>,
    events: VecDeque<(RoomId, Event)>,
    /// Rooms that a panic ended.
    failed: VecDeque<RoomId>,
    /// A buffer, kept to save allocations.
    keys: Vec<RoomKey>,
}

impl Shard {
    pub fn new(config: ShardConfig, now: Instant) -> Shard {
        Shard {
            config,
            clock: Clock::new(now),
            rooms: SlotMap::with_key(),
            by_id: HashMap::new(),
            demux: Demux::default(),
            counters: Counters::default(),
            busy: Vec::new(),
            dirty: Vec::new(),
            farewells: Vec::new(),
            events: VecDeque::new(),
            failed: VecDeque::new(),
            keys: Vec::new(),
        }
    }

    /// Opens a room. One that is open already stays as it is.
    pub fn open(&mut self, now: Instant, id: RoomId, settings: RoomSettings) {
        if self.by_id.contains_key(&id) {
            return;
        }
        let key = self.rooms.insert_with_key(|key| Room::new(key, id.clone(), settings, now));
        self.by_id.insert(id, key);
    }

    /// Carries out a command; one for a room that is not open does nothing.
    pub fn command(&mut self, now: Instant, room: &RoomId, command: Command) {
        let Some(key) = self.by_id.get(room).copied() else { return };
        let closes = command == Command::Close;
        self.within(key, |room, ctx| room.command(now, command, ctx));
        debug_assert!(self.rooms.get(key).is_none_or(Room::is_consistent));
        if closes {
            self.by_id.remove(room);
            self.rooms.remove(key);
        }
    }

    /// Takes a description that was read elsewhere; one for a room that is not open does nothing.
    pub fn describe(&mut self, now: Instant, room: &RoomId, described: Described) {
        let Some(key) = self.by_id.get(room).copied() else { return };
        self.within(key, |room, ctx| room.describe(now, described, ctx));
    }

    /// Handles a datagram from `from`, sent to `local` of our addresses if the socket knows it. It is decrypted in place.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &mut [u8],
    ) {
        let handled = self.demux.route(&from, datagram).and_then(|(owner, datagram)| {
            let path = Path { remote: from, local };
            let handle = |room: &mut Room, ctx: &mut Context<'_>| {
                room.handle_datagram(now, owner, path, datagram, ctx)
            };
            self.within(owner.room, handle).unwrap_or(Err(Discard::UnknownSource))
        });
        if let Err(why) = handled {
            self.counters.discard(why);
        }
    }

    /// Drains everything that is to be sent into `send`.
    pub fn flush(&mut self, send: &mut Sink<'_>) {
        while let Some(room) = self.busy.pop() {
            self.within(room, |room, ctx| room.forward(ctx, Some(&mut *send)));
        }
        for (path, contents) in self.farewells.drain(..) {
            send(&Transmit { path, contents: &contents, segment: None });
        }
        for owner in self.dirty.drain(..) {
            let connection = self.rooms.get_mut(owner.room).and_then(|room| room.connection(owner));
            if let Some(connection) = connection {
                connection.flush(send);
            }
        }
    }

    pub fn poll_event(&mut self) -> Option<(RoomId, Event)> {
        self.events.pop_front()
    }

    /// Returns a room that a panic ended: it sends no more events, and its participants have to join again.
    pub fn poll_failed(&mut self) -> Option<RoomId> {
        self.failed.pop_front()
    }

    /// When to call [`Shard::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.rooms.values().filter_map(Room::poll_timeout).min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let mut keys = std::mem::take(&mut self.keys);
        let due = |room: &Room| room.poll_timeout().is_some_and(|at| at <= now);
        keys.clear();
        keys.extend(self.rooms.iter().filter(|(_, room)| due(room)).map(|(key, _)| key));
        let effort = (EFFORT_MAX / keys.len().max(1)).max(EFFORT_MIN);
        for key in &keys {
            self.within(*key, |room, ctx| room.handle_timeout(now, effort, ctx));
        }
        self.keys = keys;
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The table by which datagrams find their connection.
    pub fn demux(&self) -> &Demux {
        &self.demux
    }

    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    pub fn participants(&self) -> usize {
        self.rooms.values().map(Room::participants).sum()
    }

    /// The path quality of every participant to which media can flow.
    pub fn path_qualities(&self) -> impl Iterator<Item = PathQuality> {
        self.rooms.values().flat_map(Room::path_qualities)
    }

    /// Runs `work` in a room. A panic there ends that room and no other.
    fn within<T>(
        &mut self,
        key: RoomKey,
        work: impl FnOnce(&mut Room, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let room = self.rooms.get_mut(key)?;
        let mut ctx = Context {
            config: &self.config,
            clock: self.clock,
            demux: &mut self.demux,
            counters: &mut self.counters,
            busy: &mut self.busy,
            dirty: &mut self.dirty,
            farewells: &mut self.farewells,
            events: &mut self.events,
        };
        let worked = catch_unwind(AssertUnwindSafe(|| work(room, &mut ctx)));
        worked.map_err(|_| self.give_up(key)).ok()
    }

    /// Removes a room that a panic left in an unknown state.
    fn give_up(&mut self, key: RoomKey) {
        let Some(room) = self.rooms.remove(key) else { return };
        tracing::error!(room.id = %room.id, "a panic ended a room");
        self.counters.rooms_failed += 1;
        self.by_id.remove(&room.id);
        self.demux.forget_room(key);
        self.failed.push_back(room.id);
    }
}

#[cfg(test)]
mod tests;
