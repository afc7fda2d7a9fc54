//! Somebody at a device: signs in, keeps a socket open, talks, and waits for what should be heard.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use uuid::Uuid;

use super::{Answer, Closed, Node, Socket};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// A conversation as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    pub id: String,
}

impl Room {
    pub fn of(conversation: &Value) -> Self {
        Self { id: conversation["id"].as_str().expect("a conversation").to_owned() }
    }

    pub fn path(&self, rest: &str) -> String {
        format!("conversations/{}{rest}", self.id)
    }
}

/// One person at one device; [`Person::on_another_device`] is the same person at a further one.
pub struct Person {
    pub name: String,
    pub id: String,
    pub login_id: String,
    node: Arc<Node>,
    tokens: Mutex<Tokens>,
    socket: AsyncMutex<Option<Socket>>,
}

#[derive(Clone, Default)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Person {
    pub async fn register(node: Arc<Node>, name: &str) -> Self {
        let account = json!({"name": name, "password": PASSWORD, "nickname": name});
        let answer = node
            .request(Method::POST, "/api/v1/users")
            .json(&account)
            .send()
            .await
            .expect("an answer");
        Self::from_answer(
            node,
            name,
            Answer::read(format!("registering {name}"), answer).await.ok(),
        )
    }

    /// The same person, signed in anew under this device name and connected.
    pub async fn on_another_device(&self, device: &str) -> Self {
        let other = self.signs_in(device).await;
        other.connects().await;
        other
    }

    /// The same person, signed in anew, without a socket.
    pub async fn signs_in(&self, device: &str) -> Self {
        let device = json!({"kind": "other", "name": device});
        let login = json!({"name": self.name, "password": PASSWORD, "device": device});
        let answer = self
            .node
            .request(Method::POST, "/api/v1/logins")
            .json(&login)
            .send()
            .await
            .expect("an answer");
        let answer = Answer::read(format!("{} signing in", self.name), answer).await;
        Self::from_answer(self.node.clone(), &self.name, answer.ok())
    }

    /// The same login seen from another node.
    pub fn at(&self, node: &Arc<Node>) -> Self {
        Self {
            name: self.name.clone(),
            id: self.id.clone(),
            login_id: self.login_id.clone(),
            node: node.clone(),
            tokens: Mutex::new(self.tokens()),
            socket: AsyncMutex::default(),
        }
    }

    fn from_answer(node: Arc<Node>, name: &str, signed_in: Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a signed-in person").to_owned();
        let access = text(&signed_in["access_token"]);
        let refresh = text(&signed_in["refresh_token"]);
        Self {
            name: name.to_owned(),
            id: text(&signed_in["user"]["id"]),
            login_id: text(&signed_in["login_id"]),
            node,
            tokens: Mutex::new(Tokens { access, refresh }),
            socket: AsyncMutex::default(),
        }
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub fn tokens(&self) -> Tokens {
        self.tokens.lock().expect("no panic while reading tokens").clone()
    }

    pub fn takes_tokens(&self, access: &str, refresh: &str) {
        let tokens = Tokens { access: access.to_owned(), refresh: refresh.to_owned() };
        *self.tokens.lock().expect("no panic while writing tokens") = tokens;
    }
}

/// Over REST. Paths start behind `/api/v1/`.
impl Person {
    pub async fn get(&self, path: &str) -> Answer {
        self.does(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.does(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.does(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.does(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.does(Method::DELETE, path, None).await
    }

    async fn does(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let asked = format!("{} {method} {path}", self.name);
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        Answer::read(asked, answer).await
    }

    /// A request with this person's token, still to be filled.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.node.request(method, &format!("/api/v1/{path}")).bearer_auth(self.tokens().access)
    }

    /// Becomes a contact of somebody: asks and is accepted.
    pub async fn befriends(&self, other: &Person) {
        let request = self.post("contact-requests", json!({"user_id": other.id})).await.ok();
        let id = request["id"].as_str().expect("a request");
        other.post(&format!("contact-requests/{id}/accept"), Value::Null).await.ok();
    }

    /// The one-to-one conversation with a contact.
    pub async fn room_with(&self, other: &Person) -> Room {
        Room::of(&self.post("conversations/direct", json!({"user_id": other.id})).await.ok())
    }

    /// Opens a group with contacts.
    pub async fn opens_group(&self, title: &str, others: &[&Person]) -> Room {
        let ids: Vec<_> = others.iter().map(|other| &other.id).collect();
        Room::of(&self.post("groups", json!({"title": title, "member_ids": ids})).await.ok())
    }

    /// A conversation as this person sees it now.
    pub async fn sees(&self, room: &Room) -> Value {
        self.get(&room.path("")).await.ok()
    }

    /// The one message that records a call, once it has come.
    pub async fn record_of(&self, room: &Room, call: &str) -> Value {
        let records_it = |message: &Value| message["body"]["call_id"] == call;
        self.notices_that("message", |frame| records_it(&frame["message"])).await;
        let history = self.history(room).await;
        let records: Vec<_> = history.into_iter().filter(records_it).collect();
        let [record] = <[Value; 1]>::try_from(records).expect("one record a call");
        record
    }

    /// Everything ever said in a conversation, page by page; fails when `seq` has a hole or a repetition.
    pub async fn history(&self, room: &Room) -> Vec<Value> {
        let mut messages: Vec<Value> = Vec::new();
        loop {
            let path = room.path(&format!("/messages?after_seq={}&limit=100", messages.len()));
            let page = self.get(&path).await.ok();
            for message in page["messages"].as_array().expect("a page") {
                assert_eq!(message["seq"], json!(messages.len() + 1), "seq is dense: {message}");
                messages.push(message.clone());
            }
            if page["end"] == true {
                return messages;
            }
        }
    }

    /// Every change after a `ver`, page by page; fails when `ver` has a hole or a repetition.
    pub async fn changes(&self, room: &Room, after_ver: u64) -> Vec<Value> {
        let mut changes: Vec<Value> = Vec::new();
        loop {
            let ver = after_ver + changes.len() as u64;
            let page =
                self.get(&room.path(&format!("/changes?after_ver={ver}&limit=100"))).await.ok();
            for change in page["changes"].as_array().expect("a page") {
                assert_eq!(
                    change["ver"],
                    json!(after_ver + changes.len() as u64 + 1),
                    "ver is dense: {change}"
                );
                changes.push(change.clone());
            }
            if page["more"] == false {
                return changes;
            }
        }
    }
}

/// Over the socket.
impl Person {
    /// Opens a socket and says hello.
    pub async fn connects(&self) -> Value {
        let mut socket = Socket::open(&self.node, &self.tokens().access).await.expect("a socket");
        let welcome = socket.hello().await;
        *self.socket.lock().await = Some(socket);
        welcome
    }

    /// The open socket, for what the words below do not say.
    pub async fn socket(&self) -> tokio::sync::MappedMutexGuard<'_, Socket> {
        let open = |socket: &mut Option<Socket>| socket.as_mut().is_some();
        let mut guard = self.socket.lock().await;
        assert!(open(&mut guard), "{} has no socket", self.name);
        MutexGuard::map(guard, |socket| socket.as_mut().expect("checked above"))
    }

    /// Loses the connection without a goodbye; tells what to resume with.
    pub async fn loses_connection(&self) -> (String, u64) {
        let mut socket = self.socket.lock().await.take().expect("an open socket");
        socket.kept();
        let place = (socket.id.clone(), socket.n);
        socket.breaks();
        place
    }

    /// Opens a new connection that goes on where another stopped.
    pub async fn resumes(&self, (id, n): &(String, u64)) -> Value {
        let mut socket = Socket::open(&self.node, &self.tokens().access).await.expect("a socket");
        let welcome = socket.resume(id, *n).await;
        *self.socket.lock().await = Some(socket);
        welcome
    }

    /// Waits longer than usual from now on, for what takes its time by design.
    pub async fn is_patient_for(&self, patience: Duration) {
        self.socket().await.patience = patience;
    }

    /// Waits until the server ends the socket and tells how.
    pub async fn is_closed(&self) -> Closed {
        self.socket().await.closes().await
    }

    /// Sends a frame and waits for its `ok`, `ack` or `error`.
    pub async fn asks(&self, frame: Value) -> Value {
        self.socket().await.ask(frame).await
    }

    /// Sends a frame that must be refused with this code.
    pub async fn is_refused(&self, frame: Value, code: &str) {
        let answer = self.asks(frame.clone()).await;
        assert_eq!(answer["error"]["code"], code, "{frame} was answered {answer}");
    }

    /// Sends a frame that must be answered `ok`.
    pub async fn gets_ok(&self, frame: Value) {
        let answer = self.asks(frame.clone()).await;
        assert_eq!(answer["type"], "ok", "{frame} was answered {answer}");
    }

    /// Says something and waits for the ack.
    pub async fn says(&self, text: &str, room: &Room) -> Value {
        self.says_as(Uuid::new_v4(), text, room).await
    }

    /// Says something under a client id of the test's choice, as a client that sends again does.
    pub async fn says_as(&self, client_msg_id: Uuid, text: &str, room: &Room) -> Value {
        let answer = self.asks(send(client_msg_id, text, room)).await;
        assert_eq!(answer["type"], "ack", "{} saying {text:?} was answered {answer}", self.name);
        answer
    }

    /// Waits for a message with this text and returns it.
    pub async fn hears(&self, text: &str) -> Value {
        let what = format!("{text:?} to reach {}", self.name);
        let fits =
            |frame: &Value| frame["type"] == "message" && frame["message"]["body"]["text"] == text;
        self.socket().await.wait(&what, fits).await["message"].clone()
    }

    /// Waits for the next message of any person, which must be this one: nothing else was delivered before.
    pub async fn hears_next(&self, text: &str) -> Value {
        let what = format!("any message to reach {}", self.name);
        let fits = |frame: &Value| {
            frame["type"] == "message" && frame["message"]["body"]["type"] == "text"
        };
        let heard = self.socket().await.wait(&what, fits).await["message"].clone();
        assert_eq!(heard["body"]["text"], text, "{} heard something else first", self.name);
        heard
    }

    /// Waits for the first frame of this type.
    pub async fn notices(&self, kind: &str) -> Value {
        self.socket().await.frame(kind).await
    }

    /// Waits for the first frame of this type that fits.
    pub async fn notices_that(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let what = format!("a fitting `{kind}` frame to reach {}", self.name);
        self.socket().await.wait(&what, |frame| frame["type"] == kind && fits(frame)).await
    }

    /// Waits until somebody's presence is told to be this.
    pub async fn sees_presence(&self, of: &Person, state: &str) {
        let fits = |frame: &Value| frame["user_id"] == of.id.as_str() && frame["state"] == state;
        self.notices_that("presence", fits).await;
    }

    /// No frame of this type has arrived so far. Ask only after something later has arrived.
    pub async fn has_noticed_no(&self, kind: &str) {
        let mut socket = self.socket().await;
        let kept: Vec<_> = socket.kept().iter().filter(|frame| frame["type"] == kind).collect();
        assert!(kept.is_empty(), "{} noticed {kept:?}", self.name);
    }
}

/// A `send` frame.
pub fn send(client_msg_id: Uuid, text: &str, room: &Room) -> Value {
    json!({"type": "send", "conversation_id": room.id, "client_msg_id": client_msg_id,
        "body": {"type": "text", "text": text}})
}
