use std::collections::VecDeque;
use std::time::Instant;

use beckon_sfu_api::DataKind;
use bytes::Bytes;
use proptest::prelude::*;

use super::{Channels, MESSAGE_LEN_MAX, STREAMS_MAX};
use crate::role::Role;
use crate::stats::DataError;
use crate::transport::TransportEvent;
use crate::transport::dcep::Open;

/// Payload protocols (RFC 8831, 8).
const DCEP: u32 = 50;
const BINARY: u32 = 53;
const STRING_EMPTY: u32 = 56;
const BINARY_EMPTY: u32 = 57;
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

/// A peer whose packets are written by hand, with both channels open: the reliable one is stream 0.
struct Peer {
    channels: Channels,
    events: VecDeque<TransportEvent>,
    now: Instant,
    tag: u32,
    tsn: u32,
}

impl Peer {
    fn counting_from(first: u32) -> Peer {
        let channels = Channels::new(Role::Server);
        let now = Instant::now();
        let mut peer = Peer { channels, events: VecDeque::new(), now, tag: 0, tsn: first };
        // tag, window, streams out and in, number of the first message
        let init = [[0, 0, 0, 1], [0, 2, 0, 0], [0, 64, 0, 64], first.to_be_bytes()].concat();
        let init_ack = peer.says(packet(0, INIT, &init)).remove(0);
        let (tag, cookie) = invitation(&init_ack);
        peer.tag = tag;
        peer.says(packet(tag, COOKIE_ECHO, cookie));
        for (stream, kind) in [(0, DataKind::Reliable), (2, DataKind::Lossy)] {
            let open = peer.data(3, (stream, 0), DCEP, &Open::of(kind).write());
            assert!(!peer.says(open).is_empty());
        }
        peer
    }

    /// Returns what is answered.
    fn says(&mut self, packet: Bytes) -> Vec<Bytes> {
        self.channels.handle(self.now, packet, &mut self.events);
        std::iter::from_fn(|| self.channels.poll_transmit(self.now)).collect()
    }

    /// The next DATA chunk, as a packet.
    fn data(&mut self, flags: u8, (stream, ssn): (u16, u16), protocol: u32, data: &[u8]) -> Bytes {
        let mut value = self.tsn.to_be_bytes().to_vec();
        self.tsn = self.tsn.wrapping_add(1);
        value.extend([stream, ssn].map(u16::to_be_bytes).concat());
        value.extend(protocol.to_be_bytes());
        value.extend(data);
        packet(self.tag, [0, flags], &value)
    }

    /// A message in pieces of these sizes, repeated until it is through.
    fn message(
        &mut self,
        ssn: u16,
        message: &[u8],
        mut sizes: impl Iterator<Item = usize>,
    ) -> Vec<Bytes> {
        let mut packets = Vec::new();
        let mut at = 0;
        while at < message.len() {
            let end = (at + sizes.next().unwrap_or(1)).min(message.len());
            let flags = u8::from(end == message.len()) | u8::from(at == 0) << 1;
            packets.push(self.data(flags, (0, ssn), BINARY, &message[at..end]));
            at = end;
        }
        packets
    }

    fn heard(&self) -> Vec<Bytes> {
        let data = |event: &TransportEvent| match event {
            TransportEvent::Data { payload, .. } => Some(payload.clone()),
            _ => None,
        };
        self.events.iter().filter_map(data).collect()
    }

    fn lost(&self) -> usize {
        let is_lost = |event: &&TransportEvent| matches!(event, TransportEvent::ChannelsLost(_));
        self.events.iter().filter(is_lost).count()
    }
}

/// The numbers wrap, also in builds that check for overflow.
#[test]
fn a_peer_may_begin_to_count_anywhere() {
    for first in [0, 1, u32::MAX - 1, u32::MAX] {
        let peer = Peer::counting_from(first);
        assert!(matches!(peer.events.front(), Some(TransportEvent::ChannelsOpen)), "from {first}");
    }
}

/// Browsers make small fragments when their congestion window runs out; RFC 9260 allows any but empty ones.
#[test]
fn messages_arrive_in_fragments_of_whatever_sizes() {
    for sizes in [&[1][..], &[190, 6], &[7, 1000], &[195, 1], &[3, 2, 1, 50]] {
        let mut peer = Peer::counting_from(1);
        let messages: Vec<Vec<u8>> = (0..200).map(|n| vec![n; 196]).collect();
        for (ssn, message) in (1..).zip(&messages) {
            for packet in peer.message(ssn, message, sizes.iter().copied().cycle()) {
                peer.says(packet);
            }
        }
        assert!(peer.heard() == messages, "in pieces of {sizes:?}");
        assert_eq!(peer.lost(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn messages_arrive_whatever_the_network_does(
        messages in prop::collection::vec((1..3000_usize, 1..400_usize), 1..30),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..400),
    ) {
        let mut peer = Peer::counting_from(u32::MAX - 20);
        let mut waiting = Vec::new();
        for (ssn, (len, size)) in (1..).zip(&messages) {
            // Whatever falls between two sizes, so that the last piece is a small one.
            let size = (*size).max(len / 40).max(1);
            waiting.extend(peer.message(ssn, &vec![ssn as u8; *len], std::iter::repeat(size)));
        }
        // Reordered within what is under way, and some of it twice.
        for at in order.iter().cycle() {
            if waiting.is_empty() {
                break;
            }
            let at = at.index(waiting.len().min(50));
            let packet = waiting.remove(at);
            peer.says(packet.clone());
            if at % 5 == 0 {
                peer.says(packet);
            }
        }
        let heard: Vec<usize> = peer.heard().iter().map(Bytes::len).collect();
        let sent: Vec<usize> = messages.iter().map(|(len, _)| *len).collect();
        prop_assert_eq!(heard, sent);
        prop_assert_eq!(peer.lost(), 0);
    }
}

#[test]
fn an_empty_message_arrives() {
    let mut peer = Peer::counting_from(1);
    for (ssn, protocol) in [(1, BINARY_EMPTY), (2, STRING_EMPTY)] {
        let packet = peer.data(3, (0, ssn), protocol, &[0]);
        peer.says(packet);
    }
    assert_eq!(peer.heard(), [Bytes::new(), Bytes::new()]);
}

#[test]
fn what_goes_nowhere_is_told() {
    let mut peer = Peer::counting_from(1);
    let large = vec![1; MESSAGE_LEN_MAX + 1];
    for packet in peer.message(1, &large, std::iter::repeat(1100)) {
        peer.says(packet);
    }
    let on_no_channel = peer.data(3, (7, 0), BINARY, b"x");
    peer.says(on_no_channel);
    let undelivered = |event: &TransportEvent| match event {
        TransportEvent::Undelivered(why) => Some(*why),
        _ => None,
    };
    let told: Vec<_> = peer.events.iter().filter_map(undelivered).collect();
    assert_eq!(told, [DataError::TooLarge, DataError::Unknown]);
    assert_eq!(peer.lost(), 0);
}

#[test]
fn a_flood_ends_the_association_and_says_so_once() {
    let no_data = |peer: &mut Peer| peer.data(3, (0, 0), BINARY, &[]);
    let skip = |peer: &mut Peer| packet(peer.tag, [192, 0], &(peer.tsn + (1 << 30)).to_be_bytes());
    for flood in [no_data as fn(&mut Peer) -> Bytes, skip] {
        let mut peer = Peer::counting_from(1);
        let packet = flood(&mut peer);
        let answer = peer.says(packet.clone());
        assert_eq!(answer.last().map(|abort| abort[12]), Some(6), "an ABORT");
        peer.says(packet);
        assert_eq!(peer.lost(), 1);
        let init = [[0, 0, 0, 1], [0, 2, 0, 0], [0, 64, 0, 64], [0, 0, 0, 1]].concat();
        assert!(peer.says(self::packet(0, INIT, &init)).is_empty(), "no other");
    }
}

#[test]
fn too_many_channels_end_the_association() {
    let mut peer = Peer::counting_from(1);
    for stream in (4..STREAMS_MAX as u16 * 2).step_by(2) {
        let open = peer.data(3, (stream, 0), DCEP, &Open::of(DataKind::Lossy).write());
        peer.says(open);
    }
    assert_eq!(peer.lost(), 0);
    let open = peer.data(3, (1, 0), DCEP, &Open::of(DataKind::Lossy).write());
    peer.says(open);
    assert_eq!(peer.lost(), 1);
}

#[test]
fn an_association_that_breaks_is_told_and_one_that_is_closed_is_not() {
    let causes: [(&[u8], usize); 3] = [(&[0, 13, 0, 4], 1), (&[0, 12, 0, 4], 0), (&[], 0)];
    for (cause, lost) in causes {
        let mut peer = Peer::counting_from(1);
        peer.says(packet(peer.tag, [6, 0], cause));
        assert_eq!(peer.lost(), lost, "{cause:?}");
    }
    // An acknowledgement of what was never sent.
    let mut peer = Peer::counting_from(1);
    peer.says(packet(peer.tag, [3, 0], &[[9, 9, 9, 9], [0, 2, 0, 0], [0; 4]].concat()));
    let survived = peer.lost() == 0;
    let message = peer.data(3, (0, 1), BINARY, b"still here");
    peer.says(message);
    assert_eq!(peer.heard().len(), usize::from(survived), "alive, or told");
}
