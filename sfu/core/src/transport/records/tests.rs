//! What reaches the endpoint, and how much.

use super::*;

/// A record in the clear or sealed, with one handshake fragment.
fn record(epoch: u8, message_len: usize, offset: usize, len: usize) -> Vec<u8> {
    let u24 = |value: usize| (value as u32).to_be_bytes().into_iter().skip(1);
    let mut record = vec![HANDSHAKE, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 0];
    record.extend((FRAGMENT_HEADER_LEN as u16 + len as u16).to_be_bytes());
    record.push(1);
    record.extend(u24(message_len));
    record.extend([0, 0]);
    record.extend(u24(offset));
    record.extend(u24(len));
    record.resize(record.len() + len, 7);
    record
}

#[test]
fn fragments_that_keep_to_their_message_are_admitted() {
    let mut gate = RecordGate::default();
    let flight = [record(0, 100, 0, 60), record(0, 100, 60, 40), record(0, 0, 0, 0)].concat();
    assert_eq!(gate.admit(&flight, false), Ok(()));
    assert_eq!(gate.admit(&record(1, 40, 0, 40), false), Ok(()));
}

#[test]
fn fragments_that_break_a_bound_are_refused() {
    let too_long = MESSAGE_LEN_MAX + 1;
    let broken = [(100, 60, 41), (100, 0, 0), (too_long, 0, 10), (10, 0xff_ffff, 1)];
    for (message_len, offset, len) in broken {
        let datagram = record(0, message_len, offset, len);
        assert_eq!(RecordGate::default().admit(&datagram, false), Err(Discard::Malformed));
    }
    let whole = record(0, 100, 0, 100);
    for len in 1..whole.len() {
        assert_eq!(RecordGate::default().admit(&whole[..len], false), Err(Discard::Malformed));
    }
}

#[test]
fn a_connection_has_a_number_of_fragments_before_and_after_its_handshake() {
    let crumb = record(0, 1000, 0, 1);
    let flood: Vec<u8> = std::iter::repeat_n(crumb, 40).flatten().collect();
    for is_secure in [false, true] {
        let mut gate = RecordGate::default();
        let admitted = (0..100).take_while(|_| gate.admit(&flood, is_secure).is_ok()).count();
        assert_eq!(admitted, FRAGMENTS_MAX / 40);
    }
}

#[test]
fn a_handshake_has_a_number_of_datagrams() {
    let mut gate = RecordGate::default();
    let sealed_data = [23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    let early = (0..1000).take_while(|_| gate.admit(&sealed_data, false).is_ok()).count();
    assert_eq!(early, DATAGRAMS_MAX);

    let mut gate = RecordGate::default();
    assert!((0..1000).all(|_| gate.admit(&sealed_data, true).is_ok()), "data is free");
}

#[test]
fn sealed_handshake_records_are_few_and_short() {
    let mut gate = RecordGate::default();
    let finished = record(1, 12, 0, 12);
    let admitted = (0..1000).take_while(|_| gate.admit(&finished, true).is_ok()).count();
    assert_eq!(admitted, SEALED_HANDSHAKES_MAX);
    let long = record(1, 1000, 0, 200);
    assert_eq!(RecordGate::default().admit(&long, true), Err(Discard::TooMany));
}
