//! A room with clients in it, on a clock and a network of its own: a test says who does what, lets time pass, and looks
//! at what everybody got.

pub mod client;
mod media;
pub mod network;
mod signalling;
pub mod sink;
pub mod source;
pub mod stamp;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use beckon_sfu_api::{
    Command, ConnectionMode, Event, ParticipantId, Permissions, RoomId, RoomSettings, Source,
    TrackId,
};
use beckon_sfu_core::config::ShardConfig;
use beckon_sfu_core::demux::Side;
use beckon_sfu_core::role::Role;
use beckon_sfu_core::shard::Shard;
use beckon_sfu_core::transport::Identity;

use self::client::{Client, Endpoint};
use self::network::{Link, Network};
use self::sink::Sink;

pub struct Stage {
    pub now: Instant,
    pub epoch: Instant,
    pub shard: Shard,
    pub room: RoomId,
    pub clients: Vec<Client>,
    /// Whatever the room told, and when.
    pub events: Vec<(Duration, Event)>,
    pub network: Network<Delivery>,
    /// What is told to this participant is lost.
    pub deaf: Option<ParticipantId>,
    /// Told when the shard begins to work, and when it is done.
    pub watch: fn(bool),
    /// Keeps what this client sends.
    pub tap: Option<usize>,
    pub tapped: Vec<Vec<u8>>,
    /// The number of the next stream, if a test chooses it.
    pub next_stream: Option<u32>,
    pub next_track: Option<TrackId>,
    /// In DTLS, of those who join from now on.
    pub next_role: Role,
    /// What it shows, unless it is a camera or a microphone.
    pub next_shown: Option<Source>,
    /// Whether it is muted from the beginning.
    pub next_muted: bool,
    /// Bytes of media, whoever they are for.
    sent: HashMap<usize, u64>,
    by_address: HashMap<SocketAddr, (usize, Side)>,
    hosts: u16,
    tracks: u32,
    seed: u64,
}

/// Something that is under way.
pub enum Delivery {
    ToShard(SocketAddr, Vec<u8>),
    ToClient(usize, Side, Vec<u8>),
    Command(Command),
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed of the network was {}", self.seed);
        }
    }
}

impl Stage {
    pub fn new(seed: u64) -> Stage {
        Stage::of(100, seed)
    }

    /// A room for so many.
    pub fn of(participants_max: usize, seed: u64) -> Stage {
        let now = Instant::now();
        let candidates = vec![([192, 0, 2, 1], 7882).into()];
        let config = ShardConfig { identity: Identity::generate(), candidates };
        let mut shard = Shard::new(config, now);
        let room = RoomId::from("RM_stage");
        shard.open(now, room.clone(), RoomSettings { participants_max });
        Stage {
            now,
            epoch: now,
            shard,
            room,
            clients: Vec::new(),
            events: Vec::new(),
            network: Network::new(seed),
            deaf: None,
            watch: |_| (),
            tap: None,
            tapped: Vec::new(),
            next_stream: None,
            next_track: None,
            next_role: Role::Client,
            next_shown: None,
            next_muted: false,
            sent: HashMap::new(),
            by_address: HashMap::new(),
            hosts: 0,
            tracks: 0,
            seed,
        }
    }

    /// Somebody comes in and offers. Returns their number.
    pub fn join(&mut self, id: &str, mode: ConnectionMode) -> usize {
        let addresses = [self.address(), self.address()];
        let mut client = Client::new(id, mode, self.next_role, addresses, self.now);
        client.epoch = self.epoch;
        let at = self.clients.len();
        self.by_address.insert(addresses[0], (at, Side::Publisher));
        self.by_address.insert(addresses[1], (at, Side::Subscriber));
        let permissions = Permissions { publish: true, subscribe: true };
        let participant = client.id.clone();
        self.clients.push(client);
        self.tell(Command::Join { participant, connection: mode, permissions });
        self.offer(at);
        at
    }

    fn address(&mut self) -> SocketAddr {
        self.hosts += 1;
        ([198, 51, 100, 7], 10_000 + self.hosts).into()
    }

    /// Both ways of a client's connections.
    pub fn set_links(&mut self, client: usize, link: &Link) {
        for endpoint in self.clients[client].endpoints() {
            (endpoint.up, endpoint.down) = (link.clone(), link.clone());
        }
    }

    /// The client's NAT takes other ports for its connections.
    pub fn rebind(&mut self, client: usize) {
        let addresses = [self.address(), self.address()];
        let Stage { clients, by_address, .. } = self;
        let sides = [Side::Publisher, Side::Subscriber];
        let ends = clients[client].endpoints().zip(addresses).zip(sides);
        for ((endpoint, address), side) in ends {
            by_address.remove(&std::mem::replace(&mut endpoint.address, address));
            by_address.insert(address, (client, side));
        }
    }

    /// What a client gets of a track, since it subscribed to it last.
    pub fn sink(&self, client: usize, track: &TrackId) -> &Sink {
        let sinks = self.clients[client].sinks.values().filter(|sink| sink.track == *track);
        sinks.max_by_key(|sink| sink.since).expect("a subscription")
    }

    /// Bytes that the room sent to a client.
    pub fn sent_to(&self, client: usize) -> u64 {
        self.sent.get(&client).copied().unwrap_or(0)
    }

    /// What a client got within the last quarter of a second can be played, whatever it missed before.
    pub fn assert_resumed(&self, client: usize, track: &TrackId) {
        let frames = self.sink(client, track).newest_frames();
        let newest = frames.last().expect("frames");
        let age = (self.now - self.epoch).as_nanos() as u64 - newest.stamp.captured_ns;
        assert!(age < 250_000_000, "{} ms old", age / 1_000_000);
        assert!(frames.len() > 5, "{} frames in a row", frames.len());
    }

    /// How often something was told.
    pub fn told(&self, what: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| what(event)).count()
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            let clients = self.clients.iter_mut().map(Client::due);
            let due = clients.chain(self.shard.poll_timeout()).chain(self.network.next_due()).min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
            self.pass();
        }
        self.now = end;
    }

    /// Everything that is due.
    fn pass(&mut self) {
        let now = self.now;
        while let Some(delivery) = self.network.take_due(now) {
            match delivery {
                Delivery::ToShard(from, mut bytes) => {
                    (self.watch)(true);
                    self.shard.handle_datagram(now, from, None, &mut bytes);
                    (self.watch)(false);
                }
                Delivery::ToClient(client, side, mut bytes) => {
                    self.clients[client].handle(now, side, &mut bytes);
                }
                Delivery::Command(command) => self.shard.command(now, &self.room, command),
            }
        }
        (self.watch)(true);
        self.shard.handle_timeout(now);
        (self.watch)(false);
        for client in &mut self.clients {
            if client.due() <= now {
                client.handle_timeout(now);
            }
        }
    }

    /// Puts on the way what everybody has to send.
    pub fn settle(&mut self) {
        self.take_events();
        let Stage { shard, clients, network, by_address, sent, watch, tap, tapped, now, .. } = self;
        watch(true);
        shard.flush(&mut |transmit| {
            watch(false);
            if let Some((client, side)) = by_address.get(&transmit.path.remote).copied() {
                let endpoint = endpoint(&mut clients[client], side);
                *sent.entry(client).or_default() += transmit.contents.len() as u64;
                let segment = transmit.segment.unwrap_or(transmit.contents.len());
                for datagram in transmit.contents.chunks(segment).filter(|_| !endpoint.cut) {
                    let delivery = Delivery::ToClient(client, side, datagram.to_vec());
                    network.send(*now, &mut endpoint.down, datagram.len(), delivery);
                }
            }
            watch(true);
        });
        watch(false);
        let endpoints = clients.iter_mut().enumerate();
        for (at, endpoint) in endpoints.flat_map(|(at, it)| it.endpoints().map(move |it| (at, it)))
        {
            let headless = &mut endpoint.headless;
            endpoint.outbox.extend(std::iter::from_fn(|| headless.poll_transmit()));
            if *tap == Some(at) {
                tapped.extend(endpoint.outbox.iter().cloned());
            }
            for datagram in endpoint.outbox.drain(..).filter(|_| !endpoint.cut) {
                let len = datagram.len();
                let delivery = Delivery::ToShard(endpoint.address, datagram);
                network.send(*now, &mut endpoint.up, len, delivery);
            }
        }
    }
}

pub fn endpoint(client: &mut Client, side: Side) -> &mut Endpoint {
    match (side, &mut client.subscriber) {
        (Side::Subscriber, Some(subscriber)) => subscriber,
        _ => &mut client.publisher,
    }
}
