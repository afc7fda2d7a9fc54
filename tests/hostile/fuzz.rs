//! Nonsense that looks right: every operation of the OpenAPI document and every frame, filled with odd values.
//!
//! `FUZZ_SEED` plays another round than the one that everybody plays.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::stage::{Answer, Person, Room, Socket, Stage};

/// How often each operation is tried.
const TRIES: usize = 12;

/// Frames said in all.
const FRAMES: usize = 1_500;

/// Makes values that break rules, among some that keep them.
struct Odd {
    rng: StdRng,
    /// Ids of things that exist.
    ids: Vec<String>,
}

impl Odd {
    fn new(ids: Vec<String>) -> Self {
        let seed = std::env::var("FUZZ_SEED").map_or(1, |seed| seed.parse().expect("a number"));
        Self { rng: StdRng::seed_from_u64(seed), ids }
    }

    fn id(&mut self) -> String {
        match self.rng.random_range(0..4) {
            0 => Uuid::from_u128(self.rng.random()).to_string(),
            1 => self.text(),
            _ => self.ids.choose(&mut self.rng).expect("some ids").clone(),
        }
    }

    fn text(&mut self) -> String {
        let texts = [
            "",
            " ",
            "0",
            "-1",
            "null",
            "a",
            "\u{0}",
            "\u{202e}reversed",
            "🏳️‍🌈",
            "'; DROP TABLE users; --",
            "%00",
            "../..",
            "{{7*7}}",
            "<script>",
            "\u{feff}",
            "e\u{301}\u{301}\u{301}",
            "１２３",
            "\r\nset-cookie: x=y",
            "text",
            "online",
        ];
        match self.rng.random_range(0..12) {
            0 => "長".repeat(self.rng.random_range(1..9_000)),
            1 => "\u{301}".repeat(self.rng.random_range(1..300)),
            _ => (*texts.choose(&mut self.rng).expect("some texts")).to_owned(),
        }
    }

    fn number(&mut self) -> Value {
        let numbers = [
            json!(0),
            json!(-1),
            json!(1),
            json!(i64::MIN),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1.5),
            json!(1e300),
        ];
        numbers.choose(&mut self.rng).expect("some numbers").clone()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.rng.random_range(0..9) {
            0 => Value::Null,
            1 => json!(self.rng.random_bool(0.5)),
            2 => self.number(),
            3 | 4 => json!(self.text()),
            5 | 6 => json!(self.id()),
            7 if depth > 0 => {
                (0..self.rng.random_range(0..4)).map(|_| self.value(depth - 1)).collect()
            }
            _ if depth > 0 => {
                Value::Object(self.fields(&["type", "kind", "text", "sdp", "candidate"], depth - 1))
            }
            _ => json!({}),
        }
    }

    fn fields(&mut self, names: &[&str], depth: usize) -> Map<String, Value> {
        let mut fields = Map::new();
        for name in names {
            if self.rng.random_bool(0.8) {
                fields.insert((*name).to_owned(), self.value(depth));
            }
        }
        fields
    }
}

/// Alice and Bob, who talk, and the ids of what they have.
async fn scene(stage: &Stage) -> (Person, Person, Room, Odd) {
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let group = alice.opens_group("Lunch", &[&bob]).await;
    let call = alice.post(&group.path("/call"), json!({"media": "voice"})).await.ok();
    let call = call["call"]["id"].as_str().expect("a call").to_owned();
    let ids = vec![
        alice.id.clone(),
        bob.id.clone(),
        room.id.clone(),
        group.id,
        call,
        alice.login_id.clone(),
    ];
    (alice, bob, room, Odd::new(ids))
}

#[tokio::test]
async fn no_request_however_odd_is_the_servers_fault() {
    let stage = Stage::new().await;
    let (_, bob, _, mut odd) = scene(&stage).await;
    let document = stage.first().get("/api/v1/openapi.json").await.ok();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            for _ in 0..TRIES {
                // A person of their own, because some of these sign out.
                let mallory = bob.signs_in("odd").await;
                let answer =
                    try_once(&mallory, &method, path, operation, &document, &mut odd).await;
                let status = answer.status.as_u16();
                assert!(status < 500, "{method} {path}: {}", answer.text());
                if status >= 400 && method != Method::HEAD {
                    assert!(
                        answer.json()["code"].is_string(),
                        "{method} {path}: {}",
                        answer.text()
                    );
                }
            }
        }
    }
    stage.person("carol").await;
}

async fn try_once(
    person: &Person,
    method: &Method,
    path: &str,
    operation: &Value,
    document: &Value,
    odd: &mut Odd,
) -> Answer {
    let mut path = path.strip_prefix("/api/v1/").unwrap_or(path).to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a name");
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &escaped(&odd.id())),
            _ if odd.rng.random_bool(0.7) => query.push(format!("{name}={}", escaped(&odd.text()))),
            _ => {}
        }
    }
    let mut request = person.request(method.clone(), &format!("{path}?{}", query.join("&")));
    request = request.header("tus-resumable", "1.0.0");
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        let schema = &content.values().next().expect("a content type")["schema"];
        let names = property_names(schema, document);
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let body = Value::Object(odd.fields(&names, 2));
        request = request.json(&body);
    }
    Answer::read(format!("{method} {path}"), request.send().await.expect("an answer")).await
}

fn property_names(schema: &Value, document: &Value) -> Vec<String> {
    let referred =
        schema["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    let properties = referred.unwrap_or(schema)["properties"].as_object();
    properties.into_iter().flat_map(Map::keys).cloned().collect()
}

/// Percent-encoded, all of it.
fn escaped(text: &str) -> String {
    text.bytes().take(2_000).map(|byte| format!("%{byte:02x}")).collect()
}

#[tokio::test]
async fn no_frame_however_odd_hurts_anybody() {
    let stage = Stage::new().await;
    let (alice, bob, room, mut odd) = scene(&stage).await;
    let kinds = [
        "hello",
        "resume",
        "send",
        "receipt",
        "typing",
        "presence",
        "ping",
        "call_start",
        "call_accept",
        "call_decline",
        "call_hangup",
        "call_signal",
        "message",
        "sync",
        "",
    ];
    let names = [
        "ref",
        "conversation_id",
        "client_msg_id",
        "body",
        "received_seq",
        "read_seq",
        "state",
        "call_id",
        "user_id",
        "media",
        "signal",
        "socket_id",
        "n",
        "lang",
    ];
    let mut socket = greeted(&bob).await;
    for _ in 0..FRAMES {
        let mut frame = odd.fields(&names, 2);
        frame.insert("type".to_owned(), json!(kinds.choose(&mut odd.rng)));
        socket.say_raw(Message::text(Value::Object(frame).to_string())).await;
        if socket.is_closed() {
            socket = greeted(&bob).await;
        }
    }
    alice.says("that was odd", &room).await;
    bob.hears("that was odd").await;
}

async fn greeted(person: &Person) -> Socket {
    let mut socket = Socket::open(person.node(), &person.tokens().access).await.expect("a socket");
    socket.hello().await;
    socket
}
