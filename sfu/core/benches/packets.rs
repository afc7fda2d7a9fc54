//! What reading, describing and writing one packet costs: `cargo bench -p beckon-sfu-core --bench packets`.

use beckon_sfu_api::Codec;
use beckon_sfu_core::codec::describe;
use beckon_sfu_core::rtp::{self, Fields, Header};
use divan::{AllocProfiler, Bencher, black_box};

/// Shows that none of this allocates.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const TRANSPORT_CC: u8 = 5;

fn main() {
    divan::main();
}

/// Video of the usual size with four extensions, as Chromium's simulcast has it.
fn packet() -> Vec<u8> {
    let fields = Fields { marker: false, payload_type: 96, sequence: 1, timestamp: 2, ssrc: 3 };
    let extensions: [(u8, &[u8]); 4] = [(4, b"1"), (TRANSPORT_CC, &[0, 7]), (10, b"q"), (13, &[0])];
    let mut payload = vec![0x55; 1100];
    payload[..7].copy_from_slice(&[0x90, 0xe0, 0x9a, 0xbc, 0x42, 0x20, 0x10]);
    let mut out = Vec::new();
    rtp::write(&mut out, &fields, extensions.into_iter(), &payload, 0);
    out
}

#[divan::bench]
fn read_header(bencher: Bencher<'_, '_>) {
    let packet = packet();
    bencher.bench_local(|| Header::read(black_box(&packet)));
}

#[divan::bench(args = [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1])]
fn describe_payload(bencher: Bencher<'_, '_>, codec: &Codec) {
    let packet = packet();
    let header = Header::read(&packet).unwrap();
    bencher.bench_local(|| describe(*codec, black_box(header.payload(&packet)), None));
}

/// A train of packets into one buffer, as they go to a subscriber.
#[divan::bench]
fn write(bencher: Bencher<'_, '_>) {
    let packet = packet();
    let header = Header::read(&packet).unwrap();
    let mut out = Vec::with_capacity(2048);
    bencher.bench_local(|| forward(black_box(&packet), &header, &mut out));
}

/// All that is done to a packet here for one subscriber.
#[divan::bench]
fn read_describe_and_write(bencher: Bencher<'_, '_>) {
    let packet = packet();
    let mut out = Vec::with_capacity(2048);
    bencher.bench_local(|| {
        let packet = black_box(&packet);
        let header = Header::read(packet).unwrap();
        let info = describe(Codec::Vp8, header.payload(packet), None);
        (info, forward(packet, &header, &mut out))
    });
}

fn forward(packet: &[u8], header: &Header, out: &mut Vec<u8>) -> usize {
    let Header { marker, timestamp, ssrc, .. } = *header;
    let fields = Fields { marker, payload_type: 120, sequence: 7, timestamp, ssrc };
    let own: [(u8, &[u8]); 1] = [(TRANSPORT_CC, &[1, 2])];
    let passed = header.extension(packet, 13).map(|data| (6, data));
    out.clear();
    rtp::write(out, &fields, own.into_iter().chain(passed), header.payload(packet), 16)
}
