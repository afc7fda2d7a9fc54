//! Files and pictures: sending them and getting at them.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::stage::{Answer, Person, Room, Stage, Upload};

/// A red 1x1 PNG.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53,
    0xde, 0x00, 0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0x00,
    0x00, 0x03, 0x01, 0x01, 0x00, 0xc9, 0xfe, 0x92, 0xef, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e,
    0x44, 0xae, 0x42, 0x60, 0x82,
];

async fn sends(person: &Person, upload: &Upload, kind: &str, room: &Room) -> Answer {
    let message = json!({"client_msg_id": Uuid::new_v4(), "body": upload.body(kind)});
    person.post(&room.path("/messages"), message).await
}

async fn heard_file(person: &Person) -> serde_json::Value {
    let with_file = |frame: &serde_json::Value| frame["message"]["body"].get("file_id").is_some();
    person.notices_that("message", with_file).await["message"]["body"].clone()
}

#[tokio::test]
async fn a_file_arrives_byte_for_byte() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let bytes: Vec<u8> = (0..200_000_u32).map(|byte| byte as u8).collect();
    let upload = Upload::whole(&alice, "报告 2026.bin", "application/octet-stream", &bytes).await;
    sends(&alice, &upload, "file", &room).await.ok();
    let body = heard_file(&bob).await;
    assert_eq!((&body["name"], &body["size"]), (&json!("报告 2026.bin"), &json!(200_000)));
    let file = bob.get(&format!("files/{}", upload.id)).await;
    file.ok();
    assert!(file.bytes == bytes, "the bytes changed on the way");
    assert!(file.header("content-disposition").starts_with("attachment"), "{:?}", file.headers);
    assert_eq!(file.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_picture_arrives_with_its_size_and_a_thumbnail() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let upload = Upload::whole(&alice, "red.png", "image/png", PNG).await;
    sends(&alice, &upload, "image", &room).await.ok();
    let body = heard_file(&bob).await;
    assert_eq!(
        (&body["mime"], &body["width"], &body["height"]),
        (&json!("image/png"), &json!(1), &json!(1))
    );
    let picture = bob.get(&format!("files/{}", upload.id)).await;
    assert_eq!(picture.header("content-type"), "image/png");
    bob.get(&format!("files/{}/thumbnail", upload.id)).await.ok();
}

#[tokio::test]
async fn an_interrupted_upload_goes_on_where_it_stopped() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let bytes: Vec<u8> = (0..100_000_u32).map(|byte| (byte / 7) as u8).collect();
    let upload = Upload::of(&Upload::create(&alice, "long.bin", "", bytes.len()).await);
    upload.patch(&alice, 0, &bytes[..40_000]).await.ok();
    upload.patch(&alice, 10_000, &bytes[10_000..]).await.is_refused(409, "offset_mismatch");
    stage.restart().await;
    let offset = upload.offset(&alice).await;
    assert_eq!(offset, 40_000);
    upload.patch(&alice, offset, &bytes[offset..]).await.ok();
    assert!(alice.get(&format!("files/{}", upload.id)).await.bytes == bytes);
}

#[tokio::test]
async fn a_part_of_a_file_can_be_asked_for() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let upload = Upload::whole(&alice, "digits.txt", "text/plain", b"0123456789").await;
    let ask = async |range: &str| {
        let request =
            alice.request(Method::GET, &format!("files/{}", upload.id)).header("range", range);
        Answer::read(format!("range {range}"), request.send().await.unwrap()).await
    };
    for (range, part, told) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=5-500", "56789", "bytes 5-9/10"),
    ] {
        let answer = ask(range).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str(), answer.header("content-range")),
            (206, part, told)
        );
    }
    assert_eq!(ask("bytes=10-").await.status, 416);
}

#[tokio::test]
async fn nobody_outside_the_conversation_gets_the_file() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let mallory = stage.person("mallory").await;
    let room = alice.room_with(&bob).await;
    let upload = Upload::whole(&alice, "secret.txt", "text/plain", b"secret").await;
    bob.get(&format!("files/{}", upload.id)).await.is_refused(404, "not_found");
    sends(&alice, &upload, "file", &room).await.ok();
    bob.get(&format!("files/{}", upload.id)).await.ok();
    for path in ["", "/thumbnail", "/info"] {
        mallory.get(&format!("files/{}{path}", upload.id)).await.is_refused(404, "not_found");
    }
    let outside = stage.first().get(&format!("/api/v1/files/{}", upload.id)).await;
    outside.is_refused(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_sends_or_touches_the_upload_of_somebody_else() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = bob.room_with(&alice).await;
    let unfinished = Upload::of(&Upload::create(&alice, "mine.bin", "", 10).await);
    unfinished.patch(&bob, 0, b"0123456789").await.is_refused(404, "not_found");
    assert_eq!(unfinished.head(&bob).await.status, 404);
    unfinished.give_up(&bob).await.is_refused(404, "not_found");
    let finished = Upload::whole(&alice, "mine.bin", "", b"0123456789").await;
    sends(&bob, &finished, "file", &room).await.is_refused(404, "not_found");
    let answer = sends(&alice, &unfinished, "file", &room).await;
    assert!(answer.status.is_client_error(), "an unfinished upload was sent: {}", answer.text());
}

#[tokio::test]
async fn the_type_is_what_the_bytes_say() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let page = b"<!doctype html><script>alert(1)</script>";
    let liar = Upload::whole(&alice, "kitten.png", "image/png", page).await;
    sends(&alice, &liar, "image", &room).await.ok();
    assert_eq!(heard_file(&bob).await["type"], "file", "delivered, but not as a picture");
    let file = bob.get(&format!("files/{}", liar.id)).await;
    assert!(!file.header("content-type").starts_with("image/"), "{:?}", file.headers);
    assert!(file.header("content-disposition").starts_with("attachment"), "{:?}", file.headers);
    assert_eq!(file.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_name_is_only_a_name() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    for name in
        ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "a\u{0}b", "..", "C:\\x.txt"]
    {
        let created = Upload::create(&alice, name, "text/plain", 2).await;
        if created.status.is_client_error() {
            continue;
        }
        let upload = Upload::of(&created);
        upload.patch(&alice, 0, b"hi").await.ok();
        let info = alice.get(&format!("files/{}/info", upload.id)).await.ok();
        let stored = info["name"].as_str().unwrap();
        assert!(
            !stored.is_empty() && stored != ".." && !stored.contains(['/', '\\', '\0']),
            "{name:?} -> {stored:?}"
        );
    }
    for id in ["..%2f..%2fbeckon.db", "%2e%2e", "not-an-id"] {
        let answer = alice.get(&format!("files/{id}")).await;
        assert!(answer.status.is_client_error(), "{id}: {}", answer.status);
    }
}

#[tokio::test]
async fn an_upload_that_is_too_large_is_refused_at_once() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    Upload::create(&alice, "huge.bin", "", 101 * 1024 * 1024).await.is_refused(413, "too_large");
}

#[tokio::test]
async fn an_upload_takes_no_more_than_it_announced() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let upload = Upload::of(&Upload::create(&alice, "short.bin", "", 4).await);
    let answer = upload.patch(&alice, 0, b"far too much").await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    assert!(upload.offset(&alice).await <= 4);
}

#[tokio::test]
async fn unfinished_uploads_are_limited_and_can_be_given_up() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let mut uploads = Vec::new();
    for _ in 0..8 {
        uploads.push(Upload::of(&Upload::create(&alice, "one.bin", "", 10).await));
    }
    let ninth = Upload::create(&alice, "nine.bin", "", 10).await;
    ninth.is_refused(403, "too_many_uploads");
    uploads[0].give_up(&alice).await.ok();
    Upload::create(&alice, "nine.bin", "", 10).await.ok();
}

#[tokio::test]
async fn an_avatar_is_a_square_picture_for_everybody() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.people(["alice", "bob"]).await;
    let put = async |bytes: &'static [u8]| {
        let request =
            alice.request(Method::PUT, "me/avatar").header("content-type", "image/png").body(bytes);
        Answer::read("PUT avatar".to_owned(), request.send().await.unwrap()).await
    };
    put(b"<svg onload=alert(1)>").await.is_refused(415, "wrong_type");
    let me = put(PNG).await.ok();
    let profile = bob.get(&format!("users/{}", alice.id)).await.ok();
    assert_eq!(profile["avatar"], me["avatar"]);
    let address = me["avatar"].as_str().unwrap().trim_start_matches("/api/v1/").to_owned();
    assert!(bob.get(&address).await.header("content-type").starts_with("image/"));
    alice.delete("me/avatar").await.ok();
    assert!(alice.get("me").await.ok().get("avatar").is_none());
    bob.get(&address).await.is_refused(404, "not_found");
}

#[tokio::test]
async fn of_pictures_of_oneself_sent_at_once_none_is_left_after_the_last_was_removed() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let put = async || {
        let request = alice.request(Method::PUT, "me/avatar").body(PNG);
        Answer::read("PUT avatar".to_owned(), request.send().await.unwrap()).await
    };
    let mut addresses = vec![];
    for _ in 0..3 {
        let answers = futures_util::future::join_all((0..8).map(|_| put())).await;
        let accepted = answers.iter().filter(|answer| answer.status.is_success());
        addresses.extend(accepted.map(|me| me.json()["avatar"].as_str().unwrap().to_owned()));
    }
    alice.delete("me/avatar").await.ok();
    for address in addresses {
        bob.get(address.trim_start_matches("/api/v1/")).await.is_refused(404, "not_found");
    }
}

#[tokio::test]
async fn what_one_may_store_is_told_and_kept() {
    let stage = Stage::configured(&[("BECKON_FILES__QUOTA_BYTES", "1000")]).await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    Upload::whole(&alice, "a.txt", "text/plain", &[b'a'; 600]).await;
    let refused = Upload::create(&alice, "b.txt", "text/plain", 600).await;
    let said = refused.is_refused(413, "quota_full")["message"].as_str().unwrap().to_owned();
    assert!(said.contains("space"), "{said}");
    let storage = alice.get("me/storage").await.ok();
    assert_eq!(
        (&storage["used_bytes"], &storage["quota_bytes"], &storage["file_bytes_max"]),
        (&json!(600), &json!(1000), &json!(100 << 20))
    );
    alice.says("words still get through", &room).await;
    bob.hears("words still get through").await;
    Upload::whole(&bob, "b.txt", "text/plain", &[b'b'; 600]).await;
}

#[tokio::test]
async fn a_picture_that_comes_byte_by_byte_arrives() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let upload = Upload::of(&Upload::create(&alice, "red.png", "image/png", PNG.len()).await);
    for (offset, byte) in PNG.iter().enumerate() {
        upload.patch(&alice, offset, &[*byte]).await.ok();
    }
    let info = alice.get(&format!("files/{}/info", upload.id)).await.ok();
    assert_eq!(info["width"], json!(1));
}
