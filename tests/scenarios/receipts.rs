//! Who has received and read how far.

use serde_json::json;

use crate::stage::Stage;

#[tokio::test]
async fn unread_counts_what_was_said_since_reading() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let before = bob.sees(&room).await["last_seq"].as_u64().unwrap();
    bob.put(&room.path("/receipt"), json!({"read_seq": before})).await.ok();
    for text in ["one", "two", "three"] {
        alice.says(text, &room).await;
    }
    assert_eq!(bob.sees(&room).await["unread"], 3);
    bob.put(&room.path("/receipt"), json!({"read_seq": before + 2})).await.ok();
    assert_eq!(bob.sees(&room).await["unread"], 1);
    bob.says("four", &room).await;
    assert_eq!(bob.sees(&room).await["unread"], 0, "sending reads the conversation up to it");
}

#[tokio::test]
async fn the_sender_sees_receiving_and_reading() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let seq = alice.says("read me", &room).await["seq"].clone();
    bob.hears("read me").await;
    for (frame, read) in [(json!({"received_seq": seq}), false), (json!({"read_seq": seq}), true)] {
        let mut frame = frame;
        frame["type"] = json!("receipt");
        frame["conversation_id"] = json!(room.id);
        bob.gets_ok(frame).await;
        let seen =
            alice.notices_that("receipt", |receipt| receipt["user_id"] == bob.id.as_str()).await;
        assert_eq!(seen["received_seq"], seq, "{seen}");
        assert_eq!(seen["read_seq"] == seq, read, "{seen}");
    }
    assert_eq!(alice.sees(&room).await["peer_read_seq"], seq);
}

#[tokio::test]
async fn a_receipt_never_moves_back_nor_beyond_what_was_said() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    for text in ["one", "two", "three"] {
        alice.says(text, &room).await;
    }
    let last = bob.sees(&room).await["last_seq"].as_u64().unwrap();
    let put = async |body| bob.put(&room.path("/receipt"), body).await;
    let receipt = put(json!({"read_seq": last})).await.ok();
    assert_eq!((&receipt["read_seq"], &receipt["received_seq"]), (&json!(last), &json!(last)));
    let receipt = put(json!({"read_seq": 1, "received_seq": 1})).await.ok();
    assert_eq!((&receipt["read_seq"], &receipt["received_seq"]), (&json!(last), &json!(last)));
    let beyond = put(json!({"read_seq": last + 1_000})).await;
    assert!(beyond.status == 400 || beyond.ok()["read_seq"] == json!(last), "{}", beyond.text());
    let negative = put(json!({"read_seq": -5})).await;
    assert!(
        negative.status == 400 || negative.ok()["read_seq"] == json!(last),
        "{}",
        negative.text()
    );
}

#[tokio::test]
async fn reading_on_one_device_reads_on_all_of_them() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let phone = bob.on_another_device("phone").await;
    let seq = alice.says("read me", &room).await["seq"].clone();
    bob.gets_ok(json!({"type": "receipt", "conversation_id": room.id, "read_seq": seq})).await;
    let mine = |receipt: &serde_json::Value| {
        receipt["user_id"] == bob.id.as_str() && receipt["read_seq"] == seq
    };
    phone.notices_that("receipt", mine).await;
}

#[tokio::test]
async fn a_stranger_leaves_no_receipt() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let mallory = stage.person("mallory").await;
    let room = alice.room_with(&bob).await;
    mallory.put(&room.path("/receipt"), json!({"read_seq": 1})).await.is_refused(403, "not_member");
    let frame = json!({"type": "receipt", "conversation_id": room.id, "read_seq": 1});
    mallory.is_refused(frame, "not_member").await;
}
