//! A relay with an invented network and clock, and people who talk to it in bytes. The bytes are made and read with
//! rtc-stun's codec, so both ends of it are compared.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use beckon_turn_server::{
    Act, Client, Credentials, Door, Key, Opened, Opening, Outbox, PeerPolicy, Port, Relay,
    RelayKey, Settings, Shared, To,
};
use rtc_stun::attributes::*;
use rtc_stun::message::*;

use crate::ask::{Answer, Ask};

pub(crate) const REALM: &str = "example.org";
pub(crate) const SECRET: &str = "north";
/// When the stage's clock starts, in Unix seconds.
pub(crate) const START_S: u64 = 1_700_000_000;
/// A host on the public internet.
pub(crate) const PEER: &str = "93.184.216.34:5000";
pub(crate) const OTHER_PEER: &str = "93.184.216.35:5000";
pub(crate) const PEER_V6: &str = "[2606:2800:220:1::1]:5000";

pub(crate) fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

pub(crate) struct Stage {
    pub(crate) relay: Relay,
    pub(crate) now: Instant,
    shared: Shared,
    out: Outbox,
    /// Open relay sockets.
    pub(crate) sockets: HashMap<RelayKey, SocketAddr>,
    reserved: HashMap<[u8; 8], SocketAddr>,
    /// Relay sockets that can still be opened.
    pub(crate) ports_left: usize,
    next_port: u16,
    pub(crate) ended_streams: Vec<Client>,
}

/// What came out: where to, and the bytes.
pub(crate) type Sent = Vec<(To, Vec<u8>)>;

pub(crate) fn settings() -> Settings {
    Settings {
        credentials: Credentials::new(REALM, vec![SECRET.into()], [("alice", "a"), ("bob", "b")]),
        peers: PeerPolicy::default(),
        ..Settings::default()
    }
}

impl Stage {
    pub(crate) fn new() -> Stage {
        Stage::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> Stage {
        let now = Instant::now();
        let shared = Shared::new(settings, now);
        Stage {
            relay: Relay::new(shared.clone(), now, START_S),
            now,
            shared,
            out: Outbox::default(),
            sockets: HashMap::new(),
            reserved: HashMap::new(),
            ports_left: 1000,
            next_port: 50_000,
            ended_streams: Vec::new(),
        }
    }

    pub(crate) fn allocations(&self) -> usize {
        self.shared.allocations()
    }

    /// Time goes by, and what is due happens.
    pub(crate) fn wait(&mut self, seconds: u64) -> Sent {
        self.now += Duration::from_secs(seconds);
        if self.relay.poll_timeout().is_some_and(|at| at <= self.now) {
            self.relay.handle_timeout(self.now, &mut self.out);
        }
        self.settle()
    }

    /// A client sends these bytes.
    pub(crate) fn hear(&mut self, client: Client, bytes: &[u8]) -> Sent {
        self.relay.handle_client(self.now, client, bytes, &mut self.out);
        self.settle()
    }

    /// A peer sends these bytes to a relayed address.
    pub(crate) fn hear_peer(&mut self, relayed: SocketAddr, peer: &str, bytes: &[u8]) -> Sent {
        let key = self.key(relayed).expect("no relay socket is open there");
        self.relay.handle_peer(self.now, key, at(peer), bytes, &mut self.out);
        self.settle()
    }

    pub(crate) fn lose(&mut self, client: Client) {
        self.relay.handle_gone(client, &mut self.out);
        self.settle();
    }

    pub(crate) fn revoke(&mut self, holder: &str) {
        self.shared.revoke(holder, u64::MAX, 0);
        self.relay.revoke(holder, &mut self.out);
        self.settle();
    }

    pub(crate) fn key(&self, relayed: SocketAddr) -> Option<RelayKey> {
        self.sockets.iter().find(|(_, open)| **open == relayed).map(|(key, _)| *key)
    }

    fn settle(&mut self) -> Sent {
        let mut sent = Vec::new();
        while !self.out.is_empty() {
            sent.extend(self.out.sends().map(|(to, bytes)| (to, bytes.to_vec())));
            let acts = self.out.take_acts();
            self.out.clear();
            for act in acts {
                self.perform(act);
            }
        }
        sent
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Open(client, opening) => {
                let opened = self.open(opening);
                let key = self.relay.handle_opened(self.now, client, opened, &mut self.out);
                if let (Some(key), Some(opened)) = (key, opened) {
                    self.sockets.insert(key, opened.relayed);
                }
            }
            Act::Close(key) => {
                self.sockets.remove(&key).expect("closed twice");
            }
            Act::End(client) => self.ended_streams.push(client),
        }
    }

    fn open(&mut self, opening: Opening) -> Option<Opened> {
        let (is_ipv6, port) = match opening {
            Opening::Reserved { token } => {
                let relayed = self.reserved.remove(&token)?;
                return Some(Opened { relayed, token: None });
            }
            Opening::Fresh { is_ipv6, port } => (is_ipv6, port),
        };
        self.ports_left = self.ports_left.checked_sub(1)?;
        let number = match port {
            Port::Any => self.next_port + 1,
            Port::Even | Port::EvenAndNext => self.next_port.next_multiple_of(2) + 2,
        };
        self.next_port = number + 1;
        let ip = if is_ipv6 { "2a00:1450::1" } else { "88.198.0.1" }.parse().unwrap();
        let token = (port == Port::EvenAndNext).then_some([7; 8]);
        if let Some(token) = token {
            self.reserved.insert(token, SocketAddr::new(ip, number + 1));
        }
        Some(Opened { relayed: SocketAddr::new(ip, number), token })
    }
}

/// Somebody who knows a name and a password, behind an address of their own.
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) nonce: Option<String>,
}

impl Person {
    pub(crate) fn new(name: &str, password: &str, address: &str) -> Person {
        let client = Client { address: at(address), door: Door::Udp(0, None) };
        Person { client, name: name.into(), password: password.into(), nonce: None }
    }

    pub(crate) fn alice() -> Person {
        Person::new("alice", "a", "62.1.1.1:1000")
    }

    pub(crate) fn bob() -> Person {
        Person::new("bob", "b", "62.1.1.2:1000")
    }

    /// Over TCP or TLS.
    pub(crate) fn by_stream(mut self, id: u64) -> Person {
        self.client.door = Door::Stream(id);
        self
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(&self.name, REALM, &self.password)
    }

    /// The request with everything that authenticates it; the nonce is asked for first if there is none.
    pub(crate) fn signed(&mut self, stage: &mut Stage, ask: Ask) -> Vec<u8> {
        if self.nonce.is_none() {
            let sent = stage.hear(self.client, &Ask::new(METHOD_ALLOCATE).unsigned());
            self.nonce = Some(Answer::only(&sent).text(ATTR_NONCE));
        }
        let nonce = self.nonce.as_deref().unwrap();
        ask.text(ATTR_USERNAME, &self.name)
            .text(ATTR_REALM, REALM)
            .text(ATTR_NONCE, nonce)
            .signed(self.key().bytes())
    }

    /// Asks and gets the one answer, whose integrity must be right if it has any.
    pub(crate) fn asks(&mut self, stage: &mut Stage, ask: Ask) -> Answer {
        let bytes = self.signed(stage, ask);
        let answer = Answer::only(&stage.hear(self.client, &bytes));
        assert!(answer.is_signed_with(self.key().bytes()), "unsigned, or with another key");
        answer
    }

    /// Makes an allocation and returns the relayed address.
    pub(crate) fn allocates(&mut self, stage: &mut Stage) -> SocketAddr {
        self.asks(stage, Ask::allocate()).success().address(ATTR_XOR_RELAYED_ADDRESS)
    }

    pub(crate) fn permits(&mut self, stage: &mut Stage, peers: &[&str]) -> Answer {
        self.asks(stage, Ask::permission(peers))
    }

    pub(crate) fn binds(&mut self, stage: &mut Stage, number: u16, peer: &str) -> Answer {
        self.asks(stage, Ask::channel(number, peer))
    }

    /// Sends through the relay and tells what comes out to which peer.
    pub(crate) fn sends(&self, stage: &mut Stage, bytes: &[u8]) -> Vec<(SocketAddr, Vec<u8>)> {
        let sent = stage.hear(self.client, bytes).into_iter();
        sent.map(|(to, bytes)| match to {
            To::Peer(_, peer) => (peer, bytes),
            To::Client(_) => panic!("answered: {bytes:?}"),
        })
        .collect()
    }
}
