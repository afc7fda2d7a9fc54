use beckon_turn_server::{Limits, Settings};
use rtc_stun::attributes::*;
use rtc_stun::message::*;
use rtc_turn::proto::channum::ChannelNumber;

use crate::ask::{Ask, channel_data};
use crate::stage::{OTHER_PEER, PEER, PEER_V6, Person, Stage, at, settings};

fn alice() -> (Stage, Person) {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    (stage, alice)
}

/// Where data on this channel comes out.
fn leads_to(stage: &mut Stage, alice: &Person, number: u16) -> Option<String> {
    let sent = alice.sends(stage, &channel_data(number, b"data"));
    sent.first().map(|(peer, _)| peer.to_string())
}

/// RFC 8656, 12.2
#[test]
fn a_channel_leads_to_its_peer() {
    let (mut stage, mut alice) = alice();
    assert_eq!(leads_to(&mut stage, &alice, 0x4000), None);
    alice.binds(&mut stage, 0x4000, PEER).success();
    assert_eq!(leads_to(&mut stage, &alice, 0x4000).as_deref(), Some(PEER));
}

/// RFC 8656, 12
#[test]
fn numbers_go_from_4000_to_4fff() {
    let (mut stage, mut alice) = alice();
    for number in [0, 1, 0x3fff, 0x8000, 0xc000, 0xffff] {
        assert_eq!(alice.binds(&mut stage, number, PEER).code(), Some(400), "{number:x}");
    }
    alice.binds(&mut stage, 0x4fff, PEER).success();
}

/// RFC 5766, 11
#[test]
fn older_clients_have_numbers_up_to_7fff() {
    for number in [0x5000, 0x5fff, 0x7fff] {
        let (mut stage, mut alice) = alice();
        alice.binds(&mut stage, number, PEER).success();
        assert_eq!(leads_to(&mut stage, &alice, number).as_deref(), Some(PEER));
    }
}

/// RFC 8656, 12.2
#[test]
fn a_missing_number_is_400() {
    let (mut stage, mut alice) = alice();
    let ask = Ask::new(METHOD_CHANNEL_BIND).peer(PEER);
    assert_eq!(alice.asks(&mut stage, ask).code(), Some(400));
}

/// RFC 8656, 12.2
#[test]
fn a_missing_peer_is_400() {
    let (mut stage, mut alice) = alice();
    let ask = Ask::new(METHOD_CHANNEL_BIND).with(&ChannelNumber(0x4000));
    assert_eq!(alice.asks(&mut stage, ask).code(), Some(400));
}

/// RFC 8656, 18.1
#[test]
fn a_number_of_a_wrong_length_is_400() {
    let (mut stage, mut alice) = alice();
    for value in [&[0x40, 0][..], &[0x40, 0, 0, 0, 0]] {
        let ask = Ask::new(METHOD_CHANNEL_BIND).raw(ATTR_CHANNEL_NUMBER, value).peer(PEER);
        assert_eq!(alice.asks(&mut stage, ask).code(), Some(400));
    }
}

/// RFC 8656, 12.2
#[test]
fn a_number_that_leads_elsewhere_is_400() {
    let (mut stage, mut alice) = alice();
    alice.binds(&mut stage, 0x4000, PEER).success();
    assert_eq!(alice.binds(&mut stage, 0x4000, OTHER_PEER).code(), Some(400));
    assert_eq!(leads_to(&mut stage, &alice, 0x4000).as_deref(), Some(PEER));
}

/// RFC 8656, 12.2
#[test]
fn a_peer_with_another_number_is_400() {
    let (mut stage, mut alice) = alice();
    alice.binds(&mut stage, 0x4000, PEER).success();
    assert_eq!(alice.binds(&mut stage, 0x4001, PEER).code(), Some(400));
    alice.binds(&mut stage, 0x4001, OTHER_PEER).success();
}

/// RFC 8656, 12
#[test]
fn ports_of_a_peer_are_different_channels() {
    let (mut stage, mut alice) = alice();
    alice.binds(&mut stage, 0x4000, "93.184.216.34:1").success();
    alice.binds(&mut stage, 0x4001, "93.184.216.34:2").success();
    assert_eq!(leads_to(&mut stage, &alice, 0x4001).as_deref(), Some("93.184.216.34:2"));
}

/// RFC 8656, 12
#[test]
fn a_channel_lasts_ten_minutes() {
    let (mut stage, mut alice) = alice();
    alice.asks(&mut stage, Ask::refresh(3600)).success();
    alice.binds(&mut stage, 0x4000, PEER).success();
    stage.wait(599);
    assert!(leads_to(&mut stage, &alice, 0x4000).is_some());
    stage.wait(1);
    assert_eq!(leads_to(&mut stage, &alice, 0x4000), None);
}

/// RFC 8656, 12
#[test]
fn a_channel_can_be_refreshed() {
    let (mut stage, mut alice) = alice();
    alice.asks(&mut stage, Ask::refresh(3600)).success();
    alice.binds(&mut stage, 0x4000, PEER).success();
    stage.wait(500);
    alice.binds(&mut stage, 0x4000, PEER).success();
    stage.wait(599);
    assert!(leads_to(&mut stage, &alice, 0x4000).is_some());
}

/// RFC 8656, 12
#[test]
fn an_expired_number_may_lead_elsewhere() {
    let (mut stage, mut alice) = alice();
    alice.asks(&mut stage, Ask::refresh(3600)).success();
    alice.binds(&mut stage, 0x4000, PEER).success();
    stage.wait(600);
    alice.binds(&mut stage, 0x4000, OTHER_PEER).success();
    alice.binds(&mut stage, 0x4001, PEER).success();
    assert_eq!(leads_to(&mut stage, &alice, 0x4000).as_deref(), Some(OTHER_PEER));
}

/// RFC 8656, 12.2
#[test]
fn a_channel_brings_a_permission() {
    let (mut stage, mut alice) = alice();
    alice.binds(&mut stage, 0x4000, PEER).success();
    let sent = alice.sends(&mut stage, &Ask::send("93.184.216.34:77", b"hi").unsigned());
    assert_eq!(sent, [(at("93.184.216.34:77"), b"hi".to_vec())]);
}

/// RFC 8656, 12.2
#[test]
fn a_forbidden_peer_is_403() {
    let (mut stage, mut alice) = alice();
    for peer in ["127.0.0.1:80", "169.254.169.254:80", "0.0.0.0:1"] {
        assert_eq!(alice.binds(&mut stage, 0x4000, peer).code(), Some(403));
    }
    assert_eq!(leads_to(&mut stage, &alice, 0x4000), None);
}

/// RFC 8656, 12.2
#[test]
fn a_peer_of_the_other_family_is_443() {
    let (mut stage, mut alice) = alice();
    assert_eq!(alice.binds(&mut stage, 0x4000, PEER_V6).code(), Some(443));
    assert_eq!(alice.binds(&mut stage, 0x4000, "[::ffff:127.0.0.1]:1").code(), Some(443));
}

/// RFC 8656, 12.2
#[test]
fn too_many_channels_are_508() {
    let limits = Limits { channels: 1, ..Limits::default() };
    let mut stage = Stage::with(Settings { limits, ..settings() });
    let mut alice = Person::alice();
    alice.allocates(&mut stage);
    alice.binds(&mut stage, 0x4000, PEER).success();
    assert_eq!(alice.binds(&mut stage, 0x4001, OTHER_PEER).code(), Some(508));
    alice.binds(&mut stage, 0x4000, PEER).success();
}

/// RFC 8656, 5
#[test]
fn without_an_allocation_it_is_437() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    assert_eq!(alice.binds(&mut stage, 0x4000, PEER).code(), Some(437));
}

/// RFC 8656, 5
#[test]
fn for_anothers_allocation_it_is_441() {
    let (mut stage, alice) = alice();
    let mut bob = Person::bob();
    bob.client = alice.client;
    assert_eq!(bob.binds(&mut stage, 0x4000, PEER).code(), Some(441));
}

/// RFC 8489, 6.3.1
#[test]
fn a_repeated_bind_succeeds_again() {
    let (mut stage, mut alice) = alice();
    let bytes = alice.signed(&mut stage, Ask::channel(0x4000, PEER));
    let first = stage.hear(alice.client, &bytes);
    assert_eq!(stage.hear(alice.client, &bytes), first);
}

/// RFC 8489, 14
#[test]
fn of_two_peers_the_first_counts() {
    let (mut stage, mut alice) = alice();
    alice.asks(&mut stage, Ask::channel(0x4000, PEER).peer(OTHER_PEER)).success();
    assert_eq!(leads_to(&mut stage, &alice, 0x4000).as_deref(), Some(PEER));
}
