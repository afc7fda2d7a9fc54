//! The database can only be read from, as while another one takes over: what is read goes on, what writes is refused.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Engine, Stage, Upload, eventually, send};

#[tokio::test]
async fn with_a_read_only_database_reads_go_on_and_writes_are_refused_until_it_writes_again() {
    let Some(mariadb) = Engine::mariadb() else { return };
    let stage = Stage::on(mariadb).await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    alice.says("before", &room).await;
    let file = Upload::whole(&alice, "digits.txt", "text/plain", b"0123456789").await;
    let file = file.id;
    let carrying = json!({"type": "file", "file_id": file});
    alice
        .post(&room.path("/messages"), json!({"client_msg_id": Uuid::new_v4(), "body": carrying}))
        .await
        .ok();
    bob.notices_that("message", |frame| frame["message"]["body"]["type"] == "file").await;
    // the next use of each login is one to be noted
    stage.database().edit("UPDATE logins SET last_seen_at = 0").await;
    stage.database().goes_read_only().await;

    let ready = stage.first().get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.text()),
        (200, "read-only: the database takes no writes\n".into())
    );
    for path in [
        "me",
        "logins",
        "contacts?after_ver=0",
        "conversations",
        "blocks",
        &format!("users/{}", alice.id),
    ] {
        bob.get(path).await.ok();
    }
    for path in ["", "/members", "/messages", "/changes?after_ver=0"] {
        bob.get(&room.path(path)).await.ok();
    }
    assert_eq!(bob.get(&format!("files/{file}")).await.bytes, b"0123456789");
    let place = bob.loses_connection().await;
    assert_eq!(bob.resumes(&place).await["recovered"], true);
    bob.loses_connection().await;
    bob.connects().await;
    alice.gets_ok(json!({"type": "ping"})).await;

    alice.is_refused(send(Uuid::new_v4(), "into the stone", &room), "read_only").await;
    let said =
        json!({"client_msg_id": Uuid::new_v4(), "body": {"type": "text", "text": "and again"}});
    alice.post(&room.path("/messages"), said).await.is_refused(503, "read_only");
    Upload::create(&alice, "more.bin", "", 10).await.is_refused(503, "read_only");
    alice.patch("me", json!({"nickname": "al"})).await.is_refused(503, "read_only");
    let login = json!({"name": "alice", "password": crate::stage::PASSWORD, "device": {"kind": "other", "name": "new"}});
    let signing_in =
        alice.request(reqwest::Method::POST, "logins").header("accept-language", "zh").json(&login);
    let refused = signing_in.send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 503);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["code"], "read_only");
    assert!(refused["message"].as_str().unwrap().contains("只能读取"), "{refused}");

    stage.database().takes_writes_again().await;
    eventually("readiness", || async { stage.first().get("/readyz").await.text() == "ready\n" })
        .await;
    alice.says("after", &room).await;
    bob.hears("after").await;
}
