//! What clients and strangers weigh. Memory is the process's, so this test has one of its own.

use std::net::{SocketAddr, UdpSocket};

use beckon_load::turn::TurnClient;
use beckon_turn_server::{Config, Credentials, Limits, start};

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

/// Somebody with an allocation.
fn allocate(server: SocketAddr) -> TurnClient {
    let mut caller = TurnClient::connect(server, "alice", "a").unwrap();
    caller.allocate().unwrap();
    caller
}

/// Unauthenticated requests from ever new addresses of another network.
fn flood(server: SocketAddr, count: usize) {
    for part in 0..count.div_ceil(100) {
        let ip = [127, 1, (part >> 8) as u8, part as u8];
        let socket = UdpSocket::bind(SocketAddr::from((ip, 0))).unwrap();
        for _ in 0..100 {
            let _ = socket.send_to(&TurnClient::forged_request(), server);
        }
    }
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<usize>().unwrap() * 1024
}
