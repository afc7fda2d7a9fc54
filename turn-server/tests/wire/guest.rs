//! Somebody who talks to a running server, over a real socket.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use beckon_turn_server::{Client, Config, Credentials, Door, Key, PeerPolicy, To, Turn, start};
use rtc_stun::attributes::*;
use rtc_stun::message::*;

use crate::ask::{Answer, Ask};
use crate::stage::{REALM, at};

/// Nothing on this machine takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn config(udp: &[&str]) -> Config {
    Config {
        udp: udp.iter().map(|address| at(address)).collect(),
        credentials: Credentials::new(REALM, Vec::new(), [("alice", "a"), ("bob", "b")]),
        peers: PeerPolicy {
            allow: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            ..PeerPolicy::default()
        },
        threads: 2,
        ..Config::default()
    }
}

/// A server on this machine, whose clients may reach this machine.
pub(crate) fn server() -> Turn {
    start(config(&["127.0.0.1:0"])).unwrap()
}

/// A client's socket, and what it knows of the server.
pub(crate) struct Guest {
    pub(crate) socket: UdpSocket,
    name: String,
    password: String,
    nonce: String,
}

impl Guest {
    pub(crate) fn alice(server: SocketAddr) -> Guest {
        Guest::named("alice", "a", server)
    }

    pub(crate) fn bob(server: SocketAddr) -> Guest {
        Guest::named("bob", "b", server)
    }

    pub(crate) fn named(name: &str, password: &str, server: SocketAddr) -> Guest {
        let socket = peer(server.ip());
        socket.connect(server).unwrap();
        let (name, password) = (name.to_owned(), password.to_owned());
        let mut guest = Guest { socket, name, password, nonce: String::new() };
        guest.nonce = guest.exchange(&Ask::allocate().unsigned()).text(ATTR_NONCE);
        guest
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(&self.name, REALM, &self.password)
    }

    pub(crate) fn signed(&self, ask: Ask) -> Vec<u8> {
        signed(ask, &self.name, &self.password, &self.nonce)
    }

    pub(crate) fn asks(&self, ask: Ask) -> Answer {
        let answer = self.exchange(&self.signed(ask));
        assert!(answer.is_signed_with(self.key().bytes()));
        answer
    }

    pub(crate) fn allocates(&self) -> SocketAddr {
        self.asks(Ask::allocate()).success().address(ATTR_XOR_RELAYED_ADDRESS)
    }

    pub(crate) fn exchange(&self, bytes: &[u8]) -> Answer {
        self.socket.send(bytes).unwrap();
        let client =
            Client { address: self.socket.local_addr().unwrap(), door: Door::Udp(0, None) };
        Answer::only(&vec![(To::Client(client), receive(&self.socket).0)])
    }
}

pub(crate) fn signed(ask: Ask, name: &str, password: &str, nonce: &str) -> Vec<u8> {
    ask.text(ATTR_USERNAME, name)
        .text(ATTR_REALM, REALM)
        .text(ATTR_NONCE, nonce)
        .signed(Key::new(name, REALM, password).bytes())
}

/// A peer's socket on this machine.
pub(crate) fn peer(ip: std::net::IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

pub(crate) fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (len, from) = socket.recv_from(&mut buffer).expect("nothing came");
    buffer.truncate(len);
    (buffer, from)
}

/// The data of a Data indication.
pub(crate) fn indicated(bytes: &[u8]) -> Vec<u8> {
    let mut message = Message::new();
    message.unmarshal_binary(bytes).unwrap();
    assert_eq!(message.typ, MessageType::new(METHOD_DATA, CLASS_INDICATION));
    message.get(ATTR_DATA).unwrap()
}
