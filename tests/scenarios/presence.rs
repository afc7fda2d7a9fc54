//! Who is there.

use serde_json::json;
use uuid::Uuid;

use crate::stage::{Person, Stage, send};

async fn is(person: &Person, state: &str) {
    person.socket().await.say(json!({"type": "presence", "state": state})).await;
}

#[tokio::test]
async fn contacts_see_each_other_come_and_go() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    bob.delete("logins/current").await.ok();
    alice.sees_presence(&bob, "offline").await;
    let again = bob.on_another_device("phone").await;
    alice.sees_presence(&again, "online").await;
    let contact = &alice.get("contacts?after_ver=0").await.ok()["contacts"][0];
    assert_eq!(contact["presence"]["state"], "online");
}

#[tokio::test]
async fn somebody_is_away_only_when_every_device_is() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let phone = bob.on_another_device("phone").await;
    is(&bob, "away").await;
    bob.gets_ok(json!({"type": "ping"})).await;
    let contact = &alice.get("contacts?after_ver=0").await.ok()["contacts"][0];
    assert_eq!(contact["presence"]["state"], "online", "the phone is still there");
    is(&phone, "away").await;
    alice.sees_presence(&bob, "away").await;
    is(&bob, "online").await;
    alice.sees_presence(&bob, "online").await;
}

#[tokio::test]
async fn strangers_see_nothing() {
    let stage = Stage::new().await;
    let [alice, stranger] = stage.people(["alice", "stranger"]).await;
    let phone = alice.on_another_device("phone").await;
    is(&phone, "away").await;
    is(&alice, "away").await;
    alice.gets_ok(json!({"type": "ping"})).await;
    stranger.gets_ok(json!({"type": "ping"})).await;
    stranger.has_noticed_no("presence").await;
}

#[tokio::test]
async fn the_blocked_person_sees_no_presence() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    bob.put(&format!("blocks/{}", alice.id), json!({})).await.ok();
    let contact = &alice.get("contacts?after_ver=0").await.ok()["contacts"][0];
    assert_eq!(contact["presence"]["state"], "offline", "{contact}");
}

#[tokio::test]
async fn somebody_whose_login_ends_while_the_line_is_broken_is_offline() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    bob.loses_connection().await;
    bob.delete("logins/current").await.ok();
    alice.sees_presence(&bob, "offline").await;
}

#[tokio::test]
async fn somebody_whose_broken_socket_overflows_is_offline() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    bob.loses_connection().await;
    for _ in 0..600 {
        alice.socket().await.say(send(Uuid::new_v4(), "are you there?", &room)).await;
    }
    alice.sees_presence(&bob, "offline").await;
}
