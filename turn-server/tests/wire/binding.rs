use rtc_stun::attributes::*;
use rtc_stun::message::*;
use rtc_stun::uattrs::UnknownAttributes;

use crate::ask::{Answer, Ask};
use crate::stage::{Person, Sent, Stage, at};

fn hear(bytes: &[u8]) -> Sent {
    Stage::new().hear(Person::alice().client, bytes)
}

#[track_caller]
fn is_ignored(bytes: &[u8]) {
    assert_eq!(hear(bytes), []);
}

fn binding() -> Ask {
    Ask::new(METHOD_BINDING)
}

/// RFC 8489, 2
#[test]
fn a_client_learns_its_address() {
    let answer = Answer::only(&hear(&binding().unsigned())).success();
    assert_eq!(answer.message.typ, BINDING_SUCCESS);
    assert_eq!(answer.address(ATTR_XORMAPPED_ADDRESS), at("62.1.1.1:1000"));
}

/// RFC 8489, 14.2
#[test]
fn an_ipv6_address_is_masked_with_the_transaction() {
    let person = Person::new("", "", "[2a00:1450:4001::7]:1234");
    let answer = Answer::only(&Stage::new().hear(person.client, &binding().unsigned()));
    assert_eq!(answer.address(ATTR_XORMAPPED_ADDRESS), person.client.address);
}

/// RFC 8489, 6.3.3
#[test]
fn the_answer_has_the_requests_transaction() {
    let ask = binding();
    let transaction = ask.0.transaction_id;
    assert_eq!(Answer::only(&hear(&ask.unsigned())).message.transaction_id, transaction);
}

/// RFC 8489, 6.3.1.1
#[test]
fn no_credentials_are_asked_for() {
    let signed = binding().text(ATTR_USERNAME, "nobody").signed(b"whatever");
    Answer::only(&hear(&signed)).success();
}

/// RFC 8489, 14.7
#[test]
fn a_right_fingerprint_is_fine() {
    Answer::only(&hear(&binding().fingerprint().unsigned())).success();
}

/// RFC 8489, 14.7
#[test]
fn a_wrong_fingerprint_is_ignored() {
    let mut bytes = binding().fingerprint().unsigned();
    *bytes.last_mut().unwrap() ^= 1;
    is_ignored(&bytes);
}

/// RFC 8489, 14.7
#[test]
fn a_fingerprint_in_the_middle_is_ignored() {
    is_ignored(&binding().fingerprint().text(ATTR_SOFTWARE, "me").unsigned());
}

/// RFC 8489, 6.3.1
#[test]
fn an_unknown_attribute_that_matters_is_420() {
    let answer = Answer::only(&hear(&binding().raw(AttrType(0x7001), b"?").unsigned()));
    assert_eq!(answer.code(), Some(420));
}

/// RFC 8489, 14.13
#[test]
fn unknown_attributes_are_named_once() {
    let ask = binding().raw(AttrType(0x7001), b"").raw(AttrType(0x0002), b"");
    let answer = Answer::only(&hear(&ask.raw(AttrType(0x7001), b"").unsigned()));
    let mut unknown = UnknownAttributes(Vec::new());
    unknown.get_from(&answer.message).unwrap();
    assert_eq!(unknown.0, [AttrType(0x0002), AttrType(0x7001)]);
}

/// RFC 5780, 7.2
#[test]
fn a_change_request_is_420_since_there_is_one_address() {
    let answer = Answer::only(&hear(&binding().raw(ATTR_CHANGE_REQUEST, &[0, 0, 0, 6]).unsigned()));
    assert_eq!(answer.code(), Some(420));
}

/// RFC 8489, 14
#[test]
fn an_unknown_attribute_that_does_not_matter_is_ignored() {
    Answer::only(&hear(&binding().raw(AttrType(0xc057), b"cost").unsigned())).success();
}

/// RFC 8489, 6.3.2
#[test]
fn an_indication_gets_no_answer() {
    is_ignored(&Ask::of(MessageType::new(METHOD_BINDING, CLASS_INDICATION)).unsigned());
}

/// RFC 8489, 6.3.3
#[test]
fn responses_get_no_answer() {
    is_ignored(&Ask::of(BINDING_SUCCESS).unsigned());
    is_ignored(&Ask::of(BINDING_ERROR).unsigned());
}

/// RFC 8489, 6.3
#[test]
fn an_unknown_method_is_ignored() {
    is_ignored(&Ask::new(METHOD_CONNECT).unsigned());
}

/// RFC 8489, 6.3
#[test]
fn a_wrong_cookie_is_ignored() {
    let mut bytes = binding().unsigned();
    bytes[4] ^= 1;
    is_ignored(&bytes);
}

/// RFC 8489, 5
#[test]
fn the_first_two_bits_are_zero() {
    let mut bytes = binding().unsigned();
    for bits in [0x80, 0xc0] {
        bytes[0] = bits;
        is_ignored(&bytes);
    }
}

/// RFC 8489, 6.3
#[test]
fn a_length_that_is_not_the_datagrams_is_ignored() {
    for len in [0_u8, 4, 12, 255] {
        let mut bytes = binding().text(ATTR_SOFTWARE, "me").unsigned();
        bytes[3] = len;
        is_ignored(&bytes);
    }
}

/// RFC 8489, 5
#[test]
fn a_length_is_a_multiple_of_four() {
    let mut bytes = binding().text(ATTR_SOFTWARE, "me").unsigned();
    bytes.pop();
    bytes[3] = 7;
    is_ignored(&bytes);
}

/// RFC 8489, 5
#[test]
fn every_cut_message_is_ignored() {
    let bytes = binding().text(ATTR_SOFTWARE, "somebody").fingerprint().unsigned();
    for len in 0..bytes.len() {
        is_ignored(&bytes[..len]);
    }
}

/// RFC 8489, 14
#[test]
fn an_attribute_longer_than_the_message_is_400() {
    let mut bytes = binding().text(ATTR_SOFTWARE, "somebody").unsigned();
    bytes[23] = 200;
    assert_eq!(Answer::only(&hear(&bytes)).code(), Some(400));
}

/// RFC 8489, 14
#[test]
fn half_an_attribute_header_cannot_be() {
    let mut bytes = binding().raw(AttrType(0xc001), b"1234").unsigned();
    bytes[23] = 0;
    Answer::only(&hear(&bytes));
}

/// RFC 8489, 6.3
#[test]
fn the_old_protocol_without_a_cookie_is_ignored() {
    is_ignored(&[&[0, 1, 0, 0][..], &[9; 16]].concat());
}
