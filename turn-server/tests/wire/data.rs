use beckon_turn_server::{Limits, Settings, To};
use rtc_stun::attributes::*;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::message::*;
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::proto::chandata::ChannelData;

use crate::ask::{Ask, channel_data};
use crate::stage::{OTHER_PEER, PEER, PEER_V6, Person, Sent, Stage, at, settings};

/// Alice with an allocation, a permission for a peer and, if wanted, a channel to it.
fn alice(channel: Option<u16>) -> (Stage, Person, std::net::SocketAddr) {
    alice_as(Person::alice(), channel)
}

fn alice_as(mut alice: Person, channel: Option<u16>) -> (Stage, Person, std::net::SocketAddr) {
    let mut stage = Stage::new();
    let relayed = alice.allocates(&mut stage);
    match channel {
        Some(number) => alice.binds(&mut stage, number, PEER).success(),
        None => alice.permits(&mut stage, &[PEER]).success(),
    };
    (stage, alice, relayed)
}

#[track_caller]
fn only(sent: Sent) -> (To, Vec<u8>) {
    let [one] = <[_; 1]>::try_from(sent).unwrap();
    one
}

/// The peer and the data of a Data indication.
fn indication(bytes: &[u8]) -> (std::net::SocketAddr, Vec<u8>) {
    let mut message = Message::new();
    message.unmarshal_binary(bytes).unwrap();
    assert_eq!(message.typ, MessageType::new(METHOD_DATA, CLASS_INDICATION));
    let mut peer = XorMappedAddress::default();
    peer.get_from_as(&message, ATTR_XOR_PEER_ADDRESS).unwrap();
    (std::net::SocketAddr::new(peer.ip, peer.port), message.get(ATTR_DATA).unwrap())
}

/// RFC 8656, 11.2
#[test]
fn a_send_indication_reaches_its_peer_from_the_relayed_address() {
    let (mut stage, alice, relayed) = alice(None);
    let (to, bytes) = only(stage.hear(alice.client, &Ask::send(PEER, b"hello").unsigned()));
    assert_eq!(to, To::Peer(stage.key(relayed).unwrap(), at(PEER)));
    assert_eq!(bytes, b"hello");
}

/// RFC 8656, 11.2
#[test]
fn without_a_permission_nothing_is_sent() {
    let (mut stage, alice, _) = alice(None);
    assert_eq!(alice.sends(&mut stage, &Ask::send(OTHER_PEER, b"hello").unsigned()), []);
}

/// RFC 8656, 11.2
#[test]
fn without_an_allocation_nothing_is_sent() {
    let mut stage = Stage::new();
    assert_eq!(Person::bob().sends(&mut stage, &Ask::send(PEER, b"hello").unsigned()), []);
    assert_eq!(Person::bob().sends(&mut stage, &channel_data(0x4000, b"hello")), []);
}

/// RFC 8656, 11.2
#[test]
fn data_may_be_empty() {
    let (mut stage, alice, _) = alice(Some(0x4000));
    let nothing = [(at(PEER), Vec::new())];
    assert_eq!(alice.sends(&mut stage, &Ask::send(PEER, b"").unsigned()), nothing);
    assert_eq!(alice.sends(&mut stage, &channel_data(0x4000, b"")), nothing);
}

/// RFC 8656, 11.2
#[test]
fn an_indication_without_a_peer_is_ignored() {
    let (mut stage, alice, _) = alice(None);
    let kind = MessageType::new(METHOD_SEND, CLASS_INDICATION);
    assert_eq!(alice.sends(&mut stage, &Ask::of(kind).raw(ATTR_DATA, b"x").unsigned()), []);
}

/// RFC 8656, 11.2
#[test]
fn an_indication_without_data_is_ignored() {
    let (mut stage, alice, _) = alice(None);
    let kind = MessageType::new(METHOD_SEND, CLASS_INDICATION);
    assert_eq!(alice.sends(&mut stage, &Ask::of(kind).peer(PEER).unsigned()), []);
}

/// RFC 8489, 6.3.2
#[test]
fn an_indication_with_an_unknown_attribute_is_ignored() {
    let (mut stage, alice, _) = alice(None);
    let ask = Ask::send(PEER, b"x");
    assert_eq!(alice.sends(&mut stage, &ask.clone().raw(AttrType(0x7001), b"").unsigned()), []);
    assert_eq!(alice.sends(&mut stage, &ask.raw(AttrType(0x8001), b"").unsigned()).len(), 1);
}

/// RFC 8489, 14.7
#[test]
fn an_indication_with_a_wrong_fingerprint_is_ignored() {
    let (mut stage, alice, _) = alice(None);
    let mut bytes = Ask::send(PEER, b"x").fingerprint().unsigned();
    assert_eq!(alice.sends(&mut stage, &bytes).len(), 1);
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(alice.sends(&mut stage, &bytes), []);
}

/// RFC 8656, 11.2
#[test]
fn an_indication_may_forbid_fragments() {
    let (mut stage, alice, _) = alice(None);
    let ask = Ask::send(PEER, b"x").raw(ATTR_DONT_FRAGMENT, &[]);
    assert_eq!(alice.sends(&mut stage, &ask.unsigned()).len(), 1);
}

/// RFC 8489, 14.2
#[test]
fn an_indication_with_a_broken_address_is_ignored() {
    let (mut stage, alice, _) = alice(None);
    let kind = MessageType::new(METHOD_SEND, CLASS_INDICATION);
    for value in [&[][..], &[0, 1], &[0, 1, 0, 0, 1, 2, 3], &[0, 9, 0, 0, 1, 2, 3, 4]] {
        let ask = Ask::of(kind).raw(ATTR_XOR_PEER_ADDRESS, value).raw(ATTR_DATA, b"x");
        assert_eq!(alice.sends(&mut stage, &ask.unsigned()), []);
    }
}

/// RFC 8656, 11.3
#[test]
fn a_peer_is_heard_in_a_data_indication() {
    let (mut stage, alice, relayed) = alice(None);
    for data in [&b"hello"[..], b"", b"12345678"] {
        let (to, bytes) = only(stage.hear_peer(relayed, PEER, data));
        assert_eq!(to, To::Client(alice.client));
        assert_eq!(indication(&bytes), (at(PEER), data.to_vec()));
    }
}

/// RFC 8656, 11.3
#[test]
fn a_peer_without_a_permission_is_not_heard() {
    let (mut stage, _, relayed) = alice(None);
    assert_eq!(stage.hear_peer(relayed, OTHER_PEER, b"hello"), []);
    stage.wait(300);
    assert_eq!(stage.hear_peer(relayed, PEER, b"hello"), []);
}

/// RFC 8656, 11.3
#[test]
fn a_peer_is_heard_from_any_port() {
    let (mut stage, _, relayed) = alice(Some(0x4000));
    let (_, bytes) = only(stage.hear_peer(relayed, "93.184.216.34:6", b"hello"));
    assert_eq!(indication(&bytes).0, at("93.184.216.34:6"), "not the channel's peer");
}

/// RFC 8656, 12.6
#[test]
fn channel_data_reaches_its_peer_without_the_header() {
    let (mut stage, alice, _) = alice(Some(0x4abc));
    let sent = alice.sends(&mut stage, &channel_data(0x4abc, b"hello"));
    assert_eq!(sent, [(at(PEER), b"hello".to_vec())]);
}

/// RFC 8656, 12.7
#[test]
fn a_peer_with_a_channel_is_heard_on_it() {
    let (mut stage, _, relayed) = alice(Some(0x4abc));
    let (_, raw) = only(stage.hear_peer(relayed, PEER, b"hello"));
    let mut message = ChannelData { raw, ..ChannelData::default() };
    message.decode().unwrap();
    assert_eq!((message.number.0, &message.data[..]), (0x4abc, &b"hello"[..]));
}

/// RFC 8656, 12.5
#[test]
fn over_udp_channel_data_is_not_padded() {
    let (mut stage, _, relayed) = alice(Some(0x4000));
    assert_eq!(only(stage.hear_peer(relayed, PEER, b"hello")).1.len(), 4 + 5);
}

/// RFC 8656, 12.5
#[test]
fn over_a_stream_channel_data_is_padded() {
    let (mut stage, _, relayed) = alice_as(Person::alice().by_stream(7), Some(0x4000));
    let (_, bytes) = only(stage.hear_peer(relayed, PEER, b"hello"));
    assert_eq!(bytes, [&[0x40, 0, 0, 5][..], b"hello\0\0\0"].concat());
}

/// RFC 8656, 12.6
#[test]
fn padding_of_channel_data_is_no_data() {
    let (mut stage, alice, _) = alice(Some(0x4000));
    let sent = alice.sends(&mut stage, &[&[0x40, 0, 0, 1][..], b"a\0\0\0"].concat());
    assert_eq!(sent, [(at(PEER), b"a".to_vec())]);
}

/// RFC 8656, 12.6
#[test]
fn channel_data_shorter_than_it_says_is_ignored() {
    let (mut stage, alice, _) = alice(Some(0x4000));
    for bytes in [&[0x40, 0, 0, 2, 1][..], &[0x40, 0, 0], &[0x40], &[]] {
        assert_eq!(alice.sends(&mut stage, bytes), []);
    }
}

/// RFC 8656, 12.6
#[test]
fn channel_data_of_no_channel_is_ignored() {
    let (mut stage, alice, _) = alice(Some(0x4000));
    for number in [0x4001, 0x4fff, 0x5000, 0x7fff] {
        let bytes = [&u16::to_be_bytes(number)[..], &[0, 1, 9]].concat();
        assert_eq!(alice.sends(&mut stage, &bytes), [], "{number:x}");
    }
}

/// RFC 8656, 12
#[test]
fn channels_are_each_clients_own() {
    let (mut stage, _, _) = alice(Some(0x4000));
    let mut bob = Person::bob();
    bob.allocates(&mut stage);
    assert_eq!(bob.sends(&mut stage, &channel_data(0x4000, b"hello")), []);
}

/// RFC 8656, 12
#[test]
fn when_its_channel_is_over_a_peer_needs_a_permission() {
    let (mut stage, mut alice, relayed) = alice(Some(0x4000));
    alice.asks(&mut stage, Ask::refresh(3600)).success();
    stage.wait(600);
    assert_eq!(stage.hear_peer(relayed, PEER, b"hello"), []);
    alice.permits(&mut stage, &[PEER]).success();
    indication(&only(stage.hear_peer(relayed, PEER, b"hello")).1);
}

/// RFC 8656, 3.2
#[test]
fn after_its_end_an_allocation_relays_nothing() {
    let (mut stage, alice, relayed) = alice(Some(0x4000));
    // The timer is late.
    stage.now += std::time::Duration::from_secs(600);
    assert_eq!(stage.hear_peer(relayed, PEER, b"hello"), []);
    assert_eq!(alice.sends(&mut stage, &channel_data(0x4000, b"hello")), []);
}

/// RFC 8656, 15
#[test]
fn ipv6_peers_are_relayed_to_as_well() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let ask = Ask::allocate().raw(ATTR_REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let relayed = alice.asks(&mut stage, ask).success().address(ATTR_XOR_RELAYED_ADDRESS);
    alice.permits(&mut stage, &[PEER_V6]).success();
    let sent = alice.sends(&mut stage, &Ask::send(PEER_V6, b"six").unsigned());
    assert_eq!(sent, [(at(PEER_V6), b"six".to_vec())]);
    let (_, bytes) = only(stage.hear_peer(relayed, PEER_V6, b"six"));
    assert_eq!(indication(&bytes), (at(PEER_V6), b"six".to_vec()));
}

/// RFC 8656, 11.3
#[test]
fn every_data_indication_is_a_transaction_of_its_own() {
    let (mut stage, _, relayed) = alice(None);
    let (_, first) = only(stage.hear_peer(relayed, PEER, b"a"));
    let (_, second) = only(stage.hear_peer(relayed, PEER, b"a"));
    assert_ne!(first[8..20], second[8..20]);
}

/// RFC 8656, 11.3
#[test]
fn what_is_too_long_for_an_indication_is_dropped() {
    let (mut stage, _, relayed) = alice(None);
    assert_eq!(stage.hear_peer(relayed, PEER, &vec![7; 65_530]), []);
    assert_eq!(
        indication(&only(stage.hear_peer(relayed, PEER, &vec![7; 65_000])).1).1.len(),
        65_000
    );
}

/// RFC 8489, 6.3.1
#[test]
fn a_send_request_is_no_indication() {
    let (mut stage, alice, _) = alice(None);
    let ask = Ask::new(METHOD_SEND).peer(PEER).raw(ATTR_DATA, b"x");
    assert_eq!(stage.hear(alice.client, &ask.unsigned()), []);
}

/// RFC 8656, 18.4
#[test]
fn of_doubled_data_the_first_counts() {
    let (mut stage, alice, _) = alice(None);
    let ask = Ask::send(PEER, b"first").raw(ATTR_DATA, b"second").peer(OTHER_PEER);
    assert_eq!(alice.sends(&mut stage, &ask.unsigned()), [(at(PEER), b"first".to_vec())]);
}

/// RFC 8656, 7.2
#[test]
fn bandwidth_has_a_limit() {
    let limits = Limits { bytes_per_second_per_user: 1000, ..Limits::default() };
    let mut stage = Stage::with(Settings { limits, ..settings() });
    let mut alice = Person::alice();
    let relayed = alice.allocates(&mut stage);
    alice.binds(&mut stage, 0x4000, PEER).success();
    assert_eq!(alice.sends(&mut stage, &channel_data(0x4000, &[0; 600])).len(), 1);
    assert_eq!(stage.hear_peer(relayed, PEER, &[0; 600]), []);
    stage.wait(1);
    assert_eq!(stage.hear_peer(relayed, PEER, &[0; 600]).len(), 1);
}

/// RFC 8489, 14.7
#[test]
fn a_fingerprint_is_not_needed_in_indications() {
    let (mut stage, _, relayed) = alice(None);
    let (_, bytes) = only(stage.hear_peer(relayed, PEER, b"a"));
    let mut message = Message::new();
    message.unmarshal_binary(&bytes).unwrap();
    assert!(FINGERPRINT.check(&message).is_err());
}
