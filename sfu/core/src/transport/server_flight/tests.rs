//! Flights of a server as they arrive: cut, out of order, twice, and cut elsewhere the second time.

use super::*;

const CERTIFICATE: u8 = 11;

/// A message without meaning.
fn message(message_type: u8, sequence: u16, len: usize) -> HandshakeMessage {
    HandshakeMessage { message_type, sequence, body: (0..len).map(|at| at as u8).collect() }
}

fn flight(first: u16) -> Vec<HandshakeMessage> {
    let types = [SERVER_HELLO, CERTIFICATE, 12, 13, SERVER_HELLO_DONE];
    let lens = [80, 900, 150, 30, 0];
    (first..)
        .zip(types.into_iter().zip(lens))
        .map(|(at, (kind, len))| message(kind, at, len))
        .collect()
}

/// Datagrams of one fragment of at most `cut` bytes each.
fn datagrams(messages: &[HandshakeMessage], cut: usize) -> Vec<Vec<u8>> {
    messages.iter().flat_map(|message| fragments(message, cut)).collect()
}

fn fragments(message: &HandshakeMessage, cut: usize) -> Vec<Vec<u8>> {
    let len = message.body.len();
    let u24 = |value: usize| (value as u32).to_be_bytes().into_iter().skip(1);
    let cuts = (0..len.max(1)).step_by(cut);
    let fragment = |start: usize| {
        let part = message.body.get(start..len.min(start + cut)).unwrap_or_default();
        let mut record = vec![HANDSHAKE, 254, 253, 0, 0, 0, 0, 0, 0, 0, 7];
        record.extend((part.len() as u16 + 12).to_be_bytes());
        record.push(message.message_type);
        record.extend(u24(len));
        record.extend(message.sequence.to_be_bytes());
        record.extend(u24(start).chain(u24(part.len())));
        record.extend(part);
        record
    };
    cuts.map(fragment).collect()
}

fn whole(messages: &[HandshakeMessage]) -> Vec<u8> {
    let mut payload = Vec::new();
    messages.iter().for_each(|message| message.write(&mut payload));
    payload
}

#[test]
fn a_flight_is_heard_when_nothing_is_missing() {
    let messages = flight(1);
    let mut arriving = datagrams(&messages, 200);
    arriving.reverse();
    let (last, rest) = arriving.split_last().unwrap();
    assert_eq!(read(rest, 1), None, "the ServerHello is missing");
    let heard = read(&[rest, std::slice::from_ref(last)].concat(), 1).unwrap();
    assert_eq!((heard.messages, heard.is_last), (5, true));
    assert_eq!(heard.datagram[13..], whole(&messages));
    assert_eq!(records(&heard.datagram).count(), 1);
}

#[test]
fn what_is_repeated_in_other_pieces_closes_the_gaps() {
    let messages = flight(0);
    let mut arriving = datagrams(&messages, 400);
    // Of the certificate, the middle of the first time and the ends of the second.
    arriving.retain(|datagram| datagram[13] != CERTIFICATE || datagram[20] == 1);
    assert_eq!(read(&arriving, 0), None);
    arriving.extend(fragments(&messages[1], 450));
    assert_eq!(read(&arriving, 0).unwrap().datagram[13..], whole(&messages));
}

#[test]
fn a_request_to_verify_comes_before_the_flight_and_only_once() {
    let verify = message(HELLO_VERIFY_REQUEST, 0, 23);
    let mut arriving = datagrams(std::slice::from_ref(&verify), 100);
    let heard = read(&arriving, 0).unwrap();
    assert_eq!((heard.messages, heard.is_last), (1, false));
    assert_eq!(read(&arriving, 1), None, "it was heard before");
    arriving.extend(datagrams(&flight(1), 1000));
    assert!(read(&arriving, 1).unwrap().is_last);
}

#[test]
fn what_is_no_flight_is_never_heard() {
    let mut endless: Vec<HandshakeMessage> =
        (0..20).map(|at| message(CERTIFICATE, at, 10)).collect();
    assert_eq!(read(&datagrams(&endless, 100), 0), None, "it does not begin with a ServerHello");
    endless[0].message_type = SERVER_HELLO;
    assert_eq!(read(&datagrams(&endless, 100), 0), None, "it does not end");
    assert_eq!(read(&datagrams(&flight(0), 100), u16::MAX), None);
    assert_eq!(read::<Vec<u8>>(&[], 0), None);
}
