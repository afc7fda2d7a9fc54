//! Whoever takes all they can get of something takes only their share of it.

use std::net::IpAddr;

use reqwest::{Client, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::{Answer, PATIENCE, Person, Socket, Stage, Upload, eventually, extent};

/// Begins a request and sends its body but for the last byte.
async fn held(stage: &Stage, by: &Person, head: &str, kind: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(stage.first().address()).await.unwrap();
    let token = by.tokens().access;
    let head = format!(
        "{head} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n\
         tus-resumable: 1.0.0\r\nupload-offset: 0\r\ncontent-length: {}\r\n\r\n",
        body.len() + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

/// The status a held request is refused with, if it is.
async fn status(stream: &mut TcpStream) -> String {
    let mut head = [0; 12];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut head)).await;
    read.expect("an answer").unwrap();
    String::from_utf8_lossy(&head[9..]).into_owned()
}

async fn uploads(by: &Person) -> Answer {
    let upload = Upload::of(&Upload::create(by, "a.txt", "text/plain", 1).await);
    let answer = upload.patch(by, 0, b"a").await;
    upload.give_up(by).await;
    answer
}

#[tokio::test]
async fn slow_uploads_of_one_person_leave_room_for_others() {
    let stage = Stage::new().await;
    let [mallory, bob] = stage.people(["mallory", "bob"]).await;
    let mut slow = Vec::new();
    // More than the four that there are places for: the one asked below may be there before one of these.
    for _ in 0..7 {
        let upload = Upload::of(&Upload::create(&mallory, "a.bin", "", 100).await);
        let head = format!("PATCH /api/v1/{}", upload.path);
        slow.push(held(&stage, &mallory, &head, "application/offset+octet-stream", b"slow").await);
    }
    eventually("one more to be refused", || async { uploads(&mallory).await.status == 503 }).await;
    uploads(&bob).await.ok();
}

#[tokio::test]
async fn pictures_that_never_end_are_held_once_a_person() {
    let stage = Stage::new().await;
    let [mallory, bob] = stage.people(["mallory", "bob"]).await;
    let picture = vec![7; 1 << 20];
    let begin = async |by| held(&stage, by, "PUT /api/v1/me/avatar", "image/png", &picture).await;
    let (mut one, mut other) = (begin(&mallory).await, begin(&mallory).await);
    // Whichever the server reads first is held.
    let refused = tokio::select! {
        refused = status(&mut one) => refused,
        refused = status(&mut other) => refused,
    };
    assert_eq!(refused, "503");
    let mut of_bob = begin(&bob).await;
    of_bob.write_all(&[7]).await.unwrap();
    assert_eq!(status(&mut of_bob).await, "415", "looked at, and no picture");
}

#[tokio::test]
async fn connections_of_one_address_leave_room_for_others() {
    let stage = Stage::configured(&[("BECKON_HTTP__MAX_CONNECTIONS", "20")]).await;
    let mut held = Vec::new();
    for _ in 0..30 {
        held.push(TcpStream::connect(stage.first().address()).await.unwrap());
    }
    let from = |address: &str| {
        let client = Client::builder().no_proxy().local_address(address.parse::<IpAddr>().ok());
        let request =
            client.build().unwrap().get(format!("{}/api/v1/settings", stage.first().url()));
        async move { request.send().await.map(|answer| answer.status()).ok() }
    };
    assert_eq!(from("127.0.0.1").await, Some(StatusCode::SERVICE_UNAVAILABLE), "no more of these");
    assert_eq!(from("127.0.0.2").await, Some(StatusCode::OK));
    drop(held);
    let is_served = || async { from("127.0.0.1").await == Some(StatusCode::OK) };
    eventually("the slots to be given back", is_served).await;
}

#[tokio::test]
async fn sockets_of_one_person_leave_room_for_others() {
    let stage = Stage::configured(&[("BECKON_LIMITS__SOCKETS", "200")]).await;
    let mallory = stage.person("mallory").await;
    let token = mallory.tokens().access;
    let mut open = Vec::new();
    for _ in 0..80 {
        open.extend(Socket::open(stage.first(), &token).await);
    }
    assert!(open.len() <= 64, "{} sockets of one person", open.len());
    stage.person("bob").await.gets_ok(serde_json::json!({"type": "ping"})).await;
}

/// Slow ones are waited for half a minute, which `./test long` alone does.
#[tokio::test]
async fn half_a_body_is_answered_in_the_end_and_its_connection_closed() {
    if !extent(false, true) {
        return;
    }
    let stage = Stage::new().await;
    let mallory = stage.person("mallory").await;
    let upload = Upload::of(&Upload::create(&mallory, "a.bin", "", 100).await);
    let proceed = format!("PATCH /api/v1/{}", upload.path);
    let mut slow = Vec::new();
    for (head, kind) in [
        ("POST /api/v1/groups", "application/json"),
        ("PUT /api/v1/me/avatar", "image/png"),
        (&*proceed, "application/offset+octet-stream"),
    ] {
        slow.push(held(&stage, &mallory, head, kind, b"{\"slow\":").await);
    }
    for mut stream in slow {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("\"code\":\"request_timeout\""), "{answer}");
    }
}
