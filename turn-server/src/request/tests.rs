//! The test vectors of RFC 5769, and of what RFC 8489 adds to them.

use std::net::SocketAddr;

use rtc_stun::attributes::*;
use rtc_stun::message::METHOD_BINDING;

use super::*;
use crate::credentials::Key;
use crate::wire;

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

/// RFC 5769, 2.1
const REQUEST: &str = "
    000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff
    80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249
    c1b571a280280004e57a3bcf";

/// RFC 5769, 2.2
const RESPONSE_V4: &str = "
    0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643
    000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";

/// RFC 5769, 2.3
const RESPONSE_V6: &str = "
    010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9fa
    a5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

/// RFC 5769, 2.4
const LONG_TERM: &str = "
    000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c
    662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014
    f67024656dd64a3e02b8e0712e85c9a28ca89666";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn read(hex: &str) -> Request {
    let bytes = bytes(hex);
    assert!(wire::is_stun(&bytes));
    Request::read(&bytes).unwrap()
}

fn mapped(hex: &str) -> SocketAddr {
    let response = read(hex);
    assert!(response.is_signed_with(PASSWORD));
    let value = response.values(ATTR_XORMAPPED_ADDRESS).next().unwrap();
    wire::read_xor_address(value, &response.transaction()).unwrap()
}

#[test]
fn rfc_5769_2_1_sample_request() {
    let request = read(REQUEST);
    assert_eq!(request.method(), METHOD_BINDING);
    assert_eq!(request.transaction(), bytes("b7e7a701bc34d686fa87dfae")[..]);
    assert_eq!(request.text(ATTR_USERNAME, 100), Ok(Some("evtj:h6vY")));
    assert_eq!(request.text(ATTR_SOFTWARE, 100), Ok(Some("STUN test client")));
    assert!(request.is_signed_with(PASSWORD) && !request.is_signed_with(b"another"));
}

#[test]
fn rfc_5769_2_2_sample_ipv4_response() {
    assert_eq!(mapped(RESPONSE_V4), "192.0.2.1:32853".parse().unwrap());
}

#[test]
fn rfc_5769_2_3_sample_ipv6_response() {
    let address = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
    assert_eq!(mapped(RESPONSE_V6), address.parse().unwrap());
}

#[test]
fn rfc_5769_2_4_sample_request_with_long_term_authentication() {
    let request = read(LONG_TERM);
    let name = "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}";
    assert_eq!(request.text(ATTR_USERNAME, 100), Ok(Some(name)));
    assert_eq!(request.text(ATTR_NONCE, 100), Ok(Some("f//499k954d6OL34oL9FSTvy64sA")));
    assert_eq!(request.text(ATTR_REALM, 100), Ok(Some("example.org")));
    assert!(request.is_signed_with(Key::new(name, "example.org", "TheMatrIX").bytes()));
}

#[test]
fn every_changed_byte_of_a_vector_is_noticed() {
    for hex in [REQUEST, RESPONSE_V4, RESPONSE_V6, LONG_TERM] {
        let key = Key::new(
            "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}",
            "example.org",
            "TheMatrIX",
        );
        let key = if hex == LONG_TERM { key.bytes() } else { PASSWORD };
        let original = bytes(hex);
        // FINGERPRINT is not covered by integrity, only by itself.
        let end = original.len() - if hex == LONG_TERM { 0 } else { 8 };
        for at in 0..end {
            let mut changed = original.clone();
            changed[at] ^= 0x10;
            let request = wire::is_stun(&changed).then(|| Request::read(&changed).ok()).flatten();
            assert!(!request.is_some_and(|request| request.is_signed_with(key)), "byte {at}");
        }
    }
}

#[test]
fn addresses_are_written_as_they_are_read() {
    for (hex, at) in [(RESPONSE_V4, 20 + 16 + 4), (RESPONSE_V6, 20 + 16 + 4)] {
        let message = bytes(hex);
        let (value, len) = wire::xor_address(mapped(hex), &wire::transaction(&message).unwrap());
        assert_eq!(message[at..at + len], value[..len]);
    }
}
