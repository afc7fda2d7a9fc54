//! Which checks are answered, and where they lead.

use super::*;
use crate::stun::Check;

struct Peer {
    to: Credentials,
    address: SocketAddr,
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn agent() -> (Ice, Peer) {
    let ice = Ice::new(Instant::now());
    let to = ice.local().clone();
    (ice, Peer { to, address: address("192.0.2.7:4000") })
}

impl Peer {
    fn check(&self, use_candidate: bool) -> Vec<u8> {
        self.check_from("peer", use_candidate)
    }

    fn check_from(&self, local_ufrag: &str, use_candidate: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let check = Check {
            transaction: b"abcdefghijkl",
            remote_ufrag: &self.to.ufrag,
            local_ufrag,
            priority: 1,
            tie_breaker: 1,
            use_candidate,
            password: &self.to.pwd,
        };
        stun::write_request(&mut out, &check);
        out
    }

    fn sends(&self, ice: &mut Ice, datagram: &[u8]) -> (Result<Heard, Discard>, Vec<u8>) {
        self.sends_at(Instant::now(), ice, datagram)
    }

    fn sends_at(
        &self,
        now: Instant,
        ice: &mut Ice,
        datagram: &[u8],
    ) -> (Result<Heard, Discard>, Vec<u8>) {
        let mut out = Vec::new();
        let message = stun::read(datagram).unwrap();
        (ice.handle(now, self.address, &message, &mut out), out)
    }
}

#[test]
fn credentials_are_long_enough_and_never_the_same() {
    let (one, other) = (Credentials::fresh(), Credentials::fresh());
    assert!(one.ufrag.len() >= 4 && one.pwd.len() >= 22);
    assert!(one.ufrag != other.ufrag && one.pwd != other.pwd);
    assert!(!format!("{one:?}").contains(&one.pwd));
}

#[test]
fn the_first_check_gives_a_path_and_nomination_moves_it() {
    let (mut ice, mut peer) = agent();
    let (heard, answer) = peer.sends(&mut ice, &peer.check(false));
    assert_eq!(heard, Ok(Heard { chosen: true }));
    let answer = stun::read(&answer).unwrap();
    assert_eq!(answer.mapped_address(), Some(peer.address));
    assert!(answer.verified(&peer.to.pwd));

    let first = peer.address;
    peer.address = address("[2001:db8::9]:5000");
    assert_eq!(peer.sends(&mut ice, &peer.check(false)).0, Ok(Heard { chosen: false }));
    assert_eq!(ice.path(), Some(first));
    assert_eq!(peer.sends(&mut ice, &peer.check(true)).0, Ok(Heard { chosen: true }));
    assert_eq!(ice.path(), Some(peer.address));
    assert_eq!(peer.sends(&mut ice, &peer.check(true)).0, Ok(Heard { chosen: true }));
}

#[test]
fn a_path_that_fell_silent_gives_way_without_nomination() {
    let (mut ice, mut peer) = agent();
    let start = Instant::now();
    peer.sends_at(start, &mut ice, &peer.check(true)).0.unwrap();
    let old = peer.address;
    peer.address = address("192.0.2.7:4001");
    for (ms, path) in [(9900, old), (10_100, peer.address)] {
        let at = start + Duration::from_millis(ms);
        peer.sends_at(at, &mut ice, &peer.check(false)).0.unwrap();
        assert_eq!(ice.path(), Some(path), "after {ms} ms");
    }
}

#[test]
fn what_is_in_use_survives_any_number_of_restarts() {
    let (mut ice, peer) = agent();
    assert!(peer.sends(&mut ice, &peer.check(true)).0.is_ok());
    (0..3).for_each(|_| ice.restart());
    assert!(peer.sends(&mut ice, &peer.check(true)).0.is_ok());
    let renewed = Peer { to: ice.local().clone(), address: peer.address };
    assert_eq!(renewed.sends(&mut ice, &renewed.check(true)).0, Ok(Heard { chosen: true }));
    assert!(!ice.accepts(&peer.to.ufrag));
}

#[test]
fn a_check_without_the_password_gets_no_answer() {
    let (mut ice, mut peer) = agent();
    peer.to.pwd = "not the password".into();
    let (heard, answer) = peer.sends(&mut ice, &peer.check(true));
    assert_eq!((heard, answer), (Err(Discard::BadIntegrity), Vec::new()));
    assert_eq!(ice.path(), None);
}

#[test]
fn a_check_for_or_from_somebody_else_gets_no_answer() {
    let (mut ice, mut peer) = agent();
    ice.set_remote_ufrag("peer");
    assert_eq!(
        peer.sends(&mut ice, &peer.check_from("stranger", true)).0,
        Err(Discard::UnknownUfrag)
    );
    peer.to.ufrag = "nobody".into();
    assert!(!ice.accepts(&peer.to.ufrag));
    assert_eq!(peer.sends(&mut ice, &peer.check(true)).0, Err(Discard::UnknownUfrag));
    assert_eq!(ice.path(), None);
}

#[test]
fn a_response_is_no_check() {
    let (mut ice, peer) = agent();
    let mut response = Vec::new();
    stun::write_success(&mut response, b"abcdefghijkl", peer.address, &peer.to.pwd);
    assert_eq!(peer.sends(&mut ice, &response).0, Err(Discard::Malformed));
}

#[test]
fn after_a_restart_old_checks_are_answered_until_the_new_pair_is_nominated() {
    let (mut ice, mut peer) = agent();
    ice.set_remote_ufrag("peer");
    assert!(peer.sends(&mut ice, &peer.check(true)).0.is_ok());
    let old = peer.address;

    ice.restart();
    ice.set_remote_ufrag("again");
    assert_eq!(peer.sends(&mut ice, &peer.check(true)).0, Ok(Heard { chosen: false }));
    assert_eq!(ice.path(), Some(old));

    let mut moved = Peer { to: ice.local().clone(), address: address("198.51.100.1:1") };
    let check = moved.check_from("again", false);
    assert_eq!(moved.sends(&mut ice, &check).0, Ok(Heard { chosen: true }));
    assert!(ice.accepts(&peer.to.ufrag));
    moved.address = address("198.51.100.1:2");
    let check = moved.check_from("again", true);
    assert_eq!(moved.sends(&mut ice, &check).0, Ok(Heard { chosen: true }));

    peer.address = old;
    assert!(!ice.accepts(&peer.to.ufrag));
    assert_eq!(peer.sends(&mut ice, &peer.check(true)).0, Err(Discard::UnknownUfrag));
    assert_eq!(ice.path(), Some(moved.address));
}
