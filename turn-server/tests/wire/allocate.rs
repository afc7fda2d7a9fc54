use std::time::Duration;

use beckon_turn_server::{Credentials, Families, Limits, Settings, password};
use rtc_stun::attributes::*;
use rtc_stun::message::*;
use rtc_turn::proto::lifetime::Lifetime;

use crate::ask::{Answer, Ask};
use crate::stage::{Person, REALM, START_S, Stage, at, settings};

#[track_caller]
fn refused(ask: Ask, code: u16) {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    assert_eq!(alice.asks(&mut stage, ask).code(), Some(code));
    assert_eq!((stage.allocations(), stage.sockets.len()), (0, 0));
}

fn lifetime_of(seconds: u64) -> u64 {
    let ask = Ask::allocate().with(&Lifetime(Duration::from_secs(seconds)));
    Person::alice().asks(&mut Stage::new(), ask).success().lifetime_s()
}

fn family(number: u8) -> Ask {
    Ask::allocate().raw(ATTR_REQUESTED_ADDRESS_FAMILY, &[number, 0, 0, 0])
}

fn limited(limits: Limits) -> Stage {
    Stage::with(Settings { limits, ..settings() })
}

/// RFC 8656, 7.2
#[test]
fn an_allocation_is_a_relayed_address_for_some_time() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let answer = alice.asks(&mut stage, Ask::allocate()).success();
    assert_eq!(answer.address(ATTR_XORMAPPED_ADDRESS), alice.client.address);
    assert_eq!(answer.lifetime_s(), 600);
    assert!(stage.key(answer.address(ATTR_XOR_RELAYED_ADDRESS)).is_some());
    assert_eq!(answer.to, alice.client);
}

/// RFC 8656, 7.2
#[test]
fn a_longer_lifetime_is_granted_up_to_an_hour() {
    assert_eq!(lifetime_of(1000), 1000);
    assert_eq!(lifetime_of(3600), 3600);
    assert_eq!(lifetime_of(100_000), 3600);
    assert_eq!(lifetime_of(u64::from(u32::MAX)), 3600);
}

/// RFC 8656, 7.2
#[test]
fn a_shorter_lifetime_becomes_the_default() {
    assert_eq!(lifetime_of(0), 600);
    assert_eq!(lifetime_of(599), 600);
}

/// RFC 8656, 18.2
#[test]
fn a_lifetime_of_a_wrong_length_is_400() {
    refused(Ask::allocate().raw(ATTR_LIFETIME, &[0, 0, 2]), 400);
    refused(Ask::allocate().raw(ATTR_LIFETIME, &[0; 8]), 400);
}

/// RFC 8656, 7.2
#[test]
fn no_transport_is_400() {
    refused(Ask::new(METHOD_ALLOCATE), 400);
}

/// RFC 8656, 7.2
#[test]
fn a_transport_other_than_udp_is_442() {
    for protocol in [0, 6, 255] {
        refused(Ask::new(METHOD_ALLOCATE).raw(ATTR_REQUESTED_TRANSPORT, &[protocol, 0, 0, 0]), 442);
    }
}

/// RFC 8656, 18.7
#[test]
fn a_transport_of_a_wrong_length_is_400() {
    for value in [&[17][..], &[17, 0, 0], &[17, 0, 0, 0, 0], &[]] {
        refused(Ask::new(METHOD_ALLOCATE).raw(ATTR_REQUESTED_TRANSPORT, value), 400);
    }
}

/// RFC 8489, 14
#[test]
fn of_a_doubled_attribute_the_first_counts() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let ask = Ask::allocate().raw(ATTR_REQUESTED_TRANSPORT, &[6, 0, 0, 0]);
    alice.asks(&mut stage, ask).success();
    refused(
        Ask::new(METHOD_ALLOCATE)
            .raw(ATTR_REQUESTED_TRANSPORT, &[6, 0, 0, 0])
            .raw(ATTR_REQUESTED_TRANSPORT, &[17, 0, 0, 0]),
        442,
    );
}

/// RFC 8656, 7.2
#[test]
fn a_second_allocation_is_437() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let relayed = alice.allocates(&mut stage);
    assert_eq!(alice.asks(&mut stage, Ask::allocate()).code(), Some(437));
    assert!(stage.key(relayed).is_some(), "the first one stays");
}

/// RFC 8656, 7.2
#[test]
fn an_allocation_of_anothers_client_is_437() {
    let (mut stage, mut alice, mut bob) = (Stage::new(), Person::alice(), Person::bob());
    alice.allocates(&mut stage);
    bob.client = alice.client;
    assert_eq!(bob.asks(&mut stage, Ask::allocate()).code(), Some(437));
}

/// RFC 8489, 6.3.1
#[test]
fn a_repeated_allocate_gets_the_same_answer() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let bytes = alice.signed(&mut stage, Ask::allocate());
    let first = stage.hear(alice.client, &bytes);
    Answer::only(&first).success();
    for _ in 0..3 {
        stage.wait(10);
        assert_eq!(stage.hear(alice.client, &bytes), first);
    }
    assert_eq!(stage.sockets.len(), 1);
}

/// RFC 8489, 6.3.1
#[test]
fn a_transaction_is_over_after_40_seconds() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let bytes = alice.signed(&mut stage, Ask::allocate());
    stage.hear(alice.client, &bytes);
    // What is due is seen to by whatever comes next.
    stage.wait(41);
    Person::bob().allocates(&mut stage);
    assert_eq!(Answer::only(&stage.hear(alice.client, &bytes)).code(), Some(437));
}

/// RFC 8656, 7.2
#[test]
fn one_client_has_an_allocation_for_each_of_its_ports() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let first = alice.allocates(&mut stage);
    let mut again = Person::new("alice", "a", "62.1.1.1:1001");
    assert_ne!(again.allocates(&mut stage), first);
    assert_eq!(stage.allocations(), 2);
}

/// RFC 8656, 7.2
#[test]
fn over_the_persons_quota_is_486() {
    let mut stage = limited(Limits { allocations_per_user: 1, ..Limits::default() });
    Person::alice().allocates(&mut stage);
    let mut again = Person::new("alice", "a", "62.1.1.1:1001");
    assert_eq!(again.asks(&mut stage, Ask::allocate()).code(), Some(486));
    Person::bob().allocates(&mut stage);
}

/// RFC 8656, 7.2
#[test]
fn a_persons_quota_counts_whatever_they_are_in() {
    let mut settings = settings();
    settings.credentials = Credentials::new(REALM, vec!["north".into()], []);
    settings.limits.allocations_per_user = 1;
    let mut stage = Stage::with(settings);
    let guest = |holder: &str, port: u16| {
        let name = format!("{}:{holder}", START_S + 60);
        Person::new(&name, &password("north", &name), &format!("62.1.1.1:{port}"))
    };
    guest("alice/call", 1000).allocates(&mut stage);
    let elsewhere = guest("alice/room", 1001).asks(&mut stage, Ask::allocate()).code();
    assert_eq!(elsewhere, Some(486));
    guest("bob/call", 1002).allocates(&mut stage);
    // What one of them is taken back from is not the other's.
    stage.revoke("alice/call");
    guest("alice/room", 1001).allocates(&mut stage);
}

/// RFC 8656, 7.2
#[test]
fn over_the_servers_quota_is_508() {
    let mut stage = limited(Limits { allocations: 1, ..Limits::default() });
    Person::alice().allocates(&mut stage);
    assert_eq!(Person::bob().asks(&mut stage, Ask::allocate()).code(), Some(508));
}

/// RFC 8656, 7.2
#[test]
fn without_a_free_port_it_is_508_and_the_quota_is_given_back() {
    let mut stage = limited(Limits { allocations: 1, ..Limits::default() });
    stage.ports_left = 0;
    let mut alice = Person::alice();
    assert_eq!(alice.asks(&mut stage, Ask::allocate()).code(), Some(508));
    stage.ports_left = 1;
    alice.allocates(&mut stage);
}

/// RFC 8656, 7.2
#[test]
fn a_relayed_address_is_ipv4_unless_asked_otherwise() {
    let mut stage = Stage::new();
    assert!(Person::alice().allocates(&mut stage).is_ipv4());
    let mut dora = Person::new("bob", "b", "[2a00:1450:4001::7]:1234");
    assert!(dora.allocates(&mut stage).is_ipv4());
}

/// RFC 8656, 7.2
#[test]
fn a_family_can_be_asked_for() {
    for (number, is_ipv4) in [(1, true), (2, false)] {
        let answer = Person::alice().asks(&mut Stage::new(), family(number)).success();
        assert_eq!(answer.address(ATTR_XOR_RELAYED_ADDRESS).is_ipv4(), is_ipv4);
    }
}

/// RFC 8656, 7.2
#[test]
fn an_unknown_family_is_440() {
    refused(family(0), 440);
    refused(family(3), 440);
}

/// RFC 8656, 7.2
#[test]
fn a_family_that_the_server_has_not_is_440() {
    let families = Families { ipv4: true, ipv6: false };
    let mut stage = Stage::with(Settings { families, ..settings() });
    assert_eq!(Person::alice().asks(&mut stage, family(2)).code(), Some(440));
    Person::alice().allocates(&mut stage);
}

/// RFC 8656, 18.6
#[test]
fn a_family_of_a_wrong_length_is_400() {
    refused(Ask::allocate().raw(ATTR_REQUESTED_ADDRESS_FAMILY, &[1]), 400);
    refused(Ask::allocate().raw(ATTR_REQUESTED_ADDRESS_FAMILY, &[1; 8]), 400);
}

/// RFC 8656, 18.9
#[test]
fn dont_fragment_does_not_stop_a_client() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.asks(&mut stage, Ask::allocate().raw(ATTR_DONT_FRAGMENT, &[])).success();
}

/// RFC 8656, 18.8
#[test]
fn an_even_port_is_even() {
    for _ in 0..2 {
        let (mut stage, mut alice) = (Stage::new(), Person::alice());
        let answer = alice.asks(&mut stage, Ask::allocate().raw(ATTR_EVEN_PORT, &[0])).success();
        assert!(answer.address(ATTR_XOR_RELAYED_ADDRESS).port().is_multiple_of(2));
        assert!(!answer.has(ATTR_RESERVATION_TOKEN));
    }
}

/// RFC 8656, 18.8
#[test]
fn an_even_port_of_a_wrong_length_is_400() {
    refused(Ask::allocate().raw(ATTR_EVEN_PORT, &[]), 400);
    refused(Ask::allocate().raw(ATTR_EVEN_PORT, &[0x80, 0, 0, 0]), 400);
}

/// RFC 8656, 7.2
#[test]
fn the_next_port_is_reserved_for_who_has_the_token() {
    let (mut stage, mut alice, mut bob) = (Stage::new(), Person::alice(), Person::bob());
    let ask = Ask::allocate().raw(ATTR_EVEN_PORT, &[0x80]);
    let answer = alice.asks(&mut stage, ask).success();
    let relayed = answer.address(ATTR_XOR_RELAYED_ADDRESS);
    let token = answer.message.get(ATTR_RESERVATION_TOKEN).unwrap();
    let answer = bob.asks(&mut stage, Ask::allocate().raw(ATTR_RESERVATION_TOKEN, &token));
    let next = answer.success().address(ATTR_XOR_RELAYED_ADDRESS);
    assert_eq!((next.ip(), next.port()), (relayed.ip(), relayed.port() + 1));
}

/// RFC 8656, 7.2
#[test]
fn an_unknown_token_is_508() {
    refused(Ask::allocate().raw(ATTR_RESERVATION_TOKEN, &[9; 8]), 508);
}

/// RFC 8656, 18.10
#[test]
fn a_token_of_a_wrong_length_is_400() {
    refused(Ask::allocate().raw(ATTR_RESERVATION_TOKEN, &[9; 7]), 400);
    refused(Ask::allocate().raw(ATTR_RESERVATION_TOKEN, &[9; 9]), 400);
}

/// RFC 8656, 7.2
#[test]
fn a_token_with_an_even_port_or_a_family_is_400() {
    let token = Ask::allocate().raw(ATTR_RESERVATION_TOKEN, &[9; 8]);
    refused(token.clone().raw(ATTR_EVEN_PORT, &[0]), 400);
    refused(token.raw(ATTR_REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]), 400);
}

/// RFC 8656, 3.1
#[test]
fn over_a_stream_it_is_the_same() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice().by_stream(7));
    let relayed = alice.allocates(&mut stage);
    assert_eq!(relayed.ip(), at("88.198.0.1:0").ip());
}

/// RFC 8656, 3.2
#[test]
fn an_allocation_ends_when_its_time_is_over() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    stage.wait(599);
    assert_eq!((stage.allocations(), stage.sockets.len()), (1, 1));
    stage.wait(1);
    assert_eq!((stage.allocations(), stage.sockets.len()), (0, 0));
    alice.allocates(&mut stage);
}

/// RFC 8656, 7.2
#[test]
fn an_expired_allocation_is_not_in_the_way_of_the_next() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    // The timer is late.
    stage.now += Duration::from_secs(601);
    alice.allocates(&mut stage);
    assert_eq!((stage.allocations(), stage.sockets.len()), (1, 1));
}
