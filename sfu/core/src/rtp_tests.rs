use proptest::prelude::*;

use super::*;

/// VP8 from Chromium: one-byte extensions twcc (id 5), mid (id 4) and rid (id 10).
const CHROMIUM: [u8; 36] = [
    0x90, 0xe0, 0x3a, 0x01, 0x10, 0x20, 0x30, 0x40, 0xde, 0xad, 0xbe, 0xef, // fixed
    0xbe, 0xde, 0x00, 0x02, 0x51, 0x00, 0x07, 0x40, 0x31, 0xa0, 0x71, 0x00, // block
    0x90, 0x80, 0x80, 0x01, 0x30, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00, // payload
];

const FIELDS: Fields = Fields {
    marker: true,
    payload_type: 96,
    sequence: 0xfffe,
    timestamp: 0x0102_0304,
    ssrc: 0xcafe_f00d,
};

fn written(extensions: &[(u8, &[u8])], payload: &[u8], multiple: usize) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, &FIELDS, extensions.iter().copied(), payload, multiple);
    out
}

/// A packet with only an extension block of that profile.
fn with_block(profile: u16, elements: &[u8]) -> Vec<u8> {
    let mut packet = written(&[], &[], 0);
    packet[0] |= EXTENSION;
    packet.extend_from_slice(&profile.to_be_bytes());
    packet.extend_from_slice(&((elements.len() / 4) as u16).to_be_bytes());
    packet.extend_from_slice(elements);
    packet
}

#[test]
fn a_browsers_packet_is_read() {
    let header = Header::read(&CHROMIUM).unwrap();
    assert!(header.marker);
    assert_eq!((header.payload_type, header.sequence), (96, 0x3a01));
    assert_eq!((header.timestamp, header.ssrc), (0x1020_3040, 0xdead_beef));
    assert_eq!(header.extension(&CHROMIUM, 5), Some(&[0, 7][..]));
    assert_eq!(header.extension(&CHROMIUM, 4), Some(&b"1"[..]));
    assert_eq!(header.extension(&CHROMIUM, 10), Some(&b"q"[..]));
    assert_eq!(header.extension(&CHROMIUM, 3), None);
    assert_eq!(header.extension(&CHROMIUM, 200), None);
    assert_eq!(header.payload(&CHROMIUM), &CHROMIUM[24..]);
    assert_eq!(header.payload_start(), 24);
}

#[test]
fn csrcs_stand_before_the_extensions() {
    let mut packet = CHROMIUM.to_vec();
    packet[0] |= 2;
    packet.splice(12..12, [1, 2, 3, 4, 5, 6, 7, 8]);
    let header = Header::read(&packet).unwrap();
    assert_eq!(header.extension(&packet, 10), Some(&b"q"[..]));
    assert_eq!(header.payload(&packet), &CHROMIUM[24..]);
}

#[test]
fn a_packet_cut_in_its_header_is_refused() {
    for len in 0..24 {
        assert_eq!(Header::read(&CHROMIUM[..len]), None, "{len} bytes");
    }
    assert!(Header::read(&CHROMIUM[..24]).unwrap().payload(&CHROMIUM[..24]).is_empty());
    let mut other_version = CHROMIUM;
    other_version[0] = 0x50;
    assert_eq!(Header::read(&other_version), None);
}

#[test]
fn padding_is_no_payload() {
    let packet = written(&[], &[7; 5], 16);
    assert_eq!(packet.len(), 32);
    assert_eq!(Header::read(&packet).unwrap().payload(&packet), &[7; 5]);
    let only_padding = written(&[], &[], 16);
    assert_eq!(Header::read(&only_padding).unwrap().payload(&only_padding), b"");
    assert_eq!(written(&[], &[7; 4], 16).len(), 16, "nothing to pad");
}

#[test]
fn padding_beyond_the_packet_is_refused() {
    let mut packet = written(&[], &[1, 2, 3, 5], 0);
    packet[0] |= PADDING;
    assert_eq!(Header::read(&packet), None, "five of four bytes");
    *packet.last_mut().unwrap() = 0;
    assert_eq!(Header::read(&packet), None, "padding that does not count itself");
    packet.truncate(12);
    assert_eq!(Header::read(&packet), None, "no byte to count it");
}

#[test]
fn long_or_empty_elements_take_the_two_byte_form() {
    let packet = written(&[(1, &[9; 17]), (14, b"")], b"x", 0);
    assert_eq!(packet[12..14], [0x10, 0x00]);
    let header = Header::read(&packet).unwrap();
    assert_eq!(header.extension(&packet, 1), Some(&[9; 17][..]));
    assert_eq!(header.extension(&packet, 14), Some(&b""[..]));
    assert_eq!(header.payload(&packet), b"x");
}

#[test]
fn elements_that_no_form_carries_are_left_out() {
    let packet = written(&[(0, b"0"), (1, &[0; 256])], b"x", 0);
    assert_eq!(packet.len(), 13);
    assert_eq!(packet[0] & EXTENSION, 0);
}

#[test]
fn ids_above_fourteen_take_the_two_byte_form() {
    let packet = written(&[(3, &[0, 7]), (15, b"1"), (16, b"q"), (255, b"")], b"x", 0);
    assert_eq!(packet[12..14], [0x10, 0x00]);
    let header = Header::read(&packet).unwrap();
    for (id, data) in [(3, &[0, 7][..]), (15, b"1"), (16, b"q"), (255, b"")] {
        assert_eq!(header.extension(&packet, id), Some(data), "{id}");
    }
    assert_eq!(header.extension(&packet, 17), None);
    let twice = with_block(TWO_BYTE, &[16, 1, 7, 0, 16, 1, 8, 0]);
    assert_eq!(Header::read(&twice).unwrap().extension(&twice, 16), Some(&[8][..]));
    let cut = with_block(TWO_BYTE, &[16, 1, 7, 0, 17, 9, 8, 0]);
    let header = Header::read(&cut).unwrap();
    assert_eq!((header.extension(&cut, 16), header.extension(&cut, 17)), (Some(&[7][..]), None));
}

#[test]
fn a_broken_element_ends_the_block_but_not_the_packet() {
    let reserved = with_block(ONE_BYTE, &[0x10, 7, 0xf0, 1, 0x20, 8, 0, 0]);
    let header = Header::read(&reserved).unwrap();
    assert_eq!(header.extension(&reserved, 1), Some(&[7][..]));
    assert_eq!(header.extension(&reserved, 2), None, "after id 15");
    let too_long = with_block(ONE_BYTE, &[0x10, 7, 0x2f, 1]);
    let header = Header::read(&too_long).unwrap();
    assert_eq!(header.extension(&too_long, 1), Some(&[7][..]));
    assert_eq!(header.extension(&too_long, 2), None);
    let cut = with_block(TWO_BYTE, &[0, 0, 0, 3]);
    assert_eq!(Header::read(&cut).unwrap().extension(&cut, 3), None);
}

#[test]
fn a_foreign_profile_is_skipped() {
    let packet = with_block(0x1234, &[0x10, 7, 0, 0]);
    assert_eq!(Header::read(&packet).unwrap().extension(&packet, 1), None);
    let with_application_bits = with_block(TWO_BYTE | 5, &[1, 2, 3, 4]);
    let header = Header::read(&with_application_bits).unwrap();
    assert_eq!(header.extension(&with_application_bits, 1), Some(&[3, 4][..]));
}

#[test]
fn rtcp_is_told_by_its_second_byte() {
    for packet_type in [200, 201, 205, 206, 207] {
        assert!(is_rtcp(&[0x80, packet_type, 0, 0]));
    }
    assert!(!is_rtcp(&CHROMIUM), "VP8 with a marker");
    assert!(!is_rtcp(&[0x80, 111]), "Opus");
    assert!(!is_rtcp(&[0, 200]) && !is_rtcp(&[0x80]) && !is_rtcp(&[]));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32,
        extensions in prop::collection::btree_map(prop_oneof![1u8..=14, 1u8..=255], prop::collection::vec(any::<u8>(), 0..40), 0..6),
        payload in prop::collection::vec(any::<u8>(), 0..1300),
        multiple in 0usize..257,
        before in 0usize..50,
    ) {
        let fields = Fields { marker, payload_type, sequence, timestamp, ssrc };
        let mut out = vec![0xaa; before];
        let elements = extensions.iter().map(|(id, data)| (*id, data.as_slice()));
        let header_len = write(&mut out, &fields, elements, &payload, multiple);
        let packet = &out[before..];
        let header = Header::read(packet).unwrap();
        let Header { marker, payload_type, sequence, timestamp, ssrc, .. } = header;
        prop_assert_eq!(Fields { marker, payload_type, sequence, timestamp, ssrc }, fields);
        prop_assert_eq!((header.payload_start(), super::header_len(packet)), (header_len, Some(header_len)));
        prop_assert_eq!(header.payload(packet), &payload[..]);
        prop_assert!(multiple < 2 || packet.len() % multiple == 0);
        for id in 0..=255 {
            prop_assert_eq!(header.extension(packet, id), extensions.get(&id).map(Vec::as_slice));
        }
    }
}
