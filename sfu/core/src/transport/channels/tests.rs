use std::collections::VecDeque;
use std::time::Instant;

use beckon_sfu_api::DataKind;
use bytes::Bytes;

use super::Channels;
use crate::transport::dcep::Open;
use crate::transport::{Role, TransportEvent};

const DATA: [u8; 2] = [0, 3];
const INIT: [u8; 2] = [1, 0];
const COOKIE_ECHO: [u8; 2] = [10, 0];
/// The parameter of an INIT ACK with the cookie (RFC 9260, 3.3.3.1).
const COOKIE: [u8; 2] = [0, 7];

/// A packet of one chunk, from port 5000 to port 5000.
fn packet(tag: u32, chunk: [u8; 2], value: &[u8]) -> Bytes {
    let mut packet = [[0x13, 0x88, 0x13, 0x88], tag.to_be_bytes(), [0; 4]].concat();
    packet.extend(chunk);
    packet.extend((value.len() as u16 + 4).to_be_bytes());
    packet.extend(value);
    packet.resize(packet.len().next_multiple_of(4), 0);
    let checksum = crc32c(&packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet.into()
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

/// Our tag and the cookie in our INIT ACK.
fn invitation(init_ack: &[u8]) -> (u32, &[u8]) {
    let tag = u32::from_be_bytes(init_ack[16..20].try_into().unwrap());
    let at = init_ack.windows(2).skip(32).position(|kind| kind == COOKIE).unwrap() + 32;
    let len = u16::from_be_bytes([init_ack[at + 2], init_ack[at + 3]]);
    (tag, &init_ack[at + 4..at + usize::from(len)])
}

/// The numbers wrap, also in builds that check for overflow.
#[test]
fn a_peer_may_begin_to_count_anywhere() {
    let now = Instant::now();
    for first in [0, 1, u32::MAX - 1, u32::MAX] {
        let (mut channels, mut events) = (Channels::new(Role::Server), VecDeque::new());
        let mut say = |packet| {
            channels.handle(now, packet, &mut events);
            channels.poll_transmit(now).expect("an answer")
        };
        // tag, window, streams out and in, number of the first message
        let init = [[0, 0, 0, 1], [0, 2, 0, 0], [0, 64, 0, 64], first.to_be_bytes()].concat();
        let init_ack = say(packet(0, INIT, &init));
        let (tag, cookie) = invitation(&init_ack);
        say(packet(tag, COOKIE_ECHO, cookie));
        for (n, kind) in [(0, DataKind::Reliable), (1, DataKind::Lossy)] {
            let stream = [0, n as u8 * 2, 0, 0];
            let header = [first.wrapping_add(n).to_be_bytes(), stream, [0, 0, 0, 50]].concat();
            say(packet(tag, DATA, &[header, Open::of(kind).write()].concat()));
        }
        assert!(matches!(events.front(), Some(TransportEvent::ChannelsOpen)), "from {first}");
    }
}
