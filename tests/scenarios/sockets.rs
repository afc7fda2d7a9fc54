//! A socket through broken connections.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use uuid::Uuid;

use crate::stage::{PATIENCE, Person, Socket, Stage, send};

#[tokio::test]
async fn a_goodbye_is_answered() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let mut socket = Socket::open(alice.node(), &alice.tokens().access).await.unwrap();
    socket.hello().await;
    socket.say_raw(Message::Close(None)).await;
    let closed = socket.closes().await;
    assert!(closed.is_clean, "the connection broke instead: {closed:?}");
}

#[tokio::test]
async fn a_client_that_is_still_sending_hears_why_it_is_sent_away() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    for _ in 0..5 {
        let mut socket = Socket::open(alice.node(), &alice.tokens().access).await.unwrap();
        socket.hello().await;
        for _ in 0..100 {
            socket.say_raw(Message::text("x".repeat(8 * 1024))).await;
        }
        assert_eq!(socket.closes().await.code, Some(4400), "malformed");
    }
}

#[tokio::test]
async fn a_resumed_socket_gets_exactly_what_it_missed() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    alice.says("before", &room).await;
    bob.hears("before").await;
    let place = bob.loses_connection().await;
    for text in ["missed one", "missed two", "missed three"] {
        alice.says(text, &room).await;
    }
    assert_eq!(bob.resumes(&place).await["recovered"], true);
    alice.says("after", &room).await;
    // The socket itself fails the test when `n` has a hole or a repetition.
    for text in ["missed one", "missed two", "missed three", "after"] {
        bob.hears_next(text).await;
    }
    assert_eq!(bob.socket().await.id, place.0);
}

#[tokio::test]
async fn resuming_twice_repeats_what_was_not_confirmed() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let place = bob.loses_connection().await;
    alice.says("missed", &room).await;
    for _ in 0..2 {
        assert_eq!(bob.resumes(&place).await["recovered"], true);
        bob.hears_next("missed").await;
        bob.loses_connection().await;
    }
}

#[tokio::test]
async fn too_many_missed_frames_are_not_recovered_in_part() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let before = bob.sees(&room).await["last_ver"].as_u64().unwrap();
    let place = bob.loses_connection().await;
    for number in 0..600 {
        alice.socket().await.say(send(Uuid::new_v4(), &format!("{number}"), &room)).await;
    }
    alice.says("the last", &room).await;
    let welcome = bob.resumes(&place).await;
    assert_eq!(welcome["recovered"], false);
    assert_ne!(welcome["socket_id"], place.0.as_str());
    alice.says("fresh", &room).await;
    bob.hears_next("fresh").await;
    assert_eq!(bob.changes(&room, before).await.len(), 602);
}

#[tokio::test]
async fn an_unknown_socket_is_not_recovered() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let welcome = alice.resumes(&(Uuid::new_v4().to_string(), 3)).await;
    assert_eq!(welcome["recovered"], false);
    alice.gets_ok(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn nobody_resumes_the_socket_of_somebody_else() {
    let stage = Stage::new().await;
    let [alice, mallory] = stage.people(["alice", "mallory"]).await;
    let place = alice.loses_connection().await;
    let mut socket = Socket::open(stage.first(), &mallory.tokens().access).await.unwrap();
    assert_eq!(socket.resume(&place.0, place.1).await["recovered"], false);
    assert_eq!(alice.resumes(&place).await["recovered"], true);
}

#[tokio::test]
async fn a_number_from_the_future_is_not_recovered() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let (id, n) = alice.loses_connection().await;
    assert_eq!(alice.resumes(&(id, n + 1_000)).await["recovered"], false);
}

#[tokio::test]
async fn a_ninth_socket_of_a_login_replaces_the_oldest() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let mut sockets = Vec::new();
    for _ in 0..8 {
        let mut socket = Socket::open(stage.first(), &alice.tokens().access).await.unwrap();
        socket.hello().await;
        sockets.push(socket);
    }
    assert_eq!(alice.is_closed().await.code, Some(4409));
    let pong = sockets[0].ask(json!({"type": "ping"})).await;
    assert_eq!(pong["type"], "ok");
}

#[tokio::test]
async fn a_reader_that_never_reads_is_cut_off_and_others_notice_nothing() {
    // the one who writes is in a hurry
    let stage = Stage::configured(&[("BECKON_LIMITS__FRAMES_PER_SECOND", "1000000")]).await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob, &carol]).await;
    let mut deaf = deaf_socket(&carol).await;

    // More than the kernel's buffers and the server's queue hold together.
    let text = "x".repeat(7_000);
    let ack = alice.says(&text, &room).await;
    bob.hears(&text).await;
    let first = ack["seq"].as_u64().unwrap();
    let before = stage.counter("beckon_sockets_overflowed_total", "").await;
    let mut said = first;
    while stage.counter("beckon_sockets_overflowed_total", "").await <= before {
        assert!(said < first + 20_000, "the server queued more than 100 MB for one socket");
        for _ in 0..100 {
            said = alice.says(&text, &room).await["seq"].as_u64().unwrap();
        }
        bob.socket()
            .await
            .wait("the newest message", |frame| frame["message"]["seq"] == said)
            .await;
    }
    // Reading at last, the slow one finds what fitted and then the reason.
    let reading = async {
        while let Some(Ok(frame)) = deaf.next().await {
            if let Message::Close(Some(frame)) = frame {
                return Some(u16::from(frame.code));
            }
        }
        None
    };
    let code = tokio::time::timeout(PATIENCE, reading).await.expect("the server to give up");
    assert!(matches!(code, Some(4000) | None), "{code:?}");
    carol.gets_ok(json!({"type": "ping"})).await;
    bob.gets_ok(json!({"type": "ping"})).await;
}

/// A socket that says hello and then leaves everything unread.
async fn deaf_socket(person: &Person) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let mut request =
        format!("ws://{}/api/v1/ws", person.node().address()).into_client_request().unwrap();
    let token = format!("Bearer {}", person.tokens().access);
    request.headers_mut().insert("authorization", token.parse().unwrap());
    request.headers_mut().insert("sec-websocket-protocol", "beckon.v1+json".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    socket.send(Message::text(r#"{"type":"hello"}"#)).await.unwrap();
    socket
}

#[tokio::test]
async fn a_draining_server_tells_sockets_to_reconnect() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    assert!(stage.first().drains().await, "SIGTERM ends with 0");
    let closed = alice.is_closed().await;
    assert!(matches!(closed.code, Some(1001 | 1012)), "{closed:?}");
    stage.restart().await;
}

#[tokio::test]
async fn frames_of_a_socket_are_numbered_from_one() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let mut socket = Socket::open(stage.first(), &alice.tokens().access).await.unwrap();
    socket.hello().await;
    for n in 1..4 {
        assert_eq!(socket.ask(json!({"type": "ping"})).await["n"], n);
    }
}

#[tokio::test]
async fn a_client_that_falls_silent_is_pinged_and_then_given_up() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let MaybeTlsStream::Plain(mut stream) = deaf_socket(&alice).await.into_inner() else {
        panic!("a plain connection");
    };
    // Bytes are read and never answered: 60 s of that is what the server allows.
    let mut bytes = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(75), stream.read_to_end(&mut bytes));
    let _ = reading.await.expect("the server to give up");
    let has = |wanted: &[u8]| bytes.windows(wanted.len()).any(|part| part == wanted);
    assert!(has(&[0x89, 0]), "an empty ping frame");
    assert!(has(&4001_u16.to_be_bytes()), "the close code");
}
