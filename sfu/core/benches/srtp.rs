//! Sealing and opening a packet: what each forwarded packet costs before the socket.

use beckon_sfu_core::role::Role;
use beckon_sfu_core::srtp::{Profile, Srtp};
use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher};

const HEADER_LEN: usize = 20;
/// A packet of speech and one of video, in each profile.
const CASES: [(Profile, usize); 4] = [
    (Profile::AeadAes128Gcm, 100),
    (Profile::AeadAes128Gcm, 1200),
    (Profile::AesCm128HmacSha1_80, 100),
    (Profile::AesCm128HmacSha1_80, 1200),
];

/// Packets that are opened once each, since the second time would be a replay.
const BATCH: u16 = 1000;

/// Shows a line of allocations where there are any.
#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn srtp(profile: Profile, role: Role) -> Srtp {
    let material = vec![7; profile.material_len()];
    Srtp::new(profile, &material, role).expect("the length is the profile's")
}

/// With an extension of one word.
fn rtp(sequence: u16, len: usize) -> Vec<u8> {
    let mut packet = vec![0x90, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0]);
    packet.resize(len, 5);
    packet
}

#[divan::bench(args = CASES)]
fn seal(bencher: Bencher<'_, '_>, (profile, len): (Profile, usize)) {
    let mut sealer = srtp(profile, Role::Client).sealer;
    let packet = rtp(1, len);
    let mut train = Vec::with_capacity(2 * len);
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        train.clear();
        train.extend_from_slice(&packet);
        sealer.seal_rtp(&mut train, 0, HEADER_LEN, 0);
    });
}

#[divan::bench(args = CASES)]
fn open_1000(bencher: Bencher<'_, '_>, (profile, len): (Profile, usize)) {
    let mut sealer = srtp(profile, Role::Client).sealer;
    let mut sealed = |sequence| {
        let mut packet = rtp(sequence, len);
        sealer.seal_rtp(&mut packet, 0, HEADER_LEN, 0);
        packet
    };
    let packets: Vec<Vec<u8>> = (0..BATCH).map(&mut sealed).collect();
    let fresh = || (srtp(profile, Role::Server).opener, packets.clone());
    let bytes = BytesCount::new(len * usize::from(BATCH));
    bencher.counter(bytes).with_inputs(fresh).bench_local_refs(|(opener, packets)| {
        for packet in packets {
            opener.open_rtp(packet).expect("the packet is authentic and new");
        }
    });
}
