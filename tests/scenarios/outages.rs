//! What a node stands on goes away without a word.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Person, Room, Stage, eventually, send};

/// After this people and health checks have given up; a wait has limits well below it.
const GIVEN_UP: Duration = Duration::from_secs(9);

#[tokio::test]
async fn a_silent_database_is_said_in_time_and_forgotten_when_it_speaks() {
    let Some((stage, database)) = Stage::on_silenceable_database().await else { return };
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    alice.says("before", &room).await;

    database.goes_silent();
    let asked = Instant::now();
    let (_, _, _, _) = tokio::join!(
        is_unavailable(&alice, Method::GET, "conversations", None),
        is_unavailable(&bob, Method::GET, "contacts", None),
        is_unavailable(&alice, Method::PATCH, "me", Some(json!({"nickname": "al"}))),
        alice.is_refused(send(Uuid::new_v4(), "hello?", &room), "unavailable"),
    );
    assert!(asked.elapsed() < GIVEN_UP, "answered after {:?}", asked.elapsed());
    let asked = Instant::now();
    let ready = stage.first().get("/readyz").await;
    assert_eq!(ready.status.as_u16(), 503);
    assert_eq!(ready.text(), "not ready: the database does not answer\n");
    assert!(asked.elapsed() < Duration::from_secs(3), "a probe took {:?}", asked.elapsed());

    database.speaks_again();
    eventually("readiness", || async { stage.first().get("/readyz").await.status.as_u16() == 200 })
        .await;
    alice.says("after", &room).await;
    bob.hears("after").await;
}

async fn is_unavailable(person: &Person, method: Method, path: &str, body: Option<Value>) {
    let mut request = person.request(method, path);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.expect("an answer");
    let answer = crate::stage::Answer::read(path.to_owned(), answer).await;
    assert_eq!(answer.is_refused(503, "unavailable")["retryable"], true);
}

#[tokio::test]
async fn a_node_whose_redis_went_silent_hears_the_others_again() {
    let Some((stage, redis)) = Stage::shared_on_silenceable_redis().await else { return };
    let far = stage.node().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let bob = bob.at(&far);
    bob.connects().await;
    hears_of(&alice, &bob, &room).await;

    redis.goes_silent();
    alice.says("into the silence", &room).await;
    redis.speaks_again();
    // what was missed is told of, and what comes is heard
    bob.notices("sync").await;
    hears_of(&alice, &bob, &room).await;
}

/// One of the messages that alice says until bob hears one.
async fn hears_of(alice: &Person, bob: &Person, room: &Room) {
    let heard = async {
        bob.notices_that("message", |frame| frame["message"]["body"]["text"] == "anybody?").await
    };
    let saying = async {
        loop {
            alice.says("anybody?", room).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    tokio::select! {
        _ = heard => {}
        () = saying => {}
    }
}
