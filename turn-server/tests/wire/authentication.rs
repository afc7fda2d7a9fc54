use beckon_turn_server::{Credentials, password};
use rtc_stun::attributes::*;
use rtc_stun::message::*;

use crate::ask::{Answer, Ask};
use crate::stage::{PEER, Person, REALM, SECRET, START_S, Stage, settings};

/// What comes back when the request is signed in this way.
fn ask_with(sign: impl FnOnce(&mut Person, &mut Stage) -> Vec<u8>) -> Answer {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let bytes = sign(&mut alice, &mut stage);
    Answer::only(&stage.hear(alice.client, &bytes))
}

fn nonce(alice: &mut Person, stage: &mut Stage) -> String {
    alice.signed(stage, Ask::allocate());
    alice.nonce.clone().unwrap()
}

#[track_caller]
fn is_challenge(answer: &Answer, code: u16) {
    assert_eq!(answer.code(), Some(code));
    assert_eq!(answer.text(ATTR_REALM), REALM);
    assert!(!answer.text(ATTR_NONCE).is_empty());
    assert!(!answer.has(ATTR_MESSAGE_INTEGRITY) && !answer.has(ATTR_USERNAME));
}

#[track_caller]
fn is_bad_request(answer: &Answer) {
    assert_eq!(answer.code(), Some(400));
    for kind in [ATTR_REALM, ATTR_NONCE, ATTR_USERNAME, ATTR_MESSAGE_INTEGRITY] {
        assert!(!answer.has(kind), "{kind}");
    }
}

/// Someone with a name that the shared secret vouches for.
fn guest(name: &str, secret: &str) -> Person {
    Person::new(name, &password(secret, name), "62.1.1.3:1000")
}

/// RFC 8489, 9.2.4
#[test]
fn allocate_without_integrity_is_challenged() {
    is_challenge(&ask_with(|_, _| Ask::allocate().unsigned()), 401);
}

/// RFC 8656, 5
#[test]
fn refresh_without_integrity_is_challenged() {
    is_challenge(&ask_with(|_, _| Ask::refresh(0).unsigned()), 401);
}

/// RFC 8656, 5
#[test]
fn create_permission_without_integrity_is_challenged() {
    is_challenge(&ask_with(|_, _| Ask::permission(&[PEER]).unsigned()), 401);
}

/// RFC 8656, 5
#[test]
fn channel_bind_without_integrity_is_challenged() {
    is_challenge(&ask_with(|_, _| Ask::channel(0x4000, PEER).unsigned()), 401);
}

/// RFC 8489, 9.2.4
#[test]
fn who_is_not_authenticated_is_not_told_what_is_wrong() {
    is_challenge(&ask_with(|_, _| Ask::allocate().raw(AttrType(0x7001), b"").unsigned()), 401);
    is_challenge(&ask_with(|_, _| Ask::new(METHOD_ALLOCATE).unsigned()), 401);
}

/// RFC 8489, 9.2.4
#[test]
fn integrity_without_a_username_is_400() {
    is_bad_request(&ask_with(|alice, stage| {
        let nonce = nonce(alice, stage);
        let ask = Ask::allocate().text(ATTR_REALM, REALM).text(ATTR_NONCE, &nonce);
        ask.signed(alice.key().bytes())
    }));
}

/// RFC 8489, 9.2.4
#[test]
fn integrity_without_a_realm_is_400() {
    is_bad_request(&ask_with(|alice, stage| {
        let nonce = nonce(alice, stage);
        let ask = Ask::allocate().text(ATTR_USERNAME, "alice").text(ATTR_NONCE, &nonce);
        ask.signed(alice.key().bytes())
    }));
}

/// RFC 8489, 9.2.4
#[test]
fn integrity_without_a_nonce_is_400() {
    is_bad_request(&ask_with(|alice, _| {
        let ask = Ask::allocate().text(ATTR_USERNAME, "alice").text(ATTR_REALM, REALM);
        ask.signed(alice.key().bytes())
    }));
}

/// RFC 8489, 9.2.4
#[test]
fn a_hashed_username_is_not_offered_and_so_400() {
    is_bad_request(&ask_with(|alice, stage| {
        let nonce = nonce(alice, stage);
        let ask = Ask::allocate().raw(ATTR_USER_HASH, &[7; 32]).text(ATTR_REALM, REALM);
        ask.text(ATTR_NONCE, &nonce).signed(alice.key().bytes())
    }));
}

/// RFC 8489, 9.2.4
#[test]
fn a_wrong_password_is_401() {
    is_challenge(
        &ask_with(|alice, stage| {
            alice.password = "wrong".into();
            alice.signed(stage, Ask::allocate())
        }),
        401,
    );
}

/// RFC 8489, 9.2.4
#[test]
fn an_unknown_user_is_401() {
    is_challenge(
        &ask_with(|alice, stage| {
            alice.name = "mallory".into();
            alice.signed(stage, Ask::allocate())
        }),
        401,
    );
}

/// RFC 8489, 9.2.4
#[test]
fn another_realm_is_401() {
    is_challenge(
        &ask_with(|alice, stage| {
            let nonce = nonce(alice, stage);
            let ask = Ask::allocate().text(ATTR_USERNAME, "alice").text(ATTR_REALM, "elsewhere");
            let key = beckon_turn_server::Key::new("alice", "elsewhere", "a");
            ask.text(ATTR_NONCE, &nonce).signed(key.bytes())
        }),
        401,
    );
}

/// RFC 8489, 9.2.4
#[test]
fn a_changed_request_is_401() {
    is_challenge(
        &ask_with(|alice, stage| {
            let mut bytes = alice.signed(stage, Ask::allocate());
            // The transaction id.
            bytes[10] ^= 1;
            bytes
        }),
        401,
    );
}

/// RFC 8489, 14.5
#[test]
fn integrity_of_a_wrong_length_is_401() {
    for len in [0, 4, 16, 19, 21, 24, 32] {
        is_challenge(
            &ask_with(|alice, stage| {
                let nonce = nonce(alice, stage);
                let ask = Ask::allocate().text(ATTR_USERNAME, "alice").text(ATTR_REALM, REALM);
                let ask = ask.text(ATTR_NONCE, &nonce);
                ask.raw(ATTR_MESSAGE_INTEGRITY, &vec![0; len]).unsigned()
            }),
            401,
        );
    }
}

/// RFC 8489, 14.5
#[test]
fn what_follows_integrity_is_ignored() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let bytes = alice.signed(&mut stage, Ask::new(METHOD_ALLOCATE));
    let mut message = Message::new();
    message.unmarshal_binary(&bytes).unwrap();
    let misplaced = Ask(message).raw(ATTR_REQUESTED_TRANSPORT, &[17, 0, 0, 0]).unsigned();
    let answer = Answer::only(&stage.hear(alice.client, &misplaced));
    assert_eq!(answer.code(), Some(400), "REQUESTED-TRANSPORT is not covered");
}

/// RFC 8489, 14.7
#[test]
fn a_fingerprint_may_follow_integrity() {
    let answer = ask_with(|alice, stage| {
        let nonce = nonce(alice, stage);
        let ask = Ask::allocate().text(ATTR_USERNAME, "alice").text(ATTR_REALM, REALM);
        ask.text(ATTR_NONCE, &nonce).sign(alice.key().bytes()).fingerprint().unsigned()
    });
    answer.success();
}

/// RFC 8489, 14.6
#[test]
fn integrity_may_be_sha256() {
    for len in [16, 20, 32] {
        let answer = ask_with(|alice, stage| {
            let nonce = nonce(alice, stage);
            let ask = Ask::allocate().text(ATTR_USERNAME, "alice").text(ATTR_REALM, REALM);
            ask.text(ATTR_NONCE, &nonce).sign_sha256(alice.key().bytes(), len).unsigned()
        });
        // The password algorithm was MD5, so this is what the answer has.
        assert!(answer.success().is_signed_with(Person::alice().key().bytes()), "{len}");
    }
}

/// RFC 8489, 14.6
#[test]
fn sha256_that_is_cut_too_short_is_401() {
    for len in [4, 12] {
        is_challenge(
            &ask_with(|alice, stage| {
                let nonce = nonce(alice, stage);
                let ask = Ask::allocate().text(ATTR_USERNAME, "alice").text(ATTR_REALM, REALM);
                ask.text(ATTR_NONCE, &nonce).sign_sha256(alice.key().bytes(), len).unsigned()
            }),
            401,
        );
    }
}

/// RFC 8489, 9.2.4
#[test]
fn of_two_integrities_sha256_counts() {
    let both = |wrong: bool| {
        ask_with(move |alice, stage| {
            let nonce = nonce(alice, stage);
            let ask = Ask::allocate().text(ATTR_USERNAME, "alice").text(ATTR_REALM, REALM);
            let ask = ask.text(ATTR_NONCE, &nonce).sign(alice.key().bytes());
            let key = if wrong { b"wrong".to_vec() } else { alice.key().bytes().to_vec() };
            ask.sign_sha256(&key, 32).unsigned()
        })
    };
    both(false).success();
    is_challenge(&both(true), 401);
}

/// RFC 8489, 9.2.4
#[test]
fn a_nonce_that_we_did_not_make_is_438() {
    is_challenge(
        &ask_with(|alice, stage| {
            alice.nonce = Some("made-up".into());
            alice.signed(stage, Ask::allocate())
        }),
        438,
    );
}

/// RFC 8489, 9.2.4
#[test]
fn an_old_nonce_is_438_and_the_new_one_works() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    alice.signed(&mut stage, Ask::allocate());
    stage.wait(3601);
    let bytes = alice.signed(&mut stage, Ask::allocate());
    let answer = Answer::only(&stage.hear(alice.client, &bytes));
    is_challenge(&answer, 438);
    alice.nonce = Some(answer.text(ATTR_NONCE));
    alice.allocates(&mut stage);
}

/// RFC 8489, 9.2.4
#[test]
fn nobody_can_use_anothers_nonce() {
    let (mut stage, mut alice, mut bob) = (Stage::new(), Person::alice(), Person::bob());
    alice.signed(&mut stage, Ask::allocate());
    bob.nonce = alice.nonce;
    let bytes = bob.signed(&mut stage, Ask::allocate());
    is_challenge(&Answer::only(&stage.hear(bob.client, &bytes)), 438);
}

/// RFC 8489, 14.3
#[test]
fn a_username_has_at_most_508_bytes() {
    is_bad_request(&ask_with(|alice, stage| {
        let nonce = nonce(alice, stage);
        let ask = Ask::allocate().raw(ATTR_USERNAME, &[b'a'; 509]).text(ATTR_REALM, REALM);
        ask.text(ATTR_NONCE, &nonce).signed(alice.key().bytes())
    }));
}

/// RFC 8489, 14.3
#[test]
fn a_username_is_text() {
    is_bad_request(&ask_with(|alice, stage| {
        let nonce = nonce(alice, stage);
        let ask = Ask::allocate().raw(ATTR_USERNAME, &[0xff, 0xfe]).text(ATTR_REALM, REALM);
        ask.text(ATTR_NONCE, &nonce).signed(alice.key().bytes())
    }));
}

/// RFC 8489, 14.9 and 14.10
#[test]
fn realm_and_nonce_have_at_most_763_bytes() {
    for kind in [ATTR_REALM, ATTR_NONCE] {
        is_bad_request(&ask_with(|alice, _| {
            let ask = Ask::allocate().text(ATTR_USERNAME, "alice").raw(kind, &[b'a'; 764]);
            ask.text(ATTR_REALM, REALM).text(ATTR_NONCE, "n").signed(alice.key().bytes())
        }));
    }
}

/// RFC 8489, 6.3.1
#[test]
fn an_unknown_attribute_is_420_and_signed() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let answer = alice.asks(&mut stage, Ask::allocate().raw(AttrType(0x7001), b""));
    assert_eq!(answer.code(), Some(420));
    assert_eq!(answer.message.get(ATTR_UNKNOWN_ATTRIBUTES).unwrap(), [0x70, 0x01]);
    assert_eq!(stage.allocations(), 0);
}

/// RFC 8489, 9.2.4
#[test]
fn a_password_algorithm_that_was_not_offered_is_420() {
    let (mut stage, mut alice) = (Stage::new(), Person::alice());
    let answer =
        alice.asks(&mut stage, Ask::allocate().raw(ATTR_PASSWORD_ALGORITHM, &[0, 2, 0, 0]));
    assert_eq!(answer.code(), Some(420));
}

/// RFC 8656, 5
#[test]
fn a_name_that_the_secret_vouches_for_works() {
    let mut stage = Stage::new();
    guest(&format!("{}:carol", START_S + 60), SECRET).allocates(&mut stage);
    guest(&format!("{}", START_S + 60), SECRET).client.address.set_port(2000);
}

/// RFC 8656, 5
#[test]
fn a_name_may_be_the_time_alone() {
    guest(&format!("{}", START_S + 60), SECRET).allocates(&mut Stage::new());
}

/// RFC 8489, 9.2.4
#[test]
fn another_secret_is_401() {
    let (mut stage, mut carol) = (Stage::new(), guest(&format!("{}:carol", START_S + 60), "south"));
    let bytes = carol.signed(&mut stage, Ask::allocate());
    is_challenge(&Answer::only(&stage.hear(carol.client, &bytes)), 401);
}

/// RFC 8489, 9.2.4
#[test]
fn a_name_whose_time_is_over_is_401() {
    let (mut stage, mut carol) = (Stage::new(), guest(&format!("{}:carol", START_S + 60), SECRET));
    stage.wait(60);
    let bytes = carol.signed(&mut stage, Ask::allocate());
    is_challenge(&Answer::only(&stage.hear(carol.client, &bytes)), 401);
}

/// RFC 8656, 8
#[test]
fn a_name_whose_time_is_over_keeps_its_allocation() {
    let (mut stage, mut carol) = (Stage::new(), guest(&format!("{}:carol", START_S + 60), SECRET));
    carol.allocates(&mut stage);
    stage.wait(120);
    carol.asks(&mut stage, Ask::refresh(600)).success();
    carol.permits(&mut stage, &[PEER]).success();
}

/// RFC 8489, 9.2.4
#[test]
fn who_was_sent_away_is_401_under_the_same_name() {
    let name = format!("{}:carol", START_S + 60);
    let (mut stage, mut carol) = (Stage::new(), guest(&name, SECRET));
    carol.allocates(&mut stage);
    stage.revoke("carol");
    assert_eq!(stage.allocations(), 0);
    let bytes = carol.signed(&mut stage, Ask::allocate());
    is_challenge(&Answer::only(&stage.hear(carol.client, &bytes)), 401);
    guest(&format!("{}:dora", START_S + 60), SECRET).allocates(&mut stage);
}

/// RFC 8656, 5
#[test]
fn two_secrets_hold_while_one_replaces_the_other() {
    let mut settings = settings();
    settings.credentials = Credentials::new(REALM, vec!["new".into(), "old".into()], []);
    let mut stage = Stage::with(settings);
    for (at, secret) in ["new", "old"].iter().enumerate() {
        let mut person = guest(&format!("{}:carol", START_S + 60), secret);
        person.client.address.set_port(1000 + at as u16);
        person.allocates(&mut stage);
    }
}
