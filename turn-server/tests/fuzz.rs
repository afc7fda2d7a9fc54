//! Bytes and lives from strangers: nothing panics, nothing is sent to whom it must not be, nothing is left behind.
//! `cargo bolero` fuzzes the same targets for as long as one likes.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use beckon_turn_server::{
    Act, Client, Credentials, Door, Key, Limits, Opened, Opening, Outbox, Relay, RelayKey,
    Settings, Shared, To, is_special,
};
use bolero::{check, produce};
use hmac::{Hmac, KeyInit, Mac};
use rtc_stun::attributes::*;
use rtc_stun::message::*;
use rtc_stun::textattrs::TextAttribute;
use sha1::Sha1;

const REALM: &str = "r";
const METHODS: [Method; 6] = [
    METHOD_BINDING,
    METHOD_ALLOCATE,
    METHOD_REFRESH,
    METHOD_CREATE_PERMISSION,
    METHOD_CHANNEL_BIND,
    METHOD_SEND,
];
/// What attributes are made of; the rest of a message is any bytes.
const KINDS: [AttrType; 14] = [
    ATTR_CHANNEL_NUMBER,
    ATTR_LIFETIME,
    ATTR_XOR_PEER_ADDRESS,
    ATTR_DATA,
    ATTR_EVEN_PORT,
    ATTR_REQUESTED_TRANSPORT,
    ATTR_REQUESTED_ADDRESS_FAMILY,
    ATTR_DONT_FRAGMENT,
    ATTR_RESERVATION_TOKEN,
    ATTR_USERNAME,
    ATTR_NONCE,
    ATTR_FINGERPRINT,
    ATTR_MESSAGE_INTEGRITY_SHA256,
    ATTR_SOFTWARE,
];

struct World {
    relay: Relay,
    shared: Shared,
    now: Instant,
    out: Outbox,
    open: HashSet<RelayKey>,
    port: u16,
    nonces: [String; 3],
}

fn client(which: u8) -> Client {
    let address = SocketAddr::from(([62, 1, 1, which], 1000));
    let door = if which == 2 { Door::Stream(2) } else { Door::Udp(0, None) };
    Client { address, door }
}

impl World {
    fn new() -> World {
        let limits =
            Limits { allocations_per_user: 2, permissions: 3, channels: 3, ..Limits::default() };
        let credentials = Credentials::new(REALM, Vec::new(), [("alice", "a"), ("bob", "b")]);
        let now = Instant::now();
        let shared = Shared::new(Settings { limits, credentials, ..Settings::default() }, now);
        let mut world = World {
            relay: Relay::new(shared.clone(), now, 0),
            shared,
            now,
            out: Outbox::default(),
            open: HashSet::new(),
            port: 0,
            nonces: Default::default(),
        };
        for which in 0..3 {
            let asked = message(METHOD_ALLOCATE, CLASS_REQUEST, 0);
            world.relay.handle_client(now, client(which), &asked.raw, &mut world.out);
            let (_, answer) = world.out.sends().last().unwrap();
            let mut read = Message::new();
            read.unmarshal_binary(answer).unwrap();
            let nonce = TextAttribute::get_from_as(&read, ATTR_NONCE).unwrap();
            world.nonces[usize::from(which)] = nonce.text;
        }
        world.out.clear();
        world
    }

    fn hear(&mut self, client: Client, bytes: &[u8]) {
        self.relay.handle_client(self.now, client, bytes, &mut self.out);
        self.settle(Some(client), bytes.len());
    }

    /// Checks what came out, and does it.
    fn settle(&mut self, asker: Option<Client>, heard: usize) {
        while !self.out.is_empty() {
            for (to, bytes) in self.out.sends() {
                match to {
                    To::Client(client) => {
                        assert!(asker.is_none_or(|asker| asker == client), "answered another");
                        assert!(bytes.len() <= 600, "a long answer");
                    }
                    To::Peer(key, peer) => {
                        assert!(self.open.contains(&key), "sent from a closed socket");
                        assert!(!is_special(peer.ip()), "sent inside: {peer}");
                        assert!(bytes.len() <= heard, "sent more than was heard");
                    }
                }
            }
            let acts = self.out.take_acts();
            self.out.clear();
            for act in acts {
                self.perform(act);
            }
        }
        assert_eq!(self.open.len(), self.relay.allocations());
        assert_eq!(self.open.len(), self.shared.allocations());
        assert!(self.open.len() <= 3);
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Open(client, opening) => {
                self.port += 1;
                let is_ipv6 = matches!(opening, Opening::Fresh { is_ipv6: true, .. });
                let ip = if is_ipv6 { "2a00::1" } else { "88.198.0.1" }.parse().unwrap();
                let relayed = SocketAddr::new(ip, self.port);
                let opened =
                    (!self.port.is_multiple_of(7)).then_some(Opened { relayed, token: None });
                let key = self.relay.handle_opened(self.now, client, opened, &mut self.out);
                assert_eq!(key.is_some(), opened.is_some());
                self.open.extend(key);
            }
            Act::Close(key) => assert!(self.open.remove(&key), "closed twice"),
            Act::End(client) => assert!(matches!(client.door, Door::Stream(_))),
        }
    }
}

fn message(method: Method, class: MessageClass, transaction: u8) -> Message {
    let mut message = Message::new();
    message.set_type(MessageType::new(method, class));
    message.transaction_id = TransactionId([transaction; 12]);
    message.write_header();
    message
}

/// Adds an attribute that these bytes stand for, half of the time one that makes sense.
fn add_attribute(message: &mut Message, [kind, fits, a, b]: [u8; 4]) {
    let kind = KINDS[usize::from(kind) % KINDS.len()];
    let any = [a, b, a, b, b, a, a, a, b];
    let fitting = match kind {
        ATTR_CHANNEL_NUMBER => vec![0x40, a % 8, 0, 0],
        ATTR_LIFETIME => vec![0, 0, a, if a < 128 { 0 } else { b }],
        ATTR_XOR_PEER_ADDRESS if b < 200 => peer_value(b, a),
        // XORed: 127.0.0.1.
        ATTR_XOR_PEER_ADDRESS => vec![0, 1, 0, a, 127 ^ 0x21, 0x12, 0xa4, 1 ^ 0x42],
        ATTR_REQUESTED_TRANSPORT => vec![17, 0, 0, 0],
        ATTR_REQUESTED_ADDRESS_FAMILY => vec![1 + a % 2, 0, 0, 0],
        ATTR_EVEN_PORT => vec![a],
        ATTR_DONT_FRAGMENT => Vec::new(),
        _ => any[..usize::from(a) % 10].to_vec(),
    };
    let value = if fits < 200 { &fitting[..] } else { &any[..usize::from(b) % 10] };
    message.add(kind, value);
}

/// XOR-PEER-ADDRESS: one of four hosts.
fn peer_value(host: u8, port: u8) -> Vec<u8> {
    vec![0, 1, 0, port % 2, 93 ^ 0x21, 184 ^ 0x12, 0xa4, (host % 4) ^ 0x42]
}

/// What happens next, as these bytes say.
fn step(world: &mut World, bytes: [u8; 16]) {
    let [what, who, which, method, transaction, a, b, c, rest @ ..] = bytes;
    let speaker = client(which % 3);
    let method = METHODS[usize::from(method) % METHODS.len()];
    match what % 16 {
        // The usual life of an allocation: what is asked for makes sense.
        0..6 => {
            let mut asked = message(method, CLASS_REQUEST, transaction);
            asked.add(ATTR_REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
            asked.add(ATTR_CHANNEL_NUMBER, &[0x40, a % 4, 0, 0]);
            asked.add(ATTR_XOR_PEER_ADDRESS, &peer_value(a, 0));
            sign_as(world, who / 240, which % 3, &mut asked);
            world.hear(speaker, &asked.raw);
        }
        // Requests and indications of all sorts, mostly signed.
        6..9 => {
            let is_send = method == METHOD_SEND;
            let class = if is_send { CLASS_INDICATION } else { CLASS_REQUEST };
            let mut asked = message(method, class, transaction);
            for attribute in rest.chunks_exact(4).take(usize::from(b) % 3) {
                add_attribute(&mut asked, attribute.try_into().unwrap());
            }
            add_attribute(&mut asked, [2, 0, a, b % 200]);
            add_attribute(&mut asked, [3, 0, a, b]);
            if c < 230 && !is_send {
                sign_as(world, who / 240, which % 3, &mut asked);
            }
            world.hear(speaker, &asked.raw);
        }
        9..11 => {
            let data = vec![7; usize::from(b)];
            world.hear(speaker, &[&[0x40, a % 4, 0, b][..], &data].concat());
        }
        11..13 => {
            let keys: Vec<_> = world.open.iter().copied().collect();
            let Some(key) = keys.get(usize::from(who) % 3) else { return };
            let peer = SocketAddr::from(([93, 184, 0, a % 4], 0x2112 ^ u16::from(b % 2)));
            let data = vec![1; usize::from(c)];
            world.relay.handle_peer(world.now, *key, peer, &data, &mut world.out);
            world.settle(None, data.len());
        }
        13 => {
            world.now += Duration::from_secs(u64::from(a) * u64::from(b / 64));
            world.relay.handle_timeout(world.now, &mut world.out);
            world.settle(None, 0);
        }
        14 if b < 32 => {
            world.relay.handle_gone(speaker, &mut world.out);
            world.settle(None, 0);
        }
        15 if b < 32 => {
            world.relay.revoke(if a % 2 == 0 { "alice" } else { "bob" }, &mut world.out);
            world.settle(None, 0);
        }
        _ => {}
    }
}

fn sign_as(world: &World, who: u8, which: u8, message: &mut Message) {
    let (name, password) = if who == 0 { ("alice", "a") } else { ("bob", "b") };
    message.add(ATTR_USERNAME, name.as_bytes());
    message.add(ATTR_REALM, REALM.as_bytes());
    message.add(ATTR_NONCE, world.nonces[usize::from(which)].as_bytes());
    let mut covered = message.raw.clone();
    covered[2..4].copy_from_slice(&(message.length as u16 + 24).to_be_bytes());
    let key = Key::new(name, REALM, password);
    let mac = Hmac::<Sha1>::new_from_slice(key.bytes()).unwrap().chain_update(&covered);
    message.add(ATTR_MESSAGE_INTEGRITY, &mac.finalize().into_bytes());
}

#[test]
fn bytes() {
    check!()
        .with_generator(produce::<Vec<u8>>().with().len(0..300_usize))
        .with_iterations(20_000)
        .with_test_time(Duration::from_secs(2))
        .for_each(|bytes: &Vec<u8>| {
            let mut world = World::new();
            world.hear(client(0), bytes);
            // Strangers seldom guess the cookie, the length and a method.
            let body = &bytes[..bytes.len() / 4 * 4];
            for method in METHODS {
                let mut raw = message(method, CLASS_REQUEST, 1).raw;
                if method == METHOD_SEND {
                    raw[1] |= 0x10;
                }
                raw.extend_from_slice(body);
                raw[2..4].copy_from_slice(&(body.len() as u16).to_be_bytes());
                world.hear(client(1), &raw);
            }
        });
}

#[test]
fn lives() {
    check!()
        .with_generator(produce::<Vec<u8>>().with().len(0..1600_usize))
        .with_max_len(4096)
        .with_iterations(2_000)
        .with_test_time(Duration::from_secs(3))
        .for_each(|bytes: &Vec<u8>| {
            let mut world = World::new();
            for bytes in bytes.chunks_exact(16) {
                step(&mut world, bytes.try_into().unwrap());
            }
            // In the end nothing is left.
            world.now += Duration::from_secs(3600);
            world.relay.handle_timeout(world.now, &mut world.out);
            world.settle(None, 0);
            assert_eq!((world.open.len(), world.shared.allocations()), (0, 0));
        });
}
