//! Saying and hearing.

use serde_json::json;
use uuid::Uuid;

use crate::stage::{Stage, engines, send};

#[tokio::test]
async fn what_alice_says_bob_hears() {
    for engine in engines() {
        let stage = Stage::on(engine).await;
        let [alice, bob] = stage.friends(["alice", "bob"]).await;
        let room = alice.room_with(&bob).await;
        alice.says("hi 👋 你好", &room).await;
        let heard = bob.hears("hi 👋 你好").await;
        assert_eq!(heard["sender_id"], json!(alice.id));
        bob.says("hello", &room).await;
        alice.hears("hello").await;
    }
}

#[tokio::test]
async fn acks_number_messages_without_a_hole_on_every_engine() {
    for engine in engines() {
        let stage = Stage::on(engine).await;
        let [alice, bob] = stage.friends(["alice", "bob"]).await;
        let room = alice.room_with(&bob).await;
        let before = alice.sees(&room).await;
        let numbers = (before["last_seq"].as_u64().unwrap(), before["last_ver"].as_u64().unwrap());
        for (offset, text) in (1..).zip(["one", "two", "three"]) {
            let ack = if offset % 2 == 0 {
                bob.says(text, &room).await
            } else {
                alice.says(text, &room).await
            };
            assert_eq!(
                (ack["seq"].as_u64(), ack["ver"].as_u64()),
                (Some(numbers.0 + offset), Some(numbers.1 + offset))
            );
            assert_eq!(ack["dup"], false);
        }
        alice.history(&room).await;
    }
}

#[tokio::test]
async fn a_message_sent_again_is_acked_as_the_first_and_heard_once() {
    for engine in engines() {
        let stage = Stage::on(engine).await;
        let [alice, bob] = stage.friends(["alice", "bob"]).await;
        let room = alice.room_with(&bob).await;
        let id = Uuid::new_v4();
        let first = alice.says_as(id, "once", &room).await;
        let again = alice.says_as(id, "once", &room).await;
        assert_eq!((&again["msg_id"], &again["seq"]), (&first["msg_id"], &first["seq"]));
        assert_eq!((&first["dup"], &again["dup"]), (&json!(false), &json!(true)));
        alice.says("twice", &room).await;
        bob.hears_next("once").await;
        bob.hears_next("twice").await;
    }
}

#[tokio::test]
async fn both_doors_take_the_same_message_once() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let id = Uuid::new_v4();
    let message = json!({"client_msg_id": id, "body": {"type": "text", "text": "by post"}});
    let posted = alice.post(&room.path("/messages"), message.clone()).await;
    assert_eq!(posted.status, 201);
    let again = alice.post(&room.path("/messages"), message).await;
    assert_eq!(again.status, 200);
    let framed = alice.says_as(id, "by post", &room).await;
    assert_eq!((&framed["seq"], &framed["dup"]), (&posted.ok()["seq"], &json!(true)));
    bob.hears("by post").await;
}

#[tokio::test]
async fn two_people_may_pick_the_same_client_id() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let id = Uuid::new_v4();
    let hers = alice.says_as(id, "mine", &room).await;
    let his = bob.says_as(id, "no, mine", &room).await;
    assert_ne!(hers["seq"], his["seq"]);
    assert_eq!(his["dup"], false);
}

#[tokio::test]
async fn the_senders_other_devices_hear_it_too() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let phone = alice.on_another_device("phone").await;
    let bobs_tablet = bob.on_another_device("tablet").await;
    alice.says("from my desk", &room).await;
    for device in [&phone, &bob, &bobs_tablet] {
        device.hears("from my desk").await;
    }
    phone.says("from my phone", &room).await;
    alice.hears("from my phone").await;
}

#[tokio::test]
async fn a_burst_arrives_whole_and_in_order() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    for number in 0..100 {
        alice.socket().await.say(send(Uuid::new_v4(), &format!("number {number}"), &room)).await;
    }
    let mut former = 0;
    for number in 0..100 {
        let heard = bob.hears_next(&format!("number {number}")).await;
        let seq = heard["seq"].as_u64().unwrap();
        assert!(former == 0 || seq == former + 1);
        former = seq;
    }
}

#[tokio::test]
async fn a_body_must_hold_something_sendable() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let long = "x".repeat(8_001);
    for text in ["", "   ", "bell \u{7}", &long] {
        let answer = alice.asks(send(Uuid::new_v4(), text, &room)).await;
        assert_eq!(answer["error"]["code"], "invalid", "{text:?}: {answer}");
        assert_eq!(answer["error"]["field"], "body.text", "{answer}");
    }
    let most = "字".repeat(8_000);
    alice.says(&most, &room).await;
    bob.hears_next(&most).await;
}

#[tokio::test]
async fn a_refused_message_says_which_it_was() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let id = Uuid::new_v4();
    let answer = alice.asks(send(id, "", &room)).await;
    assert_eq!(answer["client_msg_id"], json!(id));
}

#[tokio::test]
async fn a_recalled_message_leaves_a_tombstone_everywhere() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let ack = alice.says("oops", &room).await;
    let seq = ack["seq"].as_u64().unwrap();
    bob.hears("oops").await;
    let recall = room.path(&format!("/messages/{seq}/recall"));
    bob.post(&recall, json!({})).await.is_refused(403, "denied");
    alice.post(&recall, json!({})).await.ok();

    let change = bob.notices("change").await["change"].clone();
    assert_eq!((&change["kind"], &change["seq"]), (&json!("recall"), &json!(seq)));
    assert_eq!(change["ver"].as_u64(), ack["ver"].as_u64().map(|ver| ver + 1));
    let stored = &bob.history(&room).await[seq as usize - 1];
    assert_eq!(stored["body"], json!({"type": "recalled"}));
    alice.post(&recall, json!({})).await.is_refused(410, "gone");
}

#[tokio::test]
async fn typing_is_seen_by_the_others_and_by_nobody_else() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    alice.socket().await.say(json!({"type": "typing", "conversation_id": room.id})).await;
    let typing = bob.notices("typing").await;
    assert_eq!(
        (&typing["user_id"], &typing["conversation_id"]),
        (&json!(alice.id), &json!(room.id))
    );
    carol.gets_ok(json!({"type": "ping"})).await;
    carol.has_noticed_no("typing").await;
}

#[tokio::test]
async fn the_ack_tells_whether_the_other_is_online() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    assert_eq!(alice.says("there?", &room).await["peer_online"], true);
    bob.delete("logins/current").await.ok();
    alice.sees_presence(&bob, "offline").await;
    assert_eq!(alice.says("gone?", &room).await["peer_online"], false);
}
