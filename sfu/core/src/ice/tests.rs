//! Which checks are answered, where they lead, and that nothing is sent to where nobody answers.

use super::*;
use crate::stun::Check;

const PWD: &str = "the password of the peer";

struct Peer {
    to: IceCredentials,
    address: SocketAddr,
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn agent() -> (Ice, Peer) {
    let mut ice = Ice::new(Instant::now());
    ice.set_remote("peer", PWD);
    let to = ice.local().clone();
    (ice, Peer { to, address: address("192.0.2.7:4000") })
}

/// Checks of ours that are due, with where they go.
fn checks(now: Instant, ice: &mut Ice) -> Vec<(SocketAddr, Vec<u8>)> {
    let next = || {
        let mut out = Vec::new();
        ice.poll_check(now, &mut out).map(|to| (to, out))
    };
    std::iter::from_fn(next).collect()
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
            role: IceRole::Controlling { use_candidate },
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

    /// Answers a check of ours.
    fn answers(&self, now: Instant, ice: &mut Ice, check: &[u8]) -> Result<Heard, Discard> {
        let check = stun::read(check).unwrap();
        assert!(check.verified(PWD) && check.controlled());
        let mut answer = Vec::new();
        stun::write_success(&mut answer, check.transaction(), self.address, PWD);
        self.sends_at(now, ice, &answer).0
    }

    /// Checks, and answers if it is checked. Whether it is sent to from now on.
    fn visits(&self, now: Instant, ice: &mut Ice, use_candidate: bool) -> bool {
        let mut heard = self.sends_at(now, ice, &self.check(use_candidate)).0.unwrap();
        for (to, check) in checks(now, ice) {
            if to == self.address {
                heard = self.answers(now, ice, &check).unwrap();
            }
        }
        heard.chosen
    }
}

#[test]
fn credentials_are_long_enough_and_never_the_same() {
    let (one, other) = (IceCredentials::fresh(), IceCredentials::fresh());
    assert!(one.ufrag.len() >= 4 && one.pwd.len() >= 22);
    assert!(one.ufrag != other.ufrag && one.pwd != other.pwd);
    assert!(!format!("{one:?}").contains(&one.pwd));
}

#[test]
fn the_first_answer_gives_a_path_and_nomination_moves_it() {
    let (mut ice, mut peer) = agent();
    let now = Instant::now();
    let (heard, answer) = peer.sends_at(now, &mut ice, &peer.check(false));
    assert_eq!((heard, ice.path()), (Ok(Heard { chosen: false }), None));
    let answer = stun::read(&answer).unwrap();
    assert_eq!(answer.mapped_address(), Some(peer.address));
    assert!(answer.verified(&peer.to.pwd));

    let first = peer.address;
    assert!(peer.visits(now, &mut ice, false));
    assert_eq!(ice.path(), Some(first));
    peer.address = address("[2001:db8::9]:5000");
    assert!(!peer.visits(now, &mut ice, false));
    assert_eq!(ice.path(), Some(first));
    assert!(peer.visits(now, &mut ice, true), "it has answered already");
    assert_eq!(ice.path(), Some(peer.address));
    assert!(peer.visits(now, &mut ice, true));
}

/// By the peer itself, or by somebody who has seen its check and repeats it.
#[test]
fn nothing_can_be_aimed_at_an_address_by_a_forged_source() {
    let (mut ice, mut peer) = agent();
    let start = Instant::now();
    assert!(peer.visits(start, &mut ice, true));
    let home = peer.address;
    peer.address = address("203.0.113.66:53");
    let (mut received, mut sent) = (0, 0);
    for seconds in 0..100 {
        let now = start + Duration::from_secs(seconds);
        let check = peer.check(true);
        received += check.len();
        sent += peer.sends_at(now, &mut ice, &check).1.len();
        sent += checks(now, &mut ice).iter().map(|(_, check)| check.len()).sum::<usize>();
        assert_eq!(ice.path(), Some(home));
    }
    assert!(sent <= 3 * received, "{sent} bytes for {received}");
    // Answers of others count for nothing: from elsewhere, to another check, without the password.
    peer.sends(&mut ice, &peer.check(true)).0.unwrap();
    let (_, check) = checks(start + Duration::from_secs(101), &mut ice).remove(0);
    let victim = std::mem::replace(&mut peer.address, address("198.51.100.1:1"));
    assert_eq!(peer.answers(start, &mut ice, &check), Err(Discard::Stale));
    peer.address = victim;
    let mut forged = Vec::new();
    let transaction = *stun::read(&check).unwrap().transaction();
    stun::write_success(&mut forged, &transaction, victim, "not the password");
    assert_eq!(peer.sends(&mut ice, &forged).0, Err(Discard::BadIntegrity));
    assert_eq!(ice.path(), Some(home));
    assert_eq!(peer.answers(start, &mut ice, &check), Ok(Heard { chosen: true }));
    assert_eq!(peer.answers(start, &mut ice, &check), Err(Discard::Stale), "only once");
}

#[test]
fn a_check_that_gets_lost_is_repeated() {
    let (mut ice, peer) = agent();
    let start = Instant::now();
    let check = peer.check(false);
    peer.sends_at(start, &mut ice, &check).0.unwrap();
    let first = checks(start, &mut ice);
    assert_eq!(first.len(), 1, "at once");
    assert_eq!(checks(start + Duration::from_millis(99), &mut ice), []);
    let again = checks(start + Duration::from_millis(100), &mut ice);
    assert_eq!(again, first);
    assert_eq!(peer.answers(start, &mut ice, &again[0].1), Ok(Heard { chosen: true }));
    assert_eq!(checks(start + Duration::from_secs(9), &mut ice), []);
}

/// As with a browser that has had its answer and begins with DTLS, while ours are lost.
#[test]
fn checks_go_on_as_long_as_the_peer_is_heard() {
    let (mut ice, peer) = agent();
    let start = Instant::now();
    peer.sends_at(start, &mut ice, &peer.check(true)).0.unwrap();
    let mut last = (start, Vec::new());
    for ms in (0..20_000).step_by(50) {
        let now = start + Duration::from_millis(ms);
        if ms % 500 == 0 {
            ice.received(peer.address, 150);
        }
        last = checks(now, &mut ice).pop().map_or(last, |(_, check)| (now, check));
        let silence = now - last.0;
        assert!(silence <= Duration::from_millis(500), "none for {silence:?} after {ms} ms");
    }
    assert_eq!(peer.answers(last.0, &mut ice, &last.1), Ok(Heard { chosen: true }));
}

#[test]
fn checks_before_the_description_are_answered_from_then_on() {
    let mut ice = Ice::new(Instant::now());
    let peer = Peer { to: ice.local().clone(), address: address("192.0.2.7:4000") };
    assert!(!peer.visits(Instant::now(), &mut ice, true));
    ice.set_remote("peer", PWD);
    let (_, check) = checks(Instant::now(), &mut ice).remove(0);
    assert_eq!(peer.answers(Instant::now(), &mut ice, &check), Ok(Heard { chosen: true }));
}

#[test]
fn who_was_away_for_long_has_to_answer_again() {
    let (mut ice, mut peer) = agent();
    let start = Instant::now();
    let home = peer.address;
    assert!(peer.visits(start, &mut ice, true));
    peer.address = address("192.0.2.7:4001");
    assert!(peer.visits(start, &mut ice, true));
    peer.address = home;
    let later = start + Duration::from_secs(31);
    let heard = peer.sends_at(later, &mut ice, &peer.check(true)).0;
    assert_eq!(heard, Ok(Heard { chosen: false }));
}

#[test]
fn a_path_that_fell_silent_gives_way_without_nomination() {
    let (mut ice, mut peer) = agent();
    let start = Instant::now();
    assert!(peer.visits(start, &mut ice, true));
    let old = peer.address;
    peer.address = address("192.0.2.7:4001");
    for (ms, path) in [(9900, old), (10_100, peer.address)] {
        peer.visits(start + Duration::from_millis(ms), &mut ice, false);
        assert_eq!(ice.path(), Some(path), "after {ms} ms");
    }
}

#[test]
fn what_is_in_use_survives_any_number_of_restarts() {
    let (mut ice, peer) = agent();
    let now = Instant::now();
    assert!(peer.visits(now, &mut ice, true));
    (0..3).for_each(|_| ice.restart());
    assert!(peer.sends(&mut ice, &peer.check(true)).0.is_ok());
    ice.set_remote("peer", PWD);
    let renewed = Peer { to: ice.local().clone(), address: peer.address };
    assert!(renewed.visits(now, &mut ice, true));
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
    assert_eq!(
        peer.sends(&mut ice, &peer.check_from("stranger", true)).0,
        Err(Discard::UnknownUfrag)
    );
    peer.to.ufrag = "nobody".into();
    assert!(!ice.accepts(&peer.to.ufrag));
    assert_eq!(peer.sends(&mut ice, &peer.check(true)).0, Err(Discard::UnknownUfrag));
    assert_eq!(checks(Instant::now(), &mut ice), []);
}

#[test]
fn an_answer_to_nothing_is_nothing() {
    let (mut ice, peer) = agent();
    let mut response = Vec::new();
    stun::write_success(&mut response, b"abcdefghijkl", peer.address, PWD);
    assert_eq!(peer.sends(&mut ice, &response).0, Err(Discard::Stale));
    assert_eq!(ice.path(), None);
}

#[test]
fn after_a_restart_old_checks_are_answered_until_the_new_pair_is_nominated() {
    let (mut ice, mut peer) = agent();
    let now = Instant::now();
    assert!(peer.visits(now, &mut ice, true));
    let old = peer.address;

    ice.restart();
    ice.set_remote("peer", PWD);
    assert_eq!(peer.sends(&mut ice, &peer.check(true)).0, Ok(Heard { chosen: false }));
    assert_eq!(ice.path(), Some(old));

    let mut moved = Peer { to: ice.local().clone(), address: address("198.51.100.1:1") };
    assert!(moved.visits(now, &mut ice, false));
    assert!(ice.accepts(&peer.to.ufrag));
    moved.address = address("198.51.100.1:2");
    assert!(moved.visits(now, &mut ice, true));

    peer.address = old;
    assert!(!ice.accepts(&peer.to.ufrag));
    assert_eq!(peer.sends(&mut ice, &peer.check(true)).0, Err(Discard::UnknownUfrag));
    assert_eq!(ice.path(), Some(moved.address));
}
