use rtc_stun::attributes::*;
use rtc_stun::message::*;

use crate::ask::Ask;
use crate::stage::{Person, Stage};

fn family(number: u8) -> Ask {
    Ask::refresh(600).raw(ATTR_REQUESTED_ADDRESS_FAMILY, &[number, 0, 0, 0])
}

/// RFC 8656, 8.2
#[test]
fn a_refresh_extends_the_time() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let relayed = alice.allocates(&mut stage);
    stage.wait(500);
    assert_eq!(alice.asks(&mut stage, Ask::refresh(600)).success().lifetime_s(), 600);
    stage.wait(599);
    assert!(stage.key(relayed).is_some());
    stage.wait(1);
    assert!(stage.key(relayed).is_none());
}

/// RFC 8656, 8.2
#[test]
fn without_a_lifetime_it_is_the_default() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    assert_eq!(alice.asks(&mut stage, Ask::new(METHOD_REFRESH)).success().lifetime_s(), 600);
}

/// RFC 8656, 8.2
#[test]
fn lifetimes_have_the_bounds_of_allocate() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    for (asked, granted) in [(1, 600), (601, 601), (3601, 3600)] {
        assert_eq!(alice.asks(&mut stage, Ask::refresh(asked)).success().lifetime_s(), granted);
    }
}

/// RFC 8656, 8.2
#[test]
fn a_lifetime_of_zero_ends_it() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    assert_eq!(alice.asks(&mut stage, Ask::refresh(0)).success().lifetime_s(), 0);
    assert_eq!((stage.allocations(), stage.sockets.len()), (0, 0));
    alice.allocates(&mut stage);
}

/// RFC 8489, 6.3.1
#[test]
fn a_repeated_end_gets_the_same_answer() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    let bytes = alice.signed(&mut stage, Ask::refresh(0));
    let first = stage.hear(alice.client, &bytes);
    assert_eq!(stage.hear(alice.client, &bytes), first);
    assert_eq!(alice.asks(&mut stage, Ask::refresh(0)).code(), Some(437), "another transaction");
}

/// RFC 8656, 5
#[test]
fn without_an_allocation_it_is_437() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    assert_eq!(alice.asks(&mut stage, Ask::refresh(600)).code(), Some(437));
    alice.allocates(&mut stage);
    stage.now += std::time::Duration::from_secs(600);
    assert_eq!(alice.asks(&mut stage, Ask::refresh(600)).code(), Some(437), "expired");
}

/// RFC 8656, 5
#[test]
fn anothers_allocation_is_441() {
    let (mut stage, mut alice, mut bob) = (Stage::new(), Person::alice(), Person::bob());
    alice.allocates(&mut stage);
    bob.client = alice.client;
    assert_eq!(bob.asks(&mut stage, Ask::refresh(0)).code(), Some(441));
    assert_eq!(stage.allocations(), 1);
}

/// RFC 8656, 8.2
#[test]
fn another_family_is_443() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    assert_eq!(alice.asks(&mut stage, family(2)).code(), Some(443));
    alice.asks(&mut stage, family(1)).success();
}

/// RFC 8656, 18.2
#[test]
fn a_lifetime_of_a_wrong_length_is_400() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    let ask = Ask::new(METHOD_REFRESH).raw(ATTR_LIFETIME, &[0; 3]);
    assert_eq!(alice.asks(&mut stage, ask).code(), Some(400));
    assert_eq!(stage.allocations(), 1);
}

/// RFC 8489, 6.3.1
#[test]
fn an_unknown_attribute_is_420() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.allocates(&mut stage);
    let ask = Ask::refresh(0).raw(AttrType(0x7fff), b"now");
    assert_eq!(alice.asks(&mut stage, ask).code(), Some(420));
    assert_eq!(stage.allocations(), 1);
}

/// RFC 8656, 3.1
#[test]
fn an_allocation_ends_with_its_connection() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice().by_stream(7));
    alice.allocates(&mut stage);
    stage.lose(alice.client);
    assert_eq!((stage.allocations(), stage.sockets.len()), (0, 0));
}

/// RFC 8656, 3.2
#[test]
fn a_connection_ends_with_its_allocation() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice().by_stream(7));
    alice.allocates(&mut stage);
    alice.asks(&mut stage, Ask::refresh(0)).success();
    assert_eq!(stage.ended_streams, [alice.client]);
}

/// RFC 8656, 3.2
#[test]
fn the_server_may_end_a_persons_allocations() {
    let (mut stage, mut alice, mut bob) = (Stage::new(), Person::alice(), Person::bob());
    alice.allocates(&mut stage);
    Person::new("alice", "a", "62.1.1.1:1001").allocates(&mut stage);
    let bobs = bob.allocates(&mut stage);
    stage.revoke("alice");
    assert_eq!((stage.allocations(), stage.sockets.len()), (1, 1));
    assert!(stage.key(bobs).is_some());
}
