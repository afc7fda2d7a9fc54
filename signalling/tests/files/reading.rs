//! Files in messages, downloads, and pictures of people.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use crate::stage::{Stage, answer, picture};

#[tokio::test]
async fn strangers_find_nothing() {
    let stage = Stage::new().await;
    let (ann, eve) = (stage.person("ann").await, stage.person("eve").await);
    let id = ann.uploads("a.png", picture(9, 9)).await;
    let upload = format!("/api/v1/uploads/{id}");
    assert_eq!(eve.tus(Method::HEAD, &upload, &[], "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(eve.appends(&upload, "0", "x").await.refusal(), (404, "not_found".into()));
    let deleted = eve.tus(Method::DELETE, &upload, &[], "").await;
    assert_eq!(deleted.refusal(), (404, "not_found".into()));
    for path in ["", "/info", "/thumbnail"] {
        let path = format!("/api/v1/files/{id}{path}");
        assert_eq!(eve.gets(&path, &[]).await.refusal(), (404, "not_found".into()));
        let nobody = answer(&stage.router, Request::get(&path).body(Body::empty()).unwrap()).await;
        assert_eq!(nobody.refusal(), (401, "unauthenticated".into()));
    }
    let nobody =
        answer(&stage.router, Request::post("/api/v1/uploads").body(Body::empty()).unwrap());
    assert_eq!(nobody.await.refusal(), (401, "unauthenticated".into()));
    let traversal = ann.gets("/api/v1/files/..%2f..%2fbeckon.db", &[]).await;
    assert_eq!(traversal.refusal(), (404, "not_found".into()));
}

#[tokio::test]
async fn an_image_message_carries_what_the_server_found() {
    let stage = Stage::new().await;
    let (ann, bob, conversation) = stage.contacts().await;
    let id = ann.uploads("../x/假日.png", picture(1200, 600)).await;
    let before = bob.gets(&format!("/api/v1/files/{id}"), &[]).await;
    assert_eq!(before.refusal(), (404, "not_found".into()), "not sent yet");
    let body = json!({ "type": "image", "file_id": id, "width": 1, "mime": "text/html" });
    let sent = ann.sends(&conversation, body).await;
    assert_eq!(sent.status, StatusCode::CREATED);

    let history =
        bob.gets(&format!("/api/v1/conversations/{conversation}/messages"), &[]).await.json();
    let body = &history["messages"].as_array().unwrap().last().unwrap()["body"];
    assert_eq!(body["type"], "image");
    assert_eq!(
        (body["name"].as_str(), body["mime"].as_str()),
        (Some("假日.png"), Some("image/png"))
    );
    assert_eq!((body["width"].as_i64(), body["height"].as_i64()), (Some(1200), Some(600)));

    let file = bob.gets(&format!("/api/v1/files/{id}"), &[]).await;
    assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, "image/png"));
    assert!(file.header("content-disposition").starts_with("inline;"));
    assert!(
        file.header("content-disposition").ends_with("filename*=UTF-8''%E5%81%87%E6%97%A5.png")
    );
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(file.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(file.header("cache-control"), "private, max-age=31536000, immutable");

    let thumbnail = bob.gets(&format!("/api/v1/files/{id}/thumbnail"), &[]).await;
    assert_eq!(thumbnail.header("content-type"), "image/jpeg");
    let small = image::load_from_memory(&thumbnail.body).unwrap();
    assert_eq!((small.width(), small.height()), (960, 480));
    let info = bob.gets(&format!("/api/v1/files/{id}/info"), &[]).await.json();
    assert_eq!(
        (info["id"].as_str(), info["size"].as_u64()),
        (Some(&*id), Some(file.body.len() as u64))
    );
}

#[tokio::test]
async fn only_finished_files_of_ones_own_are_sent() {
    let stage = Stage::new().await;
    let (ann, bob, conversation) = stage.contacts().await;
    let page = ann.uploads("cat.png", "<html><script>alert(1)</script></html>").await;
    let as_image = json!({ "type": "image", "file_id": page });
    assert_eq!(ann.sends(&conversation, as_image).await.status, StatusCode::CREATED);
    let history =
        bob.gets(&format!("/api/v1/conversations/{conversation}/messages"), &[]).await.json();
    let body = &history["messages"].as_array().unwrap().last().unwrap()["body"];
    assert_eq!(body["type"], "file", "what cannot be shown as a picture arrives as a file");
    let as_file = json!({ "type": "file", "file_id": page });
    assert_eq!(
        bob.sends(&conversation, as_file.clone()).await.refusal(),
        (404, "not_found".into())
    );
    assert_eq!(ann.sends(&conversation, as_file).await.status, StatusCode::CREATED);
    let shown = bob.gets(&format!("/api/v1/files/{page}"), &[]).await;
    assert!(shown.header("content-disposition").starts_with("attachment;"), "never a page of ours");

    let unfinished = ann.begins("a.txt", 4).await;
    let id = unfinished.rsplit('/').next().unwrap();
    let refused = ann.sends(&conversation, json!({ "type": "file", "file_id": id })).await;
    assert_eq!(refused.refusal(), (404, "not_found".into()));
}

#[tokio::test]
async fn downloads_can_be_resumed_and_cached() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let path = format!("/api/v1/files/{}", ann.uploads("a.bin", "\u{0}123456789").await);
    let whole = ann.gets(&path, &[]).await;
    let etag = whole.header("etag").to_owned();
    assert_eq!((whole.body.len(), whole.header("accept-ranges")), (10, "bytes"));
    assert_eq!(whole.header("content-length"), "10");

    let part = ann.gets(&path, &[("range", "bytes=2-4")]).await;
    assert_eq!((part.status, part.body.as_ref()), (StatusCode::PARTIAL_CONTENT, &b"234"[..]));
    assert_eq!(
        (part.header("content-range"), part.header("content-length")),
        ("bytes 2-4/10", "3")
    );
    let rest = ann.gets(&path, &[("range", "bytes=8-"), ("if-range", &etag)]).await;
    assert_eq!((rest.status, rest.body.as_ref()), (StatusCode::PARTIAL_CONTENT, &b"89"[..]));
    let other = ann.gets(&path, &[("range", "bytes=8-"), ("if-range", "\"other\"")]).await;
    assert_eq!((other.status, other.body.len()), (StatusCode::OK, 10));
    let beyond = ann.gets(&path, &[("range", "bytes=10-")]).await;
    assert_eq!(beyond.refusal(), (416, "range_invalid".into()));
    assert_eq!(beyond.header("content-range"), "bytes */10");

    let head = ann.does(Method::HEAD, &path, &[], "").await;
    assert_eq!((head.header("content-length"), head.body.len()), ("10", 0));
    let known = ann.gets(&path, &[("if-none-match", &format!("\"x\", W/{etag}"))]).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[tokio::test]
async fn a_person_has_a_picture() {
    let stage = Stage::new().await;
    let (ann, bob) = (stage.person("ann").await, stage.person("bob").await);
    let puts = async |bytes: Vec<u8>| ann.does(Method::PUT, "/api/v1/me/avatar", &[], bytes).await;
    let first = puts(picture(900, 600)).await.json()["avatar"].as_str().unwrap().to_owned();
    let seen = bob.gets(&format!("/api/v1/users/{}", ann.id), &[]).await.json();
    assert_eq!(seen["avatar"].as_str(), Some(&*first));
    let shown = bob.gets(&first, &[]).await;
    assert_eq!(shown.header("content-type"), "image/jpeg");
    let square = image::load_from_memory(&shown.body).unwrap();
    assert_eq!((square.width(), square.height()), (512, 512));

    let second = puts(picture(9, 9)).await.json()["avatar"].as_str().unwrap().to_owned();
    assert_ne!(first, second, "another picture has another address");
    assert_eq!(bob.gets(&first, &[]).await.refusal(), (404, "not_found".into()));

    assert_eq!(
        puts(b"<svg onload='alert(1)'/>".to_vec()).await.refusal(),
        (415, "wrong_type".into())
    );
    assert_eq!(puts(vec![0; 5 * 1024 * 1024 + 1]).await.refusal(), (413, "too_large".into()));
    let gone = ann.does(Method::DELETE, "/api/v1/me/avatar", &[], "").await;
    assert_eq!(gone.json().get("avatar"), None);
    assert_eq!(bob.gets(&second, &[]).await.status, StatusCode::NOT_FOUND);
}
