//! What it costs to find out whose datagram this is: `cargo bench -p beckon-sfu-core --bench demux`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use beckon_sfu_core::demux::{Demux, Owner, RoomKey, Side, classify};
use beckon_sfu_core::keys::ParticipantKey;
use divan::{Bencher, black_box};
use slotmap::SlotMap;

const CONNECTIONS: u16 = 1000;

fn main() {
    divan::main();
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 10_000 + port).into()
}

fn demux() -> Demux {
    let room = SlotMap::<RoomKey, ()>::with_key().insert(());
    let mut participants = SlotMap::<ParticipantKey, ()>::with_key();
    let (mut demux, now) = (Demux::default(), Instant::now());
    for at in 0..CONNECTIONS {
        let participant = participants.insert(());
        demux.learn(now, address(at), Owner { room, participant, side: Side::Publisher });
    }
    demux
}

/// Media from one of a thousand connections.
#[divan::bench]
fn known(bencher: Bencher<'_, '_>) {
    let demux = demux();
    let datagram = [0x80, 96, 0, 1];
    let mut port = 0;
    bencher.bench_local(|| {
        port = (port + 7) % CONNECTIONS;
        (classify(black_box(&datagram)), demux.by_address(&address(port)))
    });
}

/// Media from nobody we know.
#[divan::bench]
fn stranger(bencher: Bencher<'_, '_>) {
    let demux = demux();
    let datagram = [0x80, 96, 0, 1];
    bencher.bench_local(|| {
        (classify(black_box(&datagram)), demux.by_address(black_box(&address(CONNECTIONS + 1))))
    });
}
