//! Frames that are no frames.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::stage::{Person, Room, Socket, Stage, send};

/// Alice, who misbehaves on a second socket, and Bob, who talks with her and must not notice.
async fn scene(stage: &Stage) -> (Person, Person, Room, Socket) {
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let mut socket = Socket::open(stage.first(), &alice.tokens().access).await.unwrap();
    socket.hello().await;
    (alice, bob, room, socket)
}

async fn life_goes_on(alice: &Person, bob: &Person, room: &Room) {
    alice.says("still here", room).await;
    bob.hears("still here").await;
}

async fn malformed(socket: &mut Socket, frame: impl Into<Message>) {
    socket.say_raw(frame.into()).await;
    let error = socket.frame("error").await["error"].clone();
    assert!(["malformed", "invalid"].contains(&error["code"].as_str().unwrap()), "{error}");
}

#[tokio::test]
async fn what_is_no_frame_is_refused_and_the_socket_stays() {
    let stage = Stage::new().await;
    let (alice, bob, room, mut socket) = scene(&stage).await;
    let before = stage.counter("beckon_refusals_total", "malformed").await;
    for text in [
        "",
        "{",
        "[]",
        "null",
        "42",
        "\"hello\"",
        "{}",
        r#"{"type":"launch_missiles"}"#,
        r#"{"type":7}"#,
        r#"{"type":"send"}"#,
        r#"{"type":"send","conversation_id":"x","client_msg_id":"y","body":{"type":"text","text":"z"}}"#,
        r#"{"type":"receipt","conversation_id":7}"#,
    ] {
        malformed(&mut socket, Message::text(text)).await;
    }
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    malformed(&mut socket, Message::text(deep)).await;
    assert_eq!(socket.ask(json!({"type": "ping"})).await["type"], "ok");
    stage.counter_rises("beckon_refusals_total", "malformed", before).await;
    life_goes_on(&alice, &bob, &room).await;
}

/// Text with half a surrogate, a wrong type, an unknown word, an end in the middle.
#[tokio::test]
async fn an_error_names_its_request_whatever_else_cannot_be_read() {
    let stage = Stage::new().await;
    let (alice, bob, room, mut socket) = scene(&stage).await;
    let half = send(Uuid::new_v4(), "half", &room).to_string().replace("half", r"half \ud83d");
    for frame in [
        half,
        json!({"type": "receipt", "conversation_id": 7}).to_string(),
        json!({"type": "fly", "to": [1, 2]}).to_string(),
        json!({"type": "hello"}).to_string(),
        r#"{"type":"send","body":{"type":"te"#.to_owned(),
    ] {
        let named = frame.replacen('{', r#"{"ref":"the one","#, 1);
        socket.say_raw(Message::text(named)).await;
        let error = socket.frame("error").await;
        assert_eq!(
            (&error["ref"], &error["error"]["code"]),
            (&json!("the one"), &json!("malformed"))
        );
    }
    life_goes_on(&alice, &bob, &room).await;
}

#[tokio::test]
async fn a_client_that_tries_ill_formed_text_for_ever_keeps_its_socket() {
    let stage = Stage::new().await;
    let (_, _, room, mut socket) = scene(&stage).await;
    for n in 0..30 {
        let frame = send(Uuid::new_v4(), "half", &room).to_string().replace("half", r"\udc00");
        let frame = frame.replacen('{', &format!(r#"{{"ref":"{n}","#), 1);
        socket.say_raw(Message::text(frame)).await;
        assert_eq!(socket.frame("error").await["ref"], n.to_string());
    }
    assert_eq!(socket.ask(json!({"type": "ping"})).await["type"], "ok");
}

#[tokio::test]
async fn twenty_malformed_frames_are_enough() {
    let stage = Stage::new().await;
    let (alice, bob, room, mut socket) = scene(&stage).await;
    for _ in 0..20 {
        socket.say_raw(Message::text("{")).await;
    }
    assert_eq!(socket.closes().await.code, Some(4400));
    life_goes_on(&alice, &bob, &room).await;
}

#[tokio::test]
async fn a_frame_of_a_megabyte_closes_the_socket() {
    let stage = Stage::new().await;
    let (alice, bob, room, mut socket) = scene(&stage).await;
    let huge = send(Uuid::new_v4(), &"x".repeat(1 << 20), &room).to_string();
    socket.say_raw(Message::text(huge)).await;
    let closed = socket.closes().await;
    assert!(matches!(closed.code, Some(1009) | None), "{closed:?}");
    life_goes_on(&alice, &bob, &room).await;
}

#[tokio::test]
async fn a_first_frame_other_than_hello_ends_the_socket() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    for first in [
        json!({"type": "ping"}),
        json!({"type": "typing", "conversation_id": Uuid::new_v4()}),
        json!({}),
    ] {
        let mut socket = Socket::open(stage.first(), &alice.tokens().access).await.unwrap();
        socket.say(first).await;
        assert_eq!(socket.closes().await.code, Some(4400));
    }
}

#[tokio::test]
async fn binary_frames_are_not_for_this_protocol() {
    let stage = Stage::new().await;
    let (alice, bob, room, mut socket) = scene(&stage).await;
    malformed(&mut socket, Message::binary(vec![0xff, 0xfe, 0x00])).await;
    life_goes_on(&alice, &bob, &room).await;
}

#[tokio::test]
async fn a_second_hello_is_refused() {
    let stage = Stage::new().await;
    let (_, _, _, mut socket) = scene(&stage).await;
    socket.say(json!({"type": "hello"})).await;
    assert_eq!(socket.frame("error").await["error"]["code"], "malformed");
    assert_eq!(socket.ask(json!({"type": "ping"})).await["type"], "ok");
}

#[tokio::test]
async fn a_ref_is_short() {
    let stage = Stage::new().await;
    let (_, _, _, mut socket) = scene(&stage).await;
    malformed(
        &mut socket,
        Message::text(json!({"type": "ping", "ref": "x".repeat(65)}).to_string()),
    )
    .await;
    let answer = socket.ask(json!({"type": "ping"})).await;
    assert_eq!(answer["type"], "ok");
}

#[tokio::test]
async fn server_frames_sent_by_a_client_fool_nobody() {
    let stage = Stage::new().await;
    let (alice, bob, room, mut socket) = scene(&stage).await;
    let forged = json!({"type": "message", "message": {"conversation_id": room.id, "body": {"type": "text", "text": "forged"}}});
    malformed(&mut socket, Message::text(forged.to_string())).await;
    let call =
        json!({"type": "call", "call_id": Uuid::new_v4(), "media": "voice", "outcome": "missed"});
    let system = json!({"type": "system", "event": {"kind": "left", "actor_id": bob.id}});
    for body in [call, system, json!({"type": "recalled"}), Value::Null] {
        let frame = json!({"type": "send", "conversation_id": room.id, "client_msg_id": Uuid::new_v4(), "body": body});
        malformed(&mut socket, Message::text(frame.to_string())).await;
    }
    life_goes_on(&alice, &bob, &room).await;
    assert!(!bob.history(&room).await.iter().any(|message| message["body"]["text"] == "forged"));
}

/// Frames of every kind, without waiting for answers, for as long as the server takes them.
#[tokio::test]
async fn a_flood_of_frames_is_slowed_down_and_closed_while_others_talk() {
    let stage = Stage::new().await;
    let (alice, bob, room, mut socket) = scene(&stage).await;
    let frames = [
        json!({"type": "ping"}),
        json!({"type": "typing", "conversation_id": room.id}),
        json!({"type": "presence", "state": "away"}),
        json!({"type": "call_signal", "call_id": Uuid::new_v4(), "signal": {"kind": "offer", "sdp": "x".repeat(20_000)}}),
        json!({"type": "receipt", "conversation_id": room.id, "read_seq": 1}),
    ];
    let mut sent = 0;
    while !socket.is_closed() {
        socket.say(frames[sent % frames.len()].clone()).await;
        sent += 1;
        if sent % 100 == 0 {
            life_goes_on(&alice, &bob, &room).await;
        }
    }
    let closed = socket.closes().await;
    assert_eq!((closed.code, closed.reason.as_str()), (Some(4429), "too_fast"));
    life_goes_on(&alice, &bob, &room).await;
}
