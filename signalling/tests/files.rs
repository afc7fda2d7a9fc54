//! Files over HTTP: uploads by tus, downloads, pictures of people, as a client sees them.

use std::io::Cursor;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine;
use beckon_signalling::Signalling;
use beckon_signalling::config::Config;
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

struct Stage {
    _signalling: Signalling,
    router: Router,
    _folder: TempDir,
}

struct Person {
    router: Router,
    token: String,
    id: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Stage {
    async fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().into(), ..Config::default() };
        config.accounts.password_memory_kib = 64;
        config.accounts.password_passes = 1;
        config.files.bytes_max = 1 << 20;
        let signalling = Signalling::start(config).await.unwrap();
        Stage { router: signalling.router(), _signalling: signalling, _folder: folder }
    }

    async fn person(&self, name: &str) -> Person {
        let body = json!({ "name": name, "password": "correct horse" }).to_string();
        let request = Request::post("/api/v1/users").header("content-type", "application/json");
        let response = answer(&self.router, request.body(body.into()).unwrap()).await;
        assert_eq!(response.status, StatusCode::CREATED);
        let signed_in = response.json();
        Person {
            router: self.router.clone(),
            token: signed_in["access_token"].as_str().unwrap().to_owned(),
            id: signed_in["user"]["id"].as_str().unwrap().to_owned(),
        }
    }

    /// Two people who may write to each other, and their conversation.
    async fn contacts(&self) -> (Person, Person, String) {
        let (ann, bob) = (self.person("ann").await, self.person("bob").await);
        ann.post("/api/v1/contact-requests", json!({ "user_id": bob.id })).await;
        bob.post("/api/v1/contact-requests", json!({ "user_id": ann.id })).await;
        let opened = ann.post("/api/v1/conversations/direct", json!({ "user_id": bob.id })).await;
        let conversation = opened.json()["id"].as_str().unwrap().to_owned();
        (ann, bob, conversation)
    }
}

async fn answer(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap().to_owned())
    }
}

impl Person {
    async fn does(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(&self.router, request.body(body.into()).unwrap()).await
    }

    async fn gets(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.does(Method::GET, path, headers, "").await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.does(Method::POST, path, &headers, body.to_string()).await
    }

    /// A tus request; `1.0.0` goes without saying.
    async fn tus(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let headers = [&[("tus-resumable", "1.0.0")], headers].concat();
        self.does(method, path, &headers, body).await
    }

    /// Begins an upload; its address.
    async fn begins(&self, name: &str, length: usize) -> String {
        let name = base64::engine::general_purpose::STANDARD.encode(name);
        let metadata = format!("filename {name},filetype aW1hZ2UvcG5n");
        let length = length.to_string();
        let headers = [("upload-length", length.as_str()), ("upload-metadata", &metadata)];
        let created = self.tus(Method::POST, "/api/v1/uploads", &headers, "").await;
        assert_eq!(created.status, StatusCode::CREATED);
        created.header("location").to_owned()
    }

    async fn appends(&self, address: &str, offset: &str, bytes: impl Into<Body>) -> Answer {
        let headers =
            [("upload-offset", offset), ("content-type", "application/offset+octet-stream")];
        self.tus(Method::PATCH, address, &headers, bytes).await
    }

    /// A whole file, uploaded; its id.
    async fn uploads(&self, name: &str, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let address = self.begins(name, bytes.len()).await;
        let appended = self.appends(&address, "0", bytes).await;
        assert_eq!(appended.status, StatusCode::NO_CONTENT);
        address.rsplit('/').next().unwrap().to_owned()
    }

    async fn sends(&self, conversation: &str, body: Value) -> Answer {
        let client_msg_id = uuid::Uuid::now_v7();
        let path = format!("/api/v1/conversations/{conversation}/messages");
        self.post(&path, json!({ "client_msg_id": client_msg_id, "body": body })).await
    }
}

fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::new(width, height)).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

#[tokio::test]
async fn a_tus_client_learns_what_it_may_do() {
    let stage = Stage::new().await;
    let request = Request::options("/api/v1/uploads").body(Body::empty()).unwrap();
    let options = answer(&stage.router, request).await;
    assert_eq!(options.status, StatusCode::NO_CONTENT);
    assert_eq!(options.header("tus-version"), "1.0.0");
    assert_eq!(options.header("tus-max-size"), "1048576");
    for extension in ["creation", "creation-with-upload", "termination", "expiration"] {
        assert!(options.header("tus-extension").split(',').any(|known| known == extension));
    }
}

#[tokio::test]
async fn an_upload_goes_on_where_it_stopped() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.txt", 10).await;
    let first = ann.appends(&address, "0", "0123").await;
    assert_eq!((first.status, first.header("upload-offset")), (StatusCode::NO_CONTENT, "4"));
    assert!(!first.header("upload-expires").is_empty());
    assert_eq!(first.header("tus-resumable"), "1.0.0");

    let status = ann.tus(Method::HEAD, &address, &[], "").await;
    assert_eq!((status.status, status.header("upload-offset")), (StatusCode::OK, "4"));
    assert_eq!(
        (status.header("upload-length"), status.header("cache-control")),
        ("10", "no-store")
    );

    let wrong = ann.appends(&address, "5", "56789").await;
    assert_eq!(wrong.refusal(), (409, "offset_mismatch".into()));
    assert_eq!(wrong.header("tus-resumable"), "1.0.0", "refusals are signed too");
    let last = ann.appends(&address, "4", "456789").await;
    assert_eq!((last.status, last.header("upload-offset")), (StatusCode::NO_CONTENT, "10"));
    let status = ann.tus(Method::HEAD, &address, &[], "").await;
    assert_eq!(status.header("upload-offset"), "10");

    let file = ann.gets(&address.replace("uploads", "files"), &[]).await;
    assert_eq!(file.body, "0123456789");
}

#[tokio::test]
async fn a_creation_may_carry_the_file() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let headers = [("upload-length", "4"), ("content-type", "application/offset+octet-stream")];
    let created = ann.tus(Method::POST, "/api/v1/uploads", &headers, "0123").await;
    assert_eq!((created.status, created.header("upload-offset")), (StatusCode::CREATED, "4"));
    let file = ann.gets(&created.header("location").replace("uploads", "files"), &[]).await;
    assert_eq!(file.body, "0123");
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"file\"; filename*=UTF-8''file"
    );
}

#[tokio::test]
async fn what_breaks_the_rules_of_tus_is_refused() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.txt", 4).await;
    let octets = ("content-type", "application/offset+octet-stream");

    let unversioned =
        ann.does(Method::PATCH, &address, &[("upload-offset", "0"), octets], "0123").await;
    assert_eq!(unversioned.refusal(), (412, "precondition_failed".into()));
    assert_eq!(unversioned.header("tus-version"), "1.0.0");
    let untyped = ann.tus(Method::PATCH, &address, &[("upload-offset", "0")], "0123").await;
    assert_eq!(untyped.refusal(), (415, "wrong_type".into()));
    let unplaced = ann.tus(Method::PATCH, &address, &[octets], "0123").await;
    assert_eq!(unplaced.refusal(), (400, "invalid".into()));
    let long = ann.appends(&address, "0", "01234").await;
    assert_eq!(long.refusal(), (413, "too_large".into()));
    let endless = Body::from_stream(futures_util::stream::iter(
        (0..9).map(|_| Ok::<_, std::convert::Infallible>(Bytes::from_static(b"x"))),
    ));
    assert_eq!(ann.appends(&address, "0", endless).await.refusal(), (413, "too_large".into()));

    let create = async |headers: &[(&str, &str)]| {
        ann.tus(Method::POST, "/api/v1/uploads", headers, "").await.refusal()
    };
    assert_eq!(create(&[("upload-length", "1048577")]).await, (413, "too_large".into()));
    assert_eq!(create(&[("upload-defer-length", "1")]).await, (400, "not_supported".into()));
    assert_eq!(create(&[]).await, (400, "invalid".into()));
}

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
async fn an_upload_can_be_given_up() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.txt", 10).await;
    ann.appends(&address, "0", "0123").await;
    let gone = ann.tus(Method::DELETE, &address, &[], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(ann.tus(Method::HEAD, &address, &[], "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn networks_that_know_only_post_can_upload() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.txt", 4).await;
    let headers = [
        ("x-http-method-override", "PATCH"),
        ("upload-offset", "0"),
        ("content-type", "application/offset+octet-stream"),
    ];
    let appended = ann.tus(Method::POST, &address, &headers, "0123").await;
    assert_eq!((appended.status, appended.header("upload-offset")), (StatusCode::NO_CONTENT, "4"));
    let meant = [("x-http-method-override", "TRACE")];
    let refused = ann.tus(Method::POST, &address, &meant, "").await;
    assert_eq!(refused.refusal(), (405, "method_not_allowed".into()));
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
    assert_eq!((small.width(), small.height()), (480, 240));
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
    assert_eq!(ann.sends(&conversation, as_image).await.refusal(), (415, "wrong_type".into()));
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
    let path = format!("/api/v1/files/{}", ann.uploads("a.bin", "\0123456789").await);
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
async fn an_empty_file_can_be_uploaded_and_read() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("empty.txt", 0).await;
    let file = ann.gets(&address.replace("uploads", "files"), &[]).await;
    assert_eq!((file.status, file.body.len()), (StatusCode::OK, 0));
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

#[tokio::test]
async fn a_cut_connection_loses_nothing_that_arrived() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.bin", 1000).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let serving = tokio::spawn(axum::serve(listener, stage.router.clone()).into_future());

    let mut connection = tokio::net::TcpStream::connect(server).await.unwrap();
    let head = format!(
        "PATCH {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\n\
         Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n\
         Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
        ann.token
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // The server says so when it begins to read the body.
    let mut go_on = [0; 25];
    connection.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    connection.write_all(&[7; 400]).await.unwrap();
    connection.shutdown().await.unwrap();
    // Read to its end the connection is known to be closed on the other side as well.
    let _ = connection.read_to_end(&mut Vec::new()).await;

    let status = ann.tus(Method::HEAD, &address, &[], "").await;
    assert_eq!(status.header("upload-offset"), "400");
    let rest = ann.appends(&address, "400", vec![7; 600]).await;
    assert_eq!(rest.header("upload-offset"), "1000");
    serving.abort();
}

#[tokio::test]
async fn the_document_lists_every_address() {
    let document: Value = serde_json::from_str(&beckon_signalling::http::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/api/v1/uploads", &["options", "post"][..]),
        ("/api/v1/uploads/{id}", &["head", "patch", "delete", "post"]),
        ("/api/v1/files/{id}", &["get"]),
        ("/api/v1/files/{id}/thumbnail", &["get"]),
        ("/api/v1/files/{id}/info", &["get"]),
        ("/api/v1/avatars/{id}", &["get"]),
        ("/api/v1/me/avatar", &["put", "delete"]),
    ] {
        assert!(methods.iter().all(|method| paths[path].get(method).is_some()), "{path}");
    }
}
