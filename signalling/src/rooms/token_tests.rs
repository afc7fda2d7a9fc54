//! What makes a token good, and everything that does not.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;

use super::keys::Keys;
use super::token::{Claims, Grants, Invalid, mint, verify};
use crate::config::{ApiKey, Config};

const NOW: i64 = 1_800_000_000;

fn key(id: &str, letter: &str) -> ApiKey {
    ApiKey::try_from(format!("{id}:{}", letter.repeat(32))).unwrap()
}

fn keys() -> Keys {
    let mut config = Config::default();
    config.rooms.keys = vec![key("APIone", "a"), key("APItwo", "b")];
    Keys::load(&config).unwrap()
}

fn alice() -> Claims {
    Claims {
        sub: "alice".into(),
        name: "Alice".into(),
        nbf: Some((NOW - 5).into()),
        exp: Some((NOW + 600).into()),
        video: Grants { room: "garden".into(), room_join: true, ..Grants::default() },
        ..Claims::default()
    }
}

/// A token whose payload was exchanged under its signature.
fn altered(token: &str, claims: &Claims) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[1] = BASE64URL.encode(serde_json::to_vec(claims).unwrap());
    parts.join(".")
}

#[test]
fn a_token_says_what_was_put_into_it() {
    let token = mint(&key("APItwo", "b"), alice());
    let claims = verify(&keys(), &token, NOW).unwrap();
    assert_eq!(claims, Claims { iss: "APItwo".into(), ..alice() });
}

#[test]
fn tokens_of_other_makers_are_understood() {
    // made with another implementation of JWT: python3, hmac.digest(b"a" * 32, ..., "sha256")
    let token = "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiQVBJb25lIiwgInN1YiI6ICJib2IiLCAiZXhwIjogMTgwMDAwMDYwMC41LCAidmlkZW8iOiB7InJvb21Kb2luIjogdHJ1ZSwgInJvb20iOiAiZ2FyZGVuIiwgImNhblB1Ymxpc2giOiBmYWxzZSwgImhpZGRlbiI6IG51bGwsICJhZ2VudCI6IHRydWV9LCAia2luZCI6ICJhZ2VudCJ9";
    let signature = "Pbg-GVdQAM8AC51HE7VWyYrY-Tk3H40RWJ9eBCvnqtE";
    let claims = verify(&keys(), &format!("{token}.{signature}"), NOW).unwrap();
    assert_eq!((claims.sub.as_str(), claims.video.room.as_str()), ("bob", "garden"));
    assert_eq!((claims.video.can_publish, claims.video.can_subscribe), (Some(false), None));
}

#[test]
fn an_altered_token_is_refused() {
    let token = mint(keys().own(), alice());
    let mut other_room = verify(&keys(), &token, NOW).unwrap();
    other_room.video.room = "cellar".into();
    assert_eq!(verify(&keys(), &altered(&token, &other_room), NOW), Err(Invalid::Signature));
    for cut in [token.len() - 1, token.len() - 10] {
        assert!(verify(&keys(), &token[..cut], NOW).is_err());
    }
}

#[test]
fn a_token_of_an_unknown_key_or_another_secret_is_refused() {
    let unknown = mint(&key("APIthree", "a"), alice());
    assert_eq!(verify(&keys(), &unknown, NOW), Err(Invalid::Key));
    let forged = mint(&key("APIone", "b"), alice());
    assert_eq!(verify(&keys(), &forged, NOW), Err(Invalid::Signature));
}

#[test]
fn only_hs256_counts() {
    let token = mint(keys().own(), alice());
    let (_, rest) = token.split_once('.').unwrap();
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS512"}"#, r#"{"alg":"hs256"}"#] {
        let token = format!("{}.{rest}", BASE64URL.encode(header));
        assert_eq!(verify(&keys(), &token, NOW), Err(Invalid::Algorithm), "{header}");
    }
    let unsigned = format!("{}..", BASE64URL.encode(r#"{"alg":"none"}"#));
    assert!(verify(&keys(), &unsigned, NOW).is_err());
}

#[test]
fn a_token_is_good_for_its_time_only() {
    let token = mint(keys().own(), alice());
    assert!(verify(&keys(), &token, NOW + 600).is_ok(), "clocks may differ a little");
    assert_eq!(verify(&keys(), &token, NOW + 661), Err(Invalid::Expired));
    assert_eq!(verify(&keys(), &token, NOW - 70), Err(Invalid::NotYet));
    let endless = mint(keys().own(), Claims { exp: None, ..alice() });
    assert_eq!(verify(&keys(), &endless, NOW), Err(Invalid::Expired));
}

#[test]
fn what_is_no_token_is_refused() {
    for garbage in ["", ".", "..", "a.b.c", "a.b", "é.é.é", &"x".repeat(70_000)] {
        assert!(verify(&keys(), garbage, NOW).is_err(), "{garbage}");
    }
    let nobody = mint(keys().own(), Claims { sub: String::new(), ..alice() });
    assert_eq!(verify(&keys(), &nobody, NOW), Err(Invalid::Nobody));
}

/// A token as another maker would write it.
fn written(claims: &str) -> String {
    let token = mint(keys().own(), alice());
    let (header, _) = token.split_once('.').unwrap();
    let signed = format!("{header}.{}", BASE64URL.encode(claims));
    format!("{signed}.{}", BASE64URL.encode(super::token::sign(keys().own(), &signed)))
}

#[test]
fn what_is_null_was_not_said() {
    let claims = r#"{"iss": "APIone", "sub": "bob", "exp": 1800000600, "nbf": null, "name": null, "metadata": null,
        "attributes": {"mood": null, "hat": "red"}, "kind": null, "kindDetails": [null], "roomConfig": null,
        "roomPreset": null, "video": {"roomJoin": true, "room": "garden", "canPublish": null,
        "canPublishSources": null, "hidden": null, "recorder": null}}"#;
    let claims = verify(&keys(), &written(claims), NOW).unwrap();
    let attributes = [("hat".to_owned(), "red".to_owned())].into();
    let video = Grants { room: "garden".into(), room_join: true, ..Grants::default() };
    let (iss, sub, exp) = ("APIone".into(), "bob".into(), Some(1_800_000_600.into()));
    assert_eq!(claims, Claims { iss, sub, exp, attributes, video, ..Claims::default() });
    for video in [r#"null"#, r#"{"room": null, "roomJoin": null}"#, r#"{}"#] {
        let claims =
            format!(r#"{{"iss": "APIone", "sub": "bob", "exp": 1800000600, "video": {video}}}"#);
        assert_eq!(verify(&keys(), &written(&claims), NOW).unwrap().video, Grants::default());
    }
}

#[test]
fn an_array_is_no_object() {
    for claims in [
        r#"["APIone", "bob", null, 1800000600]"#,
        r#"{"iss": "APIone", "sub": "bob", "exp": 1800000600, "video": ["garden", true]}"#,
        r#"{"iss": "APIone", "sub": "bob", "exp": 1800000600, "attributes": []}"#,
    ] {
        assert!(verify(&keys(), &written(claims), NOW).is_err(), "{claims}");
    }
}

#[test]
fn a_token_may_be_long_but_not_without_end() {
    let long = Claims { metadata: "x".repeat(40_000), ..alice() };
    assert!(verify(&keys(), &mint(keys().own(), long), NOW).is_ok());
    let too_long = Claims { metadata: "x".repeat(60_000), ..alice() };
    assert_eq!(verify(&keys(), &mint(keys().own(), too_long), NOW), Err(Invalid::TooLong));
}

#[test]
fn numbers_are_read_as_protobuf_writes_them() {
    let read = |config: &str| {
        let claims = format!(
            r#"{{"iss": "APIone", "sub": "bob", "exp": 1800000600, "roomConfig": {config}}}"#
        );
        verify(&keys(), &written(&claims), NOW).map(|claims| claims.room_config.unwrap())
    };
    for number in ["2", "2.0", r#""2""#, r#""2.0""#, "2e0"] {
        let config =
            read(&format!(r#"{{"maxParticipants": {number}, "empty_timeout": {number}}}"#));
        let config = config.unwrap_or_else(|why| panic!("{number}: {why}"));
        assert_eq!((config.max_participants, config.empty_timeout), (2, 2), "{number}");
    }
    let both = read(r#"{"emptyTimeout": 5, "empty_timeout": 6, "departureTimeout": "7"}"#).unwrap();
    assert_eq!((both.empty_timeout, both.departure_timeout), (5, 7));
    for odd in ["-1", "2.5", r#""two""#, "[2]", "true", "1e300"] {
        let config = read(&format!(r#"{{"maxParticipants": {odd}}}"#));
        assert_eq!(config.unwrap_err(), Invalid::Claims, "{odd}");
    }
}
