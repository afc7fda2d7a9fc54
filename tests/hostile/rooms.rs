//! Who wants into rooms without being asked, and who talks nonsense inside.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::stage::{Person, Room, Seat, Stage};

/// Joins that nobody allowed.
const BOGUS: usize = 10_000;

/// Alice, who is in the call of a group with Bob, her ticket, and Mallory in another group of hers.
async fn scene(stage: &Stage) -> (Person, Person, Room, Value) {
    let [alice, mallory] = stage.friends(["alice", "mallory"]).await;
    let room = alice.opens_group("Lunch", &[]).await;
    let ticket = alice.post(&room.path("/call"), json!({"media": "voice"})).await.ok();
    (alice, mallory, room, ticket)
}

async fn knocks(ticket: &Value, token: &str) -> u16 {
    let mut ticket = ticket.clone();
    ticket["token"] = json!(token);
    match Seat::knock(&ticket).await {
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{token}: {error}"),
        Ok(_) => panic!("{token} let in"),
    }
}

/// A token whose claims were changed, under the old signature.
fn altered(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let mut claims: Value =
        serde_json::from_slice(&BASE64URL.decode(parts[1]).expect("base64")).expect("claims");
    change(&mut claims);
    format!("{}.{}.{}", parts[0], BASE64URL.encode(claims.to_string()), parts[2])
}

#[tokio::test]
async fn ten_thousand_bogus_joins_are_refused_and_nobody_else_notices() {
    let stage = Stage::new().await;
    let (_alice, _, _, ticket) = scene(&stage).await;
    let mut inside = Seat::take(&ticket).await;
    let token = ticket["token"].as_str().expect("a token");
    let before = stage.counter("beckon_rtc_refused_total", "401").await;
    let knock = async |n: usize| {
        let forged = altered(token, |claims| claims["sub"] = json!(format!("nobody {n}")));
        let path = ["/rtc", "/rtc/v1", "/rtc/validate", "/rtc/v1/validate"][n % 4];
        let path = format!("{path}?access_token={forged}");
        let request = stage.first().request(Method::GET, &path);
        request.send().await.expect("an answer").status().as_u16()
    };
    let answers = stream::iter(0..BOGUS).map(knock).buffer_unordered(64);
    let answers: Vec<u16> = answers.collect().await;
    assert!(answers.iter().all(|status| *status == 401));
    stage.counter_rises("beckon_rtc_refused_total", "401", before + BOGUS as f64 - 1.0).await;
    inside.is_heard().await;
}

#[tokio::test]
async fn an_altered_token_lets_nobody_in() {
    let stage = Stage::new().await;
    let (alice, mallory, _, ticket) = scene(&stage).await;
    let own = mallory.opens_group("Plans", &[]).await;
    let mallorys = mallory.post(&own.path("/call"), json!({"media": "voice"})).await.ok();
    let token = mallorys["token"].as_str().expect("a token");
    let room = format!("call_{}", ticket["call"]["id"].as_str().expect("a call"));
    let parts: Vec<_> = token.split('.').collect();
    let none = BASE64URL.encode(r#"{"alg":"none","typ":"JWT"}"#);
    for forged in [
        altered(token, |claims| claims["video"]["room"] = json!(room)),
        altered(token, |claims| claims["sub"] = json!(alice.id)),
        altered(token, |claims| claims["exp"] = json!(4_000_000_000_u64)),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        token[..token.len() - 2].to_owned(),
        "x".repeat(9_000),
        "..".to_owned(),
        mallory.tokens().access,
    ] {
        assert_eq!(knocks(&ticket, &forged).await, 401, "{forged}");
    }
    let path = format!("/rtc?room={room}&access_token={token}");
    let elsewhere = stage.first().get(&path).await;
    assert!(elsewhere.status.is_client_error(), "{}", elsewhere.text());
    Seat::take(&mallorys).await.is_heard().await;
}

#[tokio::test]
async fn a_ticket_is_worth_nothing_when_its_call_is_over() {
    let stage = Stage::new().await;
    let (alice, _, room, ticket) = scene(&stage).await;
    Seat::take(&ticket).await.leaves().await;
    alice.notices_that("group_call", |frame| frame["call"]["state"] == "over").await;
    let token = ticket["token"].as_str().expect("a token");
    assert!((400..500).contains(&knocks(&ticket, token).await));
    alice.get(&room.path("/call")).await.is_refused(404, "not_found");
}

#[tokio::test]
async fn nonsense_inside_a_room_ends_the_socket_that_says_it_and_no_other() {
    let stage = Stage::new().await;
    let (alice, mallory, room, ticket) = scene(&stage).await;
    let mut alices = Seat::take(&ticket).await;
    let members = format!("groups/{}/members", room.id);
    alice.post(&members, json!({"user_ids": [mallory.id]})).await.ok();
    let garbage = Message::binary(vec![0xff; 64]);
    for (what, times, message) in [
        ("a frame of a megabyte", 1, Message::binary(vec![0; 1024 * 1024])),
        ("text", 1, Message::text("{\"ping\": 1}")),
        ("twenty times garbage", 20, garbage),
    ] {
        let ticket = mallory.post(&room.path("/call"), json!({"media": "voice"})).await.ok();
        let mut seat = Seat::take(&ticket).await;
        for _ in 0..times {
            seat.says_raw(message.clone()).await;
        }
        seat.is_closed().await;
        println!("{what}: closed");
        alices.is_heard().await;
    }
    stage.counter_rises("beckon_rtc_malformed_total", "", 19.0).await;
}
