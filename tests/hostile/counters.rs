//! An operator sees in `/metrics` what is refused, by its code.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::stage::{Answer, Person, Socket, Stage, Upload, send};

/// What was refused for a reason so far.
async fn refused(stage: &Stage, code: &str) -> f64 {
    stage.counter("beckon_refusals_total", &format!("code=\"{code}\"")).await
}

async fn post(stage: &Stage, path: &str, body: Value) -> Answer {
    let request = stage.first().request(Method::POST, &format!("/api/v1/{path}")).json(&body);
    Answer::read(format!("POST {path}"), request.send().await.expect("an answer")).await
}

/// Alice and Bob, who are contacts, and Mallory, who is not.
async fn scene(stage: &Stage) -> (Person, Person, Person) {
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    (alice, bob, stage.person("mallory").await)
}

#[tokio::test]
async fn every_refusal_of_a_request_is_counted_by_its_code() {
    let stage = Stage::new().await;
    let (alice, bob, mallory) = scene(&stage).await;
    let room = alice.room_with(&bob).await;
    let wrong = json!({"name": "alice", "password": "not her password"});
    let unknown = json!({"name": "nobody", "password": "not her password"});
    let taken = json!({"name": "alice", "password": "long enough"});
    let short = json!({"name": "a", "password": "long enough"});

    for (code, answer) in [
        ("wrong_credentials", post(&stage, "logins", wrong).await),
        ("wrong_credentials", post(&stage, "logins", unknown).await),
        ("name_taken", post(&stage, "users", taken).await),
        ("invalid", post(&stage, "users", short).await),
        ("malformed", post(&stage, "users", json!([])).await),
        ("unauthenticated", stage.first().get("/api/v1/me").await),
        ("not_member", mallory.get(&room.path("/messages")).await),
        ("not_contacts", mallory.post("conversations/direct", json!({"user_id": bob.id})).await),
        ("too_large", Upload::create(&alice, "huge.bin", "", 200 << 20).await),
    ] {
        assert_eq!(answer.json()["code"], code, "{}", answer.text());
    }
    for (code, times) in [
        ("wrong_credentials", 2.0),
        ("name_taken", 1.0),
        ("invalid", 1.0),
        ("malformed", 1.0),
        ("unauthenticated", 1.0),
        ("not_member", 1.0),
        ("not_contacts", 1.0),
        ("too_large", 1.0),
    ] {
        assert_eq!(refused(&stage, code).await, times, "{code}");
    }
}

#[tokio::test]
async fn every_refusal_of_a_frame_is_counted_by_its_code() {
    let stage = Stage::new().await;
    let (alice, bob, mallory) = scene(&stage).await;
    let room = alice.room_with(&bob).await;
    let call = json!({"type": "call_start", "call_id": Uuid::new_v4(), "user_id": bob.id, "media": "voice"});
    let signal = json!({"type": "call_signal", "call_id": Uuid::new_v4(), "signal": {"kind": "offer", "sdp": "v=0"}});
    for (frame, code) in [
        (send(Uuid::new_v4(), "boo", &room), "not_member"),
        (call, "not_contacts"),
        (signal, "not_found"),
        (json!({"type": "launch_missiles"}), "malformed"),
        (send(Uuid::new_v4(), "", &room), "invalid"),
    ] {
        let before = refused(&stage, code).await;
        mallory.socket().await.say(frame).await;
        assert_eq!(mallory.notices("error").await["error"]["code"], code);
        assert_eq!(refused(&stage, code).await, before + 1.0, "{code}");
    }
}

#[tokio::test]
async fn every_socket_that_is_closed_is_counted_by_its_reason() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let huge = "x".repeat(1 << 20);
    for (first, reason) in [("{}", "malformed"), (huge.as_str(), "too_long")] {
        let label = format!("reason=\"{reason}\"");
        let before = stage.counter("beckon_sockets_closed_total", &label).await;
        let mut socket = Socket::open(stage.first(), &alice.tokens().access).await.unwrap();
        if reason == "too_long" {
            socket.hello().await;
        }
        socket.say_raw(Message::text(first)).await;
        socket.closes().await;
        stage.counter_rises("beckon_sockets_closed_total", &label, before).await;
    }
}
