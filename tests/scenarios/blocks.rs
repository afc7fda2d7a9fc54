//! Somebody is blocked: nothing reaches who blocked them, and nothing tells them. All that they can hear or ask for is
//! compared, field by field, with what they see of a contact who has gone away and answers nobody.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Person, Room, Stage, send};

/// Replaces what differs between any two contacts: ids, names, times, credentials.
fn alike(value: &Value, known: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => {
            let found = known.iter().find(|(mine, _)| text == mine || text.starts_with(mine));
            match found {
                Some((_, name)) => json!(name),
                None if Uuid::parse_str(text).is_ok() => json!("an id"),
                None => value.clone(),
            }
        }
        Value::Number(number) if number.as_i64().is_some_and(|n| n > 1_000_000_000_000) => {
            json!("a time")
        }
        Value::Array(items) => items.iter().map(|item| alike(item, known)).collect(),
        Value::Object(fields) => {
            // counted over the whole socket, over all contacts, or made anew each time
            let varies = ["n", "ref", "credential", "username", "fact"];
            let kept = fields.iter().filter(|(name, _)| !varies.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), alike(value, known)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        other => other.clone(),
    }
}

/// What `me` sees of a contact from one act to the next.
struct Watched<'a> {
    me: &'a Person,
    peer: &'a Person,
    room: Room,
    seen: Vec<(String, Value)>,
}

impl Watched<'_> {
    fn note(&mut self, what: &str, value: &Value) {
        let known = [
            (self.me.id.as_str(), "me"),
            (self.peer.id.as_str(), "my contact"),
            (self.peer.name.as_str(), "a name"),
            (self.room.id.as_str(), "our conversation"),
        ];
        self.seen.push((what.to_owned(), alike(value, &known)));
    }

    async fn asks(&mut self, frame: Value) -> Value {
        let answer = self.me.asks(frame.clone()).await;
        self.note(frame["type"].as_str().unwrap(), &answer);
        answer
    }

    /// Every frame that has come by now.
    async fn hears_all(&mut self, when: &str) {
        self.me.gets_ok(json!({"type": "ping"})).await;
        let frames = self.me.socket().await.take_kept();
        for frame in frames {
            self.note(when, &frame);
        }
    }

    async fn requests(&mut self, method: reqwest::Method, path: &str, body: Option<Value>) {
        let request = self.me.request(method.clone(), path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let (status, body) = (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null));
        let asked = format!("{method} {path}");
        let asked =
            [(&self.peer.id, "{contact}"), (&self.room.id, "{room}"), (&self.peer.name, "{name}")]
                .iter()
                .fold(asked, |asked, (id, name)| asked.replace(id.as_str(), name));
        self.note(
            &asked,
            &json!({"status": status, "body": of_one(body, &self.peer.id, &self.room.id)}),
        );
    }

    /// Everything there is to ask for that has to do with a contact.
    async fn asks_for_everything(&mut self) {
        use reqwest::Method;
        let (peer, room) = (self.peer.id.clone(), self.room.clone());
        for path in [
            "",
            "/members",
            "/messages",
            "/messages?after_seq=0",
            "/messages?around_seq=1",
            "/changes?after_ver=0",
            "/call",
        ] {
            self.requests(Method::GET, &room.path(path), None).await;
        }
        for path in [
            "conversations",
            "contacts?after_ver=0",
            "contact-requests?direction=outgoing",
            "contact-requests?direction=incoming",
            "blocks",
            &format!("users/{peer}"),
            &format!("users?name={}", self.peer.name),
        ] {
            self.requests(Method::GET, path, None).await;
        }
        self.requests(Method::POST, "conversations/direct", Some(json!({"user_id": peer}))).await;
        self.requests(Method::POST, "contact-requests", Some(json!({"user_id": peer}))).await;
        self.requests(Method::PATCH, &format!("contacts/{peer}"), Some(json!({"remark": "dear"})))
            .await;
        let said =
            json!({"client_msg_id": Uuid::new_v4(), "body": {"type": "text", "text": "by letter"}});
        self.requests(Method::POST, &room.path("/messages"), Some(said)).await;
        self.requests(Method::PUT, &room.path("/receipt"), Some(json!({"read_seq": 2}))).await;
    }

    async fn calls(&mut self) {
        let id = Uuid::new_v4().to_string();
        let start =
            json!({"type": "call_start", "call_id": id, "user_id": self.peer.id, "media": "voice"});
        self.asks(start.clone()).await;
        self.asks(start).await;
        let signal = json!({"kind": "candidates_end"});
        self.asks(json!({"type": "call_signal", "call_id": id, "signal": signal})).await;
        self.hears_all("while it rings").await;
        self.asks(json!({"type": "call_hangup", "call_id": id})).await;
        let record = self.me.record_of(&self.room, &id).await;
        self.note("the record", &record);
        self.asks(json!({"type": "call_hangup", "call_id": id})).await;
    }
}

/// Of a list only what concerns this contact.
fn of_one(body: Value, peer: &str, room: &str) -> Value {
    let about = |item: &Value| {
        let text = item.to_string();
        text.contains(peer) || text.contains(room)
    };
    match body {
        Value::Object(fields) => {
            let listed = |value: Value| match value {
                Value::Array(items) => items.into_iter().filter(about).collect(),
                other => other,
            };
            let fields = fields.into_iter().filter(|(name, _)| name != "next");
            fields
                .map(|(name, value)| (name, listed(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        other => other,
    }
}

/// Two who have talked; `peer` has read all of it.
async fn talked<'a>(me: &'a Person, peer: &'a Person) -> Watched<'a> {
    me.befriends(peer).await;
    let room = me.room_with(peer).await;
    me.says("before", &room).await;
    peer.hears("before").await;
    peer.put(&room.path("/receipt"), json!({"received_seq": 2, "read_seq": 2})).await.ok();
    me.notices_that("receipt", |frame| {
        frame["user_id"] == json!(peer.id) && frame["read_seq"] == 2
    })
    .await;
    peer.says("so long", &room).await;
    me.hears("so long").await;
    me.socket().await.take_kept();
    Watched { me, peer, room, seen: vec![] }
}

/// Everything that `me` does and sees, from the moment in which the other one is gone.
async fn is_watched(mut watched: Watched<'_>, blocker: Option<&Person>) -> Vec<(String, Value)> {
    watched.me.notices_that("presence", |frame| frame["state"] == "offline").await;
    watched.hears_all("at once").await;
    let id = Uuid::new_v4();
    let said = send(id, "are you there?", &watched.room);
    let ack = watched.asks(said.clone()).await;
    watched.asks(said).await;
    let typing = json!({"type": "typing", "conversation_id": watched.room.id});
    watched.me.socket().await.say(typing.clone()).await;
    watched
        .asks(
            json!({"type": "receipt", "conversation_id": watched.room.id, "read_seq": ack["seq"]}),
        )
        .await;
    if let Some(blocker) = blocker {
        // what the one who blocks does meanwhile must not show
        let all = json!({"received_seq": ack["seq"], "read_seq": ack["seq"]});
        blocker.put(&watched.room.path("/receipt"), all).await.ok();
        blocker.socket().await.say(typing).await;
        blocker.socket().await.say(json!({"type": "presence", "state": "away"})).await;
        blocker.gets_ok(json!({"type": "ping"})).await;
    }
    watched.hears_all("after what was said").await;
    watched.calls().await;
    watched.asks_for_everything().await;
    let recalled = format!("/messages/{}/recall", ack["seq"]);
    watched.requests(reqwest::Method::POST, &watched.room.path(&recalled), Some(json!({}))).await;
    watched.asks_for_everything().await;
    watched.hears_all("at last").await;
    watched.me.loses_connection().await;
    let welcome = watched.me.connects().await;
    watched.note("welcome", &json!(welcome["calls"]));
    watched.seen
}

#[tokio::test]
async fn the_blocked_person_sees_what_they_would_see_of_somebody_who_is_away() {
    let stage = Stage::new().await;
    let [alice, bob, dave] = stage.people(["alice", "bob", "dave"]).await;
    let of_bob = talked(&alice, &bob).await;
    let room = of_bob.room.clone();
    bob.befriends(&dave).await;
    bob.put(&format!("blocks/{}", alice.id), Value::Null).await.ok();
    // that the one who blocks talks to somebody else must not show either
    let call = json!({"type": "call_start", "call_id": Uuid::new_v4(), "user_id": dave.id, "media": "voice"});
    bob.gets_ok(call).await;
    bob.socket().await.take_kept();
    let blocked = is_watched(of_bob, Some(&bob)).await;

    let elsewhere = Stage::new().await;
    let [alone, silent] = elsewhere.people(["alice", "bob"]).await;
    let of_silent = talked(&alone, &silent).await;
    silent.delete("logins/current").await.ok();
    let silent = is_watched(of_silent, None).await;
    assert_eq!(blocked.len(), silent.len(), "{blocked:#?}\n{silent:#?}");
    for (blocked, silent) in blocked.iter().zip(&silent) {
        assert_eq!(blocked, silent);
    }

    bob.gets_ok(json!({"type": "ping"})).await;
    let kept = bob.socket().await.take_kept();
    let of_her: Vec<_> =
        kept.iter().filter(|frame| frame.to_string().contains(&alice.id)).collect();
    assert_eq!(of_her.len(), 0, "{of_her:?}");
    let bobs = bob.sees(&room).await;
    assert_eq!((&bobs["unread"], &bobs["writable"]), (&json!(0), &json!(false)), "{bobs}");
}

#[tokio::test]
async fn what_was_said_while_blocked_is_never_delivered() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    alice.says("before", &room).await;
    bob.hears("before").await;
    bob.put(&format!("blocks/{}", alice.id), Value::Null).await.ok();
    bob.is_refused(send(Uuid::new_v4(), "I do not talk to you", &room), "not_contacts").await;
    let ver = bob.sees(&room).await["last_ver"].as_u64().unwrap();
    alice.says("hello?", &room).await;
    alice.says("hello??", &room).await;
    bob.delete(&format!("blocks/{}", alice.id)).await.ok();
    alice.sees_presence(&bob, "online").await;
    alice.says("hello again", &room).await;
    bob.hears_next("hello again").await;

    let mine: Vec<_> = alice.history(&room).await.iter().map(|m| m["body"].clone()).collect();
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(mine[1..], ["before", "hello?", "hello??", "hello again"].map(text));
    let withheld = json!({"type": "withheld"});
    let bobs: Vec<_> = bob.history(&room).await.iter().map(|m| m["body"].clone()).collect();
    assert_eq!(
        bobs[1..],
        [text("before"), withheld.clone(), withheld.clone(), text("hello again")]
    );
    let since = bob.changes(&room, ver).await;
    let since: Vec<_> = since.iter().map(|change| change["message"]["body"].clone()).collect();
    assert_eq!(since, [withheld.clone(), withheld, text("hello again")]);
    assert_eq!(bob.sees(&room).await["unread"], 1);
}

#[tokio::test]
async fn a_contact_who_is_blocked_still_learns_of_a_new_name() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    bob.put(&format!("blocks/{}", alice.id), Value::Null).await.ok();
    bob.patch("me", json!({"nickname": "Bob of the valley"})).await.ok();
    let heard = alice
        .notices_that("contact", |frame| {
            frame["contact"]["user"]["nickname"] == "Bob of the valley"
        })
        .await;
    assert_eq!(heard["contact"]["presence"]["state"], "offline");
    assert!(heard["contact"]["presence"]["last_seen_at"].is_number());
}
