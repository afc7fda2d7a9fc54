//! What clients and strangers weigh. Memory is the process's, so this test has one of its own.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use beckon_turn_server::{Config, Credentials, Key, Limits, start};
use hmac::{Hmac, KeyInit, Mac};
use rtc_stun::attributes::*;
use rtc_stun::message::*;
use sha1::Sha1;

const CLIENTS: usize = 300;
/// Kernel memory, which is not counted here, comes on top.
const ALLOCATION_BYTES_MAX: usize = 8 << 10;
const FLOOD: usize = 60_000;
const FLOOD_BYTES_MAX: usize = 1 << 20;

#[test]
fn clients_weigh_little_and_strangers_nothing() {
    let server = start(Config {
        udp: vec!["127.0.0.1:0".parse().unwrap()],
        credentials: Credentials::new("r", Vec::new(), [("alice", "a")]),
        limits: Limits { allocations_per_user: CLIENTS + 1, ..Limits::default() },
        threads: 2,
        ..Config::default()
    })
    .unwrap();
    let address = server.addresses()[0];

    let first = allocate(address);
    flood(address, 5_000);
    let before = resident_bytes();
    flood(address, FLOOD);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown <= FLOOD_BYTES_MAX, "{FLOOD} strangers weigh {grown} bytes");
    assert_eq!(server.allocations(), 1, "the client is still there");

    let before = resident_bytes();
    let clients: Vec<_> = (0..CLIENTS).map(|_| allocate(address)).collect();
    let grown = resident_bytes().saturating_sub(before) / CLIENTS;
    assert!(grown <= ALLOCATION_BYTES_MAX, "an allocation weighs {grown} bytes");
    assert_eq!(server.allocations(), CLIENTS + 1);
    drop((first, clients));
}

/// A socket with an allocation.
fn allocate(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let challenge = exchange(&socket, &allocate_request());
    let mut request = allocate_request();
    request.add(ATTR_USERNAME, b"alice");
    request.add(ATTR_REALM, b"r");
    request.add(ATTR_NONCE, &challenge.get(ATTR_NONCE).unwrap());
    let mut covered = request.raw.clone();
    covered[2..4].copy_from_slice(&(request.length as u16 + 24).to_be_bytes());
    let key = Key::new("alice", "r", "a");
    let mac = Hmac::<Sha1>::new_from_slice(key.bytes()).unwrap().chain_update(&covered);
    request.add(ATTR_MESSAGE_INTEGRITY, &mac.finalize().into_bytes());
    assert_eq!(exchange(&socket, &request).typ.class, CLASS_SUCCESS_RESPONSE);
    socket
}

fn allocate_request() -> Message {
    let mut message = Message::new();
    message.set_type(MessageType::new(METHOD_ALLOCATE, CLASS_REQUEST));
    message.write_header();
    message.new_transaction_id().unwrap();
    message.add(ATTR_REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
    message
}

fn exchange(socket: &UdpSocket, request: &Message) -> Message {
    let mut buffer = [0; 2000];
    socket.send(&request.raw).unwrap();
    let len = socket.recv(&mut buffer).unwrap();
    let mut answer = Message::new();
    answer.unmarshal_binary(&buffer[..len]).unwrap();
    answer
}

/// Unauthenticated requests from ever new addresses of another network.
fn flood(server: SocketAddr, count: usize) {
    for part in 0..count.div_ceil(100) {
        let ip = [127, 1, (part >> 8) as u8, part as u8];
        let socket = UdpSocket::bind(SocketAddr::from((ip, 0))).unwrap();
        for _ in 0..100 {
            let _ = socket.send_to(&allocate_request().raw, server);
        }
    }
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<usize>().unwrap() * 1024
}
