//! Clients that hang up in the middle of a request: what was begun is finished, notices included.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

use crate::stage::{Person, Room, Stage, eventually, extent};

/// Asks over a connection that is cut off after `patience`, before any answer is read.
async fn asks_and_hangs_up(
    person: &Person,
    method: &str,
    path: &str,
    body: Option<Value>,
    patience: Duration,
) {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = format!(
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
        host = person.node().address(),
        token = person.tokens().access,
        length = body.len(),
    );
    let mut connection = TcpStream::connect(person.node().address()).await.expect("a connection");
    connection.set_zero_linger().expect("a socket that resets when it is dropped");
    connection.write_all(request.as_bytes()).await.expect("a request on its way");
    sleep(patience).await;
}

/// A different moment each round, from before the transaction to after its commit.
fn moment(round: u32) -> Duration {
    Duration::from_micros(200) * (round % 40)
}

async fn is_in(by: &Person, room: &Room, who: &Person) -> bool {
    let members = by.get(&room.path("/members")).await.ok();
    members["members"].as_array().unwrap().iter().any(|member| member["user"]["id"] == who.id)
}

#[tokio::test]
async fn whoever_was_removed_hears_no_more_though_the_owner_hung_up() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let pair = alice.room_with(&bob).await;
    let rounds = extent(40, 400);
    let mut removals = 0;
    for round in 0..rounds {
        let room = alice.opens_group("Lunch", &[&bob]).await;
        let path = format!("groups/{}/members/{}", room.id, bob.id);
        asks_and_hangs_up(&alice, "DELETE", &path, None, moment(round)).await;
        // what the server had not begun is not done: those rounds show nothing
        sleep(Duration::from_millis(20)).await;
        if is_in(&alice, &room, &bob).await {
            continue;
        }
        removals += 1;
        let removed = |frame: &Value| frame["conversation_id"] == room.id;
        bob.notices_that("conversation_removed", removed).await;
        alice.says("without bob", &room).await;
        alice.says("the next thing", &pair).await;
        bob.hears_next("the next thing").await;
    }
    assert!(removals > 0, "no request of {rounds} was begun before its client hung up");
}

#[tokio::test]
async fn a_device_signed_out_is_closed_though_the_other_hung_up() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let rounds = extent(20, 200);
    let mut ended = 0;
    for round in 0..rounds {
        let phone = alice.on_another_device("phone").await;
        let path = format!("logins/{}", phone.login_id);
        asks_and_hangs_up(&alice, "DELETE", &path, None, moment(round)).await;
        sleep(Duration::from_millis(20)).await;
        let logins = alice.get("logins").await.ok();
        if logins["logins"].as_array().unwrap().iter().any(|login| login["id"] == phone.login_id) {
            continue;
        }
        ended += 1;
        assert_eq!(phone.is_closed().await.code, Some(4401));
    }
    assert!(ended > 0, "no request of {rounds} was begun before its client hung up");
}

#[tokio::test]
async fn new_contacts_have_their_conversation_though_the_asker_hung_up() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let rounds = extent(20, 200);
    let mut befriended = 0;
    for round in 0..rounds {
        let bob = stage.person(&format!("bob{round}")).await;
        bob.patch("me", json!({"direct_add": true})).await.ok();
        let request = json!({"user_id": bob.id});
        asks_and_hangs_up(&alice, "POST", "contact-requests", Some(request), moment(round)).await;
        sleep(Duration::from_millis(20)).await;
        if alice.get(&format!("users/{}", bob.id)).await.ok()["relation"] != "contact" {
            continue;
        }
        befriended += 1;
        bob.notices("conversation").await;
        let has_conversation = || async {
            let conversations = alice.get("conversations?limit=200").await.ok();
            let conversations = conversations["conversations"].as_array().unwrap();
            conversations.iter().any(|conversation| conversation["peer"]["id"] == bob.id)
        };
        eventually("the new contacts' conversation", has_conversation).await;
    }
    assert!(befriended > 0, "no request of {rounds} was begun before its client hung up");
}
