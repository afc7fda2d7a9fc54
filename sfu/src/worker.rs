//! A shard's thread: it waits, takes orders, receives, handles timeouts, sends, and delivers events.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use beckon_sfu_api::{Command, EventSink, RoomId};
use beckon_sfu_core::config::ShardConfig;
use beckon_sfu_core::shard::Shard;
use beckon_sfu_core::transport::Identity;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::addresses;
use crate::config::{Config, StartError};
use crate::meter::Meter;
use crate::orders::{self, Order, OrderSender, Orders};
use crate::socket::Socket;

const SOCKET: Token = Token(0);
const ORDERS: Token = Token(1);

/// Batches received before the packets they cause are sent. More make longer trains but delay the first packet.
const BATCHES_MAX: usize = 4;

/// How long orders are carried out before media gets its turn again, but for the last one. None takes a millisecond.
const ORDERS_TIME_MAX: Duration = Duration::from_micros(500);

/// Owns everything of one shard.
pub(crate) struct Worker {
    shard: Shard,
    socket: Socket,
    poll: Poll,
    orders: Orders,
    sinks: HashMap<RoomId, EventSink>,
    meter: Meter,
    stopping: bool,
}

/// Whether there is work that no event will announce.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    More,
}

impl Worker {
    /// Binds the socket; nothing is answered before [`Worker::run`].
    pub(crate) fn new(
        config: &Config,
        index: u16,
        listen: SocketAddr,
        identity: &Identity,
    ) -> Result<(Worker, SocketAddr, OrderSender), StartError> {
        let refused = |error| StartError::Listen(listen, error);
        let mut socket = Socket::bind(listen).map_err(refused)?;
        let poll = Poll::new().map_err(StartError::Thread)?;
        poll.registry().register(&mut socket.io, SOCKET, Interest::READABLE).map_err(refused)?;
        let waker = Waker::new(poll.registry(), ORDERS).map_err(StartError::Thread)?;
        let address = socket.local_addr().map_err(refused)?;
        let candidates = addresses::candidates(config, address)?;
        tracing::info!(%address, ?candidates, "listening for media");

        let now = Instant::now();
        let (sender, orders) = orders::queue(waker);
        let worker = Worker {
            shard: Shard::new(ShardConfig { identity: identity.clone(), candidates }, now),
            socket,
            poll,
            orders,
            sinks: HashMap::new(),
            meter: Meter::new(index, now),
            stopping: false,
        };
        Ok((worker, address, sender))
    }

    /// Runs until [`Order::Stop`].
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(2);
        let mut left = Left::Nothing;
        while !self.stopping {
            let timeout = if left == Left::More { Duration::ZERO } else { self.idle() };
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!(%error, "the media thread cannot wait for its socket");
                    return;
                }
                _ => left = self.turn(),
            }
        }
    }

    /// Time until something is due.
    fn idle(&self) -> Duration {
        let due = self.meter.due();
        let due = self.shard.poll_timeout().map_or(due, |timeout| timeout.min(due));
        due.saturating_duration_since(Instant::now())
    }

    fn turn(&mut self) -> Left {
        let now = Instant::now();
        let orders_left = self.take_orders(now);
        let datagrams_left = self.receive(now);
        self.shard.handle_timeout(now);
        self.flush();
        self.tell_events();
        if now >= self.meter.due() {
            self.meter.tell(now, &self.shard, &self.socket);
        }
        if orders_left == Left::More { orders_left } else { datagrams_left }
    }

    fn take_orders(&mut self, now: Instant) -> Left {
        let began = Instant::now();
        while began.elapsed() < ORDERS_TIME_MAX {
            match self.orders.next() {
                Some(order) => self.carry_out(now, order),
                None => return Left::Nothing,
            }
        }
        Left::More
    }

    fn carry_out(&mut self, now: Instant, order: Order) {
        match order {
            Order::Open { room, settings, events } => {
                self.shard.open(now, room.clone(), settings);
                self.sinks.insert(room, events);
            }
            Order::Tell { room, command, until } => {
                self.tell(now, &room, command);
                drop(until);
            }
            Order::Describe { room, described, until } => {
                self.shard.describe(now, &room, *described);
                drop(until);
            }
            Order::Stop => {
                let rooms: Vec<RoomId> = self.sinks.keys().cloned().collect();
                rooms.iter().for_each(|room| self.tell(now, room, Command::Close));
                self.stopping = true;
            }
        }
    }

    fn tell(&mut self, now: Instant, room: &RoomId, command: Command) {
        let closes = command == Command::Close;
        self.shard.command(now, room, command);
        if closes {
            self.tell_events();
            self.sinks.remove(room);
        }
    }

    fn receive(&mut self, now: Instant) -> Left {
        let Worker { shard, socket, .. } = self;
        for _ in 0..BATCHES_MAX {
            match socket
                .receive(|from, to, datagram| shard.handle_datagram(now, from, to, datagram))
            {
                Ok(true) => {}
                Ok(false) => return Left::Nothing,
                // An ICMP answer to something sent earlier: the socket itself is well.
                Err(error) => tracing::debug!(%error, "receiving media"),
            }
        }
        Left::More
    }

    fn flush(&mut self) {
        let Worker { shard, socket, .. } = self;
        socket.begin_flush();
        shard.flush(&mut |transmit| socket.send(transmit));
    }

    fn tell_events(&mut self) {
        while let Some((room, event)) = self.shard.poll_event() {
            if let Some(sink) = self.sinks.get(&room) {
                sink(event);
            }
        }
        // Dropping the sink tells signalling that the room ended; its participants join again.
        while let Some(room) = self.shard.poll_failed() {
            self.sinks.remove(&room);
        }
    }
}
