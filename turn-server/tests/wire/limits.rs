use beckon_turn_server::{Limits, Settings};
use rtc_stun::message::*;

use crate::ask::Ask;
use crate::stage::{PEER, Person, Stage, settings};

fn strict() -> Stage {
    let limits = Limits { strangers_per_second: 10, strangers_burst: 5, ..Limits::default() };
    Stage::with(Settings { limits, ..settings() })
}

/// How many of so many requests from ports of one network are answered.
fn answered(stage: &mut Stage, asks: u16, method: Method) -> usize {
    let ask = |port: u16| {
        let stranger = Person::new("", "", &format!("62.2.2.{}:{port}", port % 250));
        stage.hear(stranger.client, &Ask::new(method).unsigned()).len()
    };
    (1..=asks).map(ask).sum()
}

/// RFC 8656, 21.1.4
#[test]
fn challenges_are_rationed_by_network() {
    let mut stage = strict();
    assert_eq!(answered(&mut stage, 1000, METHOD_ALLOCATE), 5);
    assert_eq!(stage.relay.take_stats().unanswered, 995);
    stage.wait(1);
    assert_eq!(answered(&mut stage, 1000, METHOD_ALLOCATE), 5);
}

/// RFC 8489, 16.1.2
#[test]
fn bindings_are_rationed_too_since_their_sources_may_be_forged() {
    assert_eq!(answered(&mut strict(), 1000, METHOD_BINDING), 5);
}

/// RFC 8656, 21.1.4
#[test]
fn who_is_authenticated_is_not_rationed() {
    let mut stage = strict();
    let mut alice = Person::new("alice", "a", "62.2.2.1:1000");
    alice.allocates(&mut stage);
    answered(&mut stage, 1000, METHOD_ALLOCATE);
    for _ in 0..100 {
        alice.asks(&mut stage, Ask::refresh(600)).success();
        alice.permits(&mut stage, &[PEER]).success();
    }
}

/// RFC 8656, 21.1.4
#[test]
fn a_stream_has_no_forged_source_and_is_not_rationed() {
    let mut stage = strict();
    let alice = Person::new("alice", "a", "62.2.2.1:1000").by_stream(1);
    for _ in 0..100 {
        assert_eq!(stage.hear(alice.client, &Ask::allocate().unsigned()).len(), 1);
    }
}

/// RFC 8656, 21.1.4
#[test]
fn other_networks_are_not_affected() {
    let mut stage = strict();
    answered(&mut stage, 1000, METHOD_ALLOCATE);
    Person::alice().allocates(&mut stage);
}

/// RFC 8656, 21.1.4
#[test]
fn strangers_leave_nothing_behind() {
    let mut stage = strict();
    for source in 0..20_000_u32 {
        let [_, a, b, c] = source.to_be_bytes();
        let stranger = Person::new("", "", &format!("62.{a}.{b}.{c}:1000"));
        stage.hear(stranger.client, &Ask::allocate().unsigned());
    }
    assert_eq!((stage.allocations(), stage.relay.allocations(), stage.sockets.len()), (0, 0, 0));
}

/// RFC 8656, 7.2
#[test]
fn ended_allocations_count_no_more() {
    let limits = Limits { allocations_per_user: 1, allocations: 1, ..Limits::default() };
    let mut stage = Stage::with(Settings { limits, ..settings() });
    for _ in 0..50 {
        let mut alice = Person::alice();
        alice.allocates(&mut stage);
        alice.asks(&mut stage, Ask::refresh(0)).success();
    }
    assert_eq!(stage.allocations(), 0);
}
