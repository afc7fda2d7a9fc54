use beckon_turn_server::{Limits, PeerPolicy, Settings};
use rtc_stun::attributes::*;
use rtc_stun::message::*;

use crate::ask::Ask;
use crate::stage::{OTHER_PEER, PEER, PEER_V6, Person, Stage, at, settings};

/// Alice with an allocation.
fn alice() -> (Stage, Person) {
    alice_with(Settings { ..settings() })
}

fn alice_with(settings: Settings) -> (Stage, Person) {
    let (mut stage, mut alice) = (Stage::with(settings), Person::alice());
    alice.allocates(&mut stage);
    (stage, alice)
}

fn open(peers: PeerPolicy) -> Settings {
    Settings { peers, ..settings() }
}

/// Whether a Send indication to this peer gets through.
fn reaches(stage: &mut Stage, alice: &Person, peer: &str) -> bool {
    !alice.sends(stage, &Ask::send(peer, b"hi").unsigned()).is_empty()
}

/// RFC 8656, 10.2
#[test]
fn a_permission_lets_data_through() {
    let (mut stage, mut alice) = alice();
    assert!(!reaches(&mut stage, &alice, PEER));
    alice.permits(&mut stage, &[PEER]).success();
    assert!(reaches(&mut stage, &alice, PEER));
}

/// RFC 8656, 10.2
#[test]
fn all_peers_of_a_request_are_permitted() {
    let (mut stage, mut alice) = alice();
    alice.permits(&mut stage, &[PEER, OTHER_PEER]).success();
    assert!(reaches(&mut stage, &alice, PEER) && reaches(&mut stage, &alice, OTHER_PEER));
}

/// RFC 8656, 10.2
#[test]
fn one_forbidden_peer_is_403_for_all() {
    for peers in [[PEER, "10.0.0.1:1"], ["10.0.0.1:1", PEER]] {
        let (mut stage, mut alice) = alice();
        assert_eq!(alice.permits(&mut stage, &peers).code(), Some(403));
        assert!(!reaches(&mut stage, &alice, PEER));
    }
}

/// RFC 8656, 10.2
#[test]
fn one_peer_of_the_other_family_is_443_for_all() {
    let (mut stage, mut alice) = alice();
    assert_eq!(alice.permits(&mut stage, &[PEER, PEER_V6]).code(), Some(443));
    assert!(!reaches(&mut stage, &alice, PEER));
}

/// RFC 8656, 10.2
#[test]
fn no_peer_is_400() {
    let (mut stage, mut alice) = alice();
    assert_eq!(alice.permits(&mut stage, &[]).code(), Some(400));
}

/// RFC 8656, 10.2
#[test]
fn one_broken_peer_is_400_for_all() {
    let broken: [&[u8]; 5] = [
        &[],
        &[0, 1, 0, 0],
        &[0, 1, 0, 0, 1, 2, 3],
        &[0, 3, 0, 0, 1, 2, 3, 4],
        &[0, 1, 0, 0, 1, 2, 3, 4, 5],
    ];
    for value in broken {
        let (mut stage, mut alice) = alice();
        let ask = Ask::permission(&[PEER]).raw(ATTR_XOR_PEER_ADDRESS, value);
        assert_eq!(alice.asks(&mut stage, ask).code(), Some(400));
        assert!(!reaches(&mut stage, &alice, PEER));
    }
}

/// RFC 8489, 14.1
#[test]
fn an_ipv6_peer_has_sixteen_bytes() {
    let (mut stage, mut alice) = alice();
    let ask = Ask::permission(&[]).raw(ATTR_XOR_PEER_ADDRESS, &[0, 2, 0, 0, 1, 2, 3, 4]);
    assert_eq!(alice.asks(&mut stage, ask).code(), Some(400));
}

/// RFC 8656, 9
#[test]
fn a_permission_lasts_five_minutes() {
    let (mut stage, mut alice) = alice();
    alice.permits(&mut stage, &[PEER]).success();
    stage.wait(299);
    assert!(reaches(&mut stage, &alice, PEER));
    stage.wait(1);
    assert!(!reaches(&mut stage, &alice, PEER));
}

/// RFC 8656, 9
#[test]
fn a_permission_can_be_refreshed() {
    let (mut stage, mut alice) = alice();
    alice.permits(&mut stage, &[PEER]).success();
    stage.wait(200);
    alice.permits(&mut stage, &[PEER]).success();
    stage.wait(299);
    assert!(reaches(&mut stage, &alice, PEER));
}

/// RFC 8656, 9
#[test]
fn data_does_not_refresh_a_permission() {
    let (mut stage, mut alice) = alice();
    alice.permits(&mut stage, &[PEER]).success();
    for _ in 0..3 {
        stage.wait(99);
        assert!(reaches(&mut stage, &alice, PEER));
    }
    stage.wait(3);
    assert!(!reaches(&mut stage, &alice, PEER));
}

/// RFC 8656, 9
#[test]
fn a_permission_is_for_all_ports_of_an_address() {
    let (mut stage, mut alice) = alice();
    alice.permits(&mut stage, &["93.184.216.34:0"]).success();
    assert!(reaches(&mut stage, &alice, "93.184.216.34:9999"));
    assert!(!reaches(&mut stage, &alice, OTHER_PEER));
}

/// RFC 8656, 9
#[test]
fn a_permission_is_for_one_allocation() {
    let (mut stage, mut alice) = alice();
    let mut bob = Person::bob();
    bob.allocates(&mut stage);
    alice.permits(&mut stage, &[PEER]).success();
    assert!(!reaches(&mut stage, &bob, PEER));
}

/// RFC 8656, 10.2
#[test]
fn too_many_permissions_are_508() {
    let limits = Limits { permissions: 2, ..Limits::default() };
    let (mut stage, mut alice) = alice_with(Settings { limits, ..settings() });
    alice.permits(&mut stage, &[PEER, PEER, OTHER_PEER]).success();
    assert_eq!(alice.permits(&mut stage, &["8.8.8.8:1"]).code(), Some(508));
    alice.permits(&mut stage, &[OTHER_PEER]).success();
    stage.wait(300);
    alice.permits(&mut stage, &["8.8.8.8:1"]).success();
}

/// RFC 8656, 5
#[test]
fn without_an_allocation_it_is_437() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    assert_eq!(alice.permits(&mut stage, &[PEER]).code(), Some(437));
}

/// RFC 8656, 5
#[test]
fn for_anothers_allocation_it_is_441() {
    let (mut stage, alice) = alice();
    let mut bob = Person::bob();
    bob.client = alice.client;
    assert_eq!(bob.permits(&mut stage, &[PEER]).code(), Some(441));
    assert!(!reaches(&mut stage, &alice, PEER));
}

/// RFC 8656, 21.2.1
#[test]
fn what_is_inside_is_403() {
    let inside = [
        "0.0.0.0:1",
        "127.0.0.1:1",
        "10.1.2.3:1",
        "172.16.0.1:1",
        "192.168.1.1:1",
        "169.254.169.254:80",
        "100.100.100.200:80",
        "168.63.129.16:80",
        "224.0.0.1:1",
        "255.255.255.255:1",
    ];
    for peer in inside {
        let (mut stage, mut alice) = alice();
        assert_eq!(alice.permits(&mut stage, &[peer]).code(), Some(403), "{peer}");
    }
}

/// RFC 8656, 21.2.1
#[test]
fn what_is_inside_is_403_in_ipv6_spellings_too() {
    let inside = [
        "[::]:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
        "[::127.0.0.1]:1",
        "[::ffff:0:127.0.0.1]:1",
        "[64:ff9b::7f00:1]:1",
        "[64:ff9b:1::7f00:1]:1",
        "[2002:7f00:1::]:1",
        "[2001:0:7f00:1::]:1",
        "[2a00:1450::5efe:127.0.0.1]:1",
        "[fe80::1]:1",
        "[fec0::1]:1",
        "[fd00:ec2::254]:80",
        "[ff02::1]:1",
        "[2001:db8::1]:1",
    ];
    for peer in inside {
        let (mut stage, mut dora) = (Stage::new(), Person::alice());
        let ask = Ask::allocate().raw(ATTR_REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
        dora.asks(&mut stage, ask).success();
        assert_eq!(dora.permits(&mut stage, &[peer]).code(), Some(403), "{peer}");
    }
}

/// RFC 8656, 21.2.1
#[test]
fn the_operator_opens_what_is_wanted() {
    let allow = vec!["10.1.0.0/16".parse().unwrap()];
    let (mut stage, mut alice) = alice_with(open(PeerPolicy { allow, ..PeerPolicy::default() }));
    alice.permits(&mut stage, &["10.1.2.3:1"]).success();
    assert_eq!(alice.permits(&mut stage, &["10.2.2.3:1"]).code(), Some(403));
}

/// RFC 8656, 21.2.1
#[test]
fn what_is_never_opened_stays_closed() {
    let policy = PeerPolicy {
        allow: vec!["10.1.0.0/16".parse().unwrap()],
        deny: vec!["10.1.0.7/32".parse().unwrap(), "8.8.8.8/32".parse().unwrap()],
        ..PeerPolicy::default()
    };
    let (mut stage, mut alice) = alice_with(open(policy));
    for peer in ["10.1.0.7:3306", "8.8.8.8:53"] {
        assert_eq!(alice.permits(&mut stage, &[peer]).code(), Some(403));
    }
}

/// RFC 8656, 21.2.1
#[test]
fn of_our_own_machine_only_relayed_addresses_are_reached() {
    let own = vec!["88.198.0.1".parse().unwrap()];
    let (mut stage, mut alice) = alice_with(open(PeerPolicy { own, ..PeerPolicy::default() }));
    let bobs = Person::bob().allocates(&mut stage).to_string();
    alice.permits(&mut stage, &["88.198.0.1:0"]).success();
    assert!(reaches(&mut stage, &alice, &bobs));
    assert!(!reaches(&mut stage, &alice, "88.198.0.1:22"));
    assert_eq!(alice.binds(&mut stage, 0x4000, "88.198.0.1:22").code(), Some(403));
    alice.binds(&mut stage, 0x4000, &bobs).success();
}

/// RFC 8656, 21.2.1
#[test]
fn an_address_of_our_own_without_relays_is_403() {
    let own = vec!["88.198.0.9".parse().unwrap()];
    let (mut stage, mut alice) = alice_with(open(PeerPolicy { own, ..PeerPolicy::default() }));
    assert_eq!(alice.permits(&mut stage, &["88.198.0.9:1"]).code(), Some(403));
}

/// RFC 8656, 21.2.1
#[test]
fn our_media_port_is_always_reached() {
    let own = vec!["10.0.0.5".parse().unwrap()];
    let policy = PeerPolicy { own, media: vec![at("0.0.0.0:7881")], ..PeerPolicy::default() };
    let (mut stage, mut alice) = alice_with(open(policy));
    alice.permits(&mut stage, &["10.0.0.5:7881"]).success();
    assert!(reaches(&mut stage, &alice, "10.0.0.5:7881"));
    assert!(!reaches(&mut stage, &alice, "10.0.0.5:22"));
    assert_eq!(alice.binds(&mut stage, 0x4000, "10.0.0.5:22").code(), Some(403));
    alice.binds(&mut stage, 0x4000, "10.0.0.5:7881").success();
    assert_eq!(alice.permits(&mut stage, &["10.0.0.6:7881"]).code(), Some(403));
}

/// RFC 8656, 21.2.1
#[test]
fn our_media_port_is_open_where_media_is_and_nowhere_else() {
    let own = ["10.0.0.5", "10.9.0.5"].map(|ip| ip.parse().unwrap()).to_vec();
    let policy = PeerPolicy { own, media: vec![at("10.0.0.5:7881")], ..PeerPolicy::default() };
    let (mut stage, mut alice) = alice_with(open(policy));
    alice.permits(&mut stage, &["10.0.0.5:7881"]).success();
    assert_eq!(alice.permits(&mut stage, &["10.9.0.5:7881"]).code(), Some(403));
}

/// RFC 8656, 21.2.1
#[test]
fn loopback_is_for_development_only() {
    for development in [false, true] {
        let own = ["127.0.0.1", "::1"].map(|ip| ip.parse().unwrap()).to_vec();
        let media = vec![at("127.0.0.1:7881")];
        let policy = PeerPolicy { own, media, development, ..PeerPolicy::default() };
        let (mut stage, mut alice) = alice_with(open(policy));
        let code = alice.permits(&mut stage, &["127.0.0.1:7881"]).code();
        assert_eq!(code, (!development).then_some(403));
        assert_eq!(reaches(&mut stage, &alice, "127.0.0.1:7881"), development);
        for closed in ["127.0.0.1:22", "127.0.0.2:7881"] {
            assert_eq!(alice.binds(&mut stage, 0x4000, closed).code(), Some(403), "{closed}");
        }
    }
}

/// RFC 8656, 3.1
#[test]
fn permissions_end_with_their_allocation() {
    let (mut stage, mut alice) = alice();
    alice.permits(&mut stage, &[PEER]).success();
    alice.asks(&mut stage, Ask::refresh(0)).success();
    alice.allocates(&mut stage);
    assert!(!reaches(&mut stage, &alice, PEER));
}

/// RFC 8489, 6.3.1
#[test]
fn an_unknown_attribute_is_420() {
    let (mut stage, mut alice) = alice();
    let ask = Ask::permission(&[PEER]).raw(AttrType(0x0030), b"");
    assert_eq!(alice.asks(&mut stage, ask).code(), Some(420));
    assert!(!reaches(&mut stage, &alice, PEER));
}

/// RFC 8656, 10.2
#[test]
fn the_answer_is_about_this_request() {
    let (mut stage, mut alice) = alice();
    let answer = alice.permits(&mut stage, &[PEER]).success();
    assert_eq!(answer.message.typ.method, METHOD_CREATE_PERMISSION);
}
