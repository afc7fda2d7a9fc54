//! The test vectors of RFC 5769, and what must not be read.

use super::*;

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

/// RFC 5769, 2.1.
const REQUEST: &str = "\
    000100582112a442b7e7a701bc34d686fa87dfae802200105354554e2074657374\
    20636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576\
    746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571\
    a280280004e57a3bcf";

/// RFC 5769, 2.2.
const RESPONSE_V4: &str = "\
    0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f\
    7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53\
    f06be7d780280004c07d4c96";

/// RFC 5769, 2.3.
const RESPONSE_V6: &str = "\
    010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f\
    7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e\
    4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs.map(|pair| u8::from_str_radix(&pair, 16).unwrap()).collect()
}

fn check(password: &str) -> Check<'_> {
    Check {
        transaction: b"transaction!",
        remote_ufrag: "them",
        local_ufrag: "us",
        priority: 7,
        tie_breaker: 9,
        role: IceRole::Controlling { use_candidate: true },
        password,
    }
}

#[test]
fn the_sample_request_is_read_and_verified() {
    let datagram = bytes(REQUEST);
    let message = read(&datagram).unwrap();
    assert_eq!(message.class(), Class::Request);
    assert_eq!(message.username(), Some(("evtj", "h6vY")));
    assert!(message.controlled() && !message.controlling() && !message.use_candidate());
    assert_eq!(message.unknown_required(), None);
    assert!(message.verified(PASSWORD));
    assert!(!message.verified("VOkJxbRl1RmTxUk/WvJxBT"));
}

#[test]
fn the_sample_responses_tell_the_mapped_address() {
    for (sample, mapped) in [
        (RESPONSE_V4, "192.0.2.1:32853"),
        (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ] {
        let datagram = bytes(sample);
        let message = read(&datagram).unwrap();
        assert_eq!(message.class(), Class::Success);
        assert_eq!(message.mapped_address(), Some(mapped.parse().unwrap()));
        assert!(message.verified(PASSWORD));
    }
}

#[test]
fn what_is_written_is_read_back() {
    let mut out = vec![1, 2, 3];
    for mapped in ["192.0.2.1:32853", "[2001:db8::1]:1"] {
        out.truncate(3);
        write_success(&mut out, b"abcdefghijkl", mapped.parse().unwrap(), PASSWORD);
        let message = read(&out[3..]).unwrap();
        assert_eq!(message.transaction(), b"abcdefghijkl");
        assert_eq!(message.mapped_address(), Some(mapped.parse().unwrap()));
        assert!(message.verified(PASSWORD));
    }
    out.clear();
    write_error(&mut out, b"abcdefghijkl", 420, Some(0x7777), PASSWORD);
    let message = read(&out).unwrap();
    assert_eq!((message.class(), message.error()), (Class::Error, Some(420)));
    out.clear();
    write_request(&mut out, &check(PASSWORD));
    let message = read(&out).unwrap();
    assert_eq!(message.username(), Some(("them", "us")));
    assert!(message.controlling() && message.use_candidate() && message.verified(PASSWORD));
}

#[test]
fn one_changed_byte_is_noticed() {
    let whole = bytes(REQUEST);
    for at in 0..whole.len() - FINGERPRINT_LEN {
        let mut broken = whole.clone();
        broken[at] ^= 1;
        assert!(read(&broken).is_none_or(|message| !message.verified(PASSWORD)), "byte {at}");
    }
}

#[test]
fn a_truncated_message_is_not_read() {
    let whole = bytes(REQUEST);
    for len in 0..whole.len() {
        assert!(read(&whole[..len]).is_none(), "{len} bytes");
    }
}

#[test]
fn what_follows_the_integrity_is_not_believed() {
    let mut out = Vec::new();
    write_request(
        &mut out,
        &Check { role: IceRole::Controlling { use_candidate: false }, ..check(PASSWORD) },
    );
    out.truncate(out.len() - FINGERPRINT_LEN);
    write_attribute(&mut out, USE_CANDIDATE, &[]);
    set_len(&mut out, 0, 0);
    let message = read(&out).unwrap();
    assert!(message.verified(PASSWORD) && !message.use_candidate());
}

#[test]
fn an_unknown_required_attribute_is_told() {
    let mut out = Vec::new();
    let start = write_header(&mut out, Class::Request, b"abcdefghijkl");
    write_attribute(&mut out, 0x7abc, &[1, 2, 3]);
    write_attribute(&mut out, 0x8abc, &[]);
    seal(&mut out, start, PASSWORD);
    assert_eq!(read(&out).unwrap().unknown_required(), Some(0x7abc));
}
