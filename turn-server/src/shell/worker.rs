//! A relay thread: it waits, receives, relays, sends, and handles timeouts.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Token};
use slotmap::{Key as _, KeyData, SecondaryMap};

use super::clock::unix_s;
use super::config::StartError;
use super::inbox::{BELL, Inbox, Input, StreamEnd};
use super::opening::Openings;
use super::report::RelayReport;
use super::socket::{self, Buffers, Socket};
use crate::client::{Client, Door};
use crate::opening::{Opening, RelayKey};
use crate::outbox::{Act, Outbox, To};
use crate::relay::{Relay, Shared};

/// Batches read from one socket before the others get their turn.
const BATCHES_MAX: usize = 8;

/// Inputs taken before sockets get their turn again.
const INPUTS_MAX: usize = 64;

/// Bytes to send that are collected before they go out: the more, the longer the trains.
const FLUSH_BYTES: usize = 128 << 10;

/// Events of one wait.
const EVENTS: usize = 256;

/// How often counts are reported and the wall clock is read.
const TICK: Duration = Duration::from_secs(1);

/// Owns everything of one thread.
pub(super) struct Worker {
    relay: Relay,
    shared: Shared,
    listeners: Vec<Socket>,
    sockets: SecondaryMap<RelayKey, Socket>,
    links: HashMap<Client, StreamEnd>,
    inbox: Inbox,
    openings: Openings,
    report: Arc<RelayReport>,
    buffers: Buffers,
    out: Outbox,
    /// Sockets that had more than their turn's worth; no event will announce it.
    unread: VecDeque<Token>,
    tick: Instant,
    lost: u64,
}

/// Binds one thread's sockets. Ports that were 0 become what they are; the first thread finds whether they are free.
pub(super) fn listen(
    addresses: &mut [SocketAddr],
    is_first: bool,
) -> Result<Vec<Socket>, StartError> {
    let bind = |address: &mut SocketAddr| -> io::Result<Socket> {
        if is_first {
            socket::check_free(*address)?;
        }
        let socket = socket::listener(*address)?;
        address.set_port(socket.local_addr()?.port());
        Ok(socket)
    };
    let bind = |address: &mut SocketAddr| {
        let asked = *address;
        bind(address).map_err(|error| StartError::Listen(asked, error))
    };
    addresses.iter_mut().map(bind).collect()
}

impl Worker {
    pub(super) fn new(
        shared: Shared,
        mut listeners: Vec<Socket>,
        inbox: Inbox,
        openings: Openings,
        report: Arc<RelayReport>,
    ) -> io::Result<Worker> {
        for (index, listener) in listeners.iter_mut().enumerate() {
            inbox.poll.registry().register(&mut listener.io, Token(index), Interest::READABLE)?;
        }
        let now = Instant::now();
        Ok(Worker {
            relay: Relay::new(shared.clone(), now, unix_s()),
            shared,
            listeners,
            sockets: SecondaryMap::new(),
            links: HashMap::new(),
            inbox,
            openings,
            report,
            buffers: Buffers::new(),
            out: Outbox::default(),
            unread: VecDeque::new(),
            tick: now + TICK,
            lost: 0,
        })
    }

    /// Runs until it is stopped.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.inbox.is_stopped() {
            let timeout = self.idle();
            match self.inbox.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!(%error, "a relay thread cannot wait for its sockets");
                    return;
                }
                _ => self.turn(&events),
            }
        }
    }

    /// Time until something is due.
    fn idle(&self) -> Duration {
        if !self.unread.is_empty() {
            return Duration::ZERO;
        }
        let due = self.relay.poll_timeout().map_or(self.tick, |timeout| timeout.min(self.tick));
        due.saturating_duration_since(Instant::now())
    }

    fn turn(&mut self, events: &Events) {
        let now = Instant::now();
        for _ in 0..self.unread.len() {
            if let Some(token) = self.unread.pop_front() {
                self.read(now, token);
            }
        }
        for event in events {
            match event.token() {
                BELL => self.take_inputs(now),
                token => self.read(now, token),
            }
        }
        if self.relay.poll_timeout().is_some_and(|timeout| timeout <= now) {
            self.relay.handle_timeout(now, &mut self.out);
        }
        self.flush(now);
        if now >= self.tick {
            self.tick(now);
        }
    }

    fn tick(&mut self, now: Instant) {
        self.tick = now + TICK;
        self.relay.set_clock(now, unix_s());
        self.openings.handle_timeout(now);
        self.forget_closed(now);
        let (stats, lost) = (self.relay.take_stats(), std::mem::take(&mut self.lost));
        self.report.add(now, &stats, self.shared.allocations(), lost);
    }

    /// Ends what belongs to connections that are closed.
    fn forget_closed(&mut self, now: Instant) {
        let closed = self.links.extract_if(|_, link| link.is_closed());
        for (client, _) in closed {
            self.relay.handle_gone(client, &mut self.out);
        }
        self.flush(now);
    }

    fn take_inputs(&mut self, now: Instant) {
        for _ in 0..INPUTS_MAX {
            let Some(input) = self.inbox.next() else { return };
            self.take(now, input);
            if self.out.len() >= FLUSH_BYTES {
                self.flush(now);
            }
        }
        self.unread.push_back(BELL);
    }

    fn take(&mut self, now: Instant, input: Input) {
        match input {
            Input::Connected(client, link) => {
                self.links.insert(client, link);
            }
            // Without a link the connection has been ended, and what was on the way comes too late.
            Input::Messages(client, messages) if self.links.contains_key(&client) => {
                for message in messages {
                    self.relay.handle_client(now, client, &message, &mut self.out);
                }
            }
            Input::Messages(..) => {}
            Input::Revoke(person) => self.relay.revoke(&person, &mut self.out),
        }
    }

    fn read(&mut self, now: Instant, token: Token) {
        if token == BELL {
            return self.take_inputs(now);
        }
        for _ in 0..BATCHES_MAX {
            let read = match self.listeners.get(token.0) {
                Some(_) => self.read_listener(now, token.0),
                None => self.read_relay(now, KeyData::from_ffi(token.0 as u64).into()),
            };
            if self.out.len() >= FLUSH_BYTES {
                self.flush(now);
            }
            match read {
                Ok(true) => {}
                Ok(false) => return,
                // An ICMP answer to something sent earlier: the socket itself is well.
                Err(error) => tracing::trace!(%error, "reading"),
            }
        }
        self.unread.push_back(token);
    }

    fn read_listener(&mut self, now: Instant, index: usize) -> io::Result<bool> {
        let Worker { relay, listeners, buffers, out, .. } = self;
        let Some(listener) = listeners.get(index) else { return Ok(false) };
        // There are LISTENERS_MAX.
        let index = index as u8;
        buffers.receive(listener, |address, local, datagram| {
            let client = Client { address, door: Door::Udp(index, local) };
            relay.handle_client(now, client, datagram, out);
        })
    }

    fn read_relay(&mut self, now: Instant, key: RelayKey) -> io::Result<bool> {
        let Worker { relay, shared, sockets, openings, buffers, out, .. } = self;
        let Some(socket) = sockets.get(key) else { return Ok(false) };
        buffers.receive(socket, |peer, _, datagram| {
            let known = openings
                .addresses
                .outside(peer)
                .filter(|known| shared.is_ours(*known) && relay.is_permitted(now, key, known.ip()));
            relay.handle_peer(now, key, known.unwrap_or(peer), datagram, out);
        })
    }

    /// Sends what there is to send, then does what there is to do, until there is neither.
    fn flush(&mut self, now: Instant) {
        while !self.out.is_empty() {
            self.send();
            let acts = self.out.take_acts();
            self.out.clear();
            acts.into_iter().for_each(|act| self.perform(now, act));
        }
    }

    fn send(&mut self) {
        let train_max = self.listeners.first().map_or(1, Socket::train_max);
        for train in self.out.trains(train_max) {
            let (bytes, segment) = (train.bytes, train.segment);
            self.lost += match train.to {
                To::Client(Client { address, door: Door::Udp(index, local) }) => {
                    let listener = self.listeners.get(usize::from(index));
                    listener.map_or(0, |listener| listener.send(address, local, bytes, segment))
                }
                To::Client(client) => {
                    let link = self.links.get(&client);
                    link.map_or(0, |link| link.send(bytes.chunks(segment.max(1))))
                }
                To::Peer(key, peer) => {
                    let inside = self.openings.addresses.inside(peer);
                    let inside = inside.filter(|_| self.shared.is_ours(peer)).unwrap_or(peer);
                    let socket = self.sockets.get(key);
                    socket.map_or(0, |socket| socket.send(inside, None, bytes, segment))
                }
            };
        }
    }

    fn perform(&mut self, now: Instant, act: Act) {
        match act {
            Act::Open(client, opening) => self.open(now, client, opening),
            Act::Close(key) => {
                if let Some(mut socket) = self.sockets.remove(key) {
                    let gone = self.inbox.poll.registry().deregister(&mut socket.io);
                    gone.unwrap_or_else(|error| tracing::warn!(%error, "closing a relay socket"));
                }
            }
            // Dropping the link ends its writer, and with it the connection.
            Act::End(client) => {
                self.links.remove(&client);
            }
        }
    }

    fn open(&mut self, now: Instant, client: Client, opening: Opening) {
        let (socket, opened) = self.openings.open(now, opening).unzip();
        let key = self.relay.handle_opened(now, client, opened, &mut self.out);
        let (Some(key), Some(mut socket)) = (key, socket) else { return };
        let token = Token(key.data().as_ffi() as usize);
        let registry = self.inbox.poll.registry();
        match registry.register(&mut socket.io, token, Interest::READABLE) {
            Ok(()) => {
                self.sockets.insert(key, socket);
                if let Some(link) = self.links.get(&client) {
                    link.set_allocated();
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a relay socket cannot be waited for");
                self.relay.handle_gone(client, &mut self.out);
            }
        }
    }
}
