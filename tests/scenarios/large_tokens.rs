//! Tokens of LiveKit's with many attributes: up to 64 KiB, in a header or in the address.

use std::collections::HashMap;

use beckon_signalling::config::ApiKey;
use beckon_signalling::rooms::token::{Claims, Grants, mint};
use reqwest::{Method, Response};
use serde_json::json;

use crate::stage::{Seat, Stage};

const SECRET: &str = "a secret of thirty-two letters or more";

/// A token of about 60 KiB.
fn large_token() -> String {
    let attributes: HashMap<_, _> =
        (0..45).map(|n| (format!("attribute {n}"), "x".repeat(1000))).collect();
    let video = Grants { room: "garden".into(), room_join: true, ..Grants::default() };
    let claims = Claims {
        sub: "ann".into(),
        exp: Some(4_102_444_800_i64.into()),
        attributes,
        video,
        ..Claims::default()
    };
    let token = mint(&ApiKey { id: "big".into(), secret: SECRET.into() }, claims);
    assert!((60_000..64_000).contains(&token.len()), "{}", token.len());
    token
}

#[tokio::test]
async fn a_token_of_sixty_kibibytes_lets_in_by_header_and_by_address() {
    let keys = format!("big:{SECRET}");
    let stage = Stage::configured(&[("BECKON_ROOMS__KEYS", keys.as_str())]).await;
    let token = large_token();
    // one after the other: a client may keep its connection for all of them
    for _ in 0..3 {
        let asked = stage.first().request(Method::GET, "/rtc/validate").bearer_auth(&token);
        let answer = asked.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "in the header");
        let path = format!("/rtc/validate?access_token={token}");
        let answer = stage.first().request(Method::GET, &path).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "in the address");
    }
    let url = format!("ws://{}", stage.first().address());
    let mut seat = Seat::take(&json!({"url": url, "token": token})).await;
    seat.is_heard().await;

    let longer = format!("/rtc/validate?access_token={}", "x".repeat(60_000));
    let both = stage.first().request(Method::GET, &longer).bearer_auth(&token);
    let answer = both.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 431, "there is an end");
    says_its_limit(answer, "98304").await;
}

/// A page of another origin can read it.
async fn says_its_limit(answer: Response, limit: &str) {
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let words = answer.text().await.expect("words");
    assert!(words.contains(limit), "{words}");
}
