//! Calls over real WebSockets: what a client's own frames do, also when the line breaks in the middle.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use crate::accounts::{self, Credentials};
use crate::domain::contact::Side;
use crate::domain::ids::{AppId, NodeId, UserId};
use crate::domain::login::Caller;
use crate::domain::login::{Device, DeviceKind};
use crate::domain::user::AccountRole;
use crate::{Config, Signalling, store};

/// A whole node behind a listener.
struct Server {
    signalling: Signalling,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let signalling = Signalling::start(NodeId::fresh(), config, None, None).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = signalling.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Server { signalling, address, _folder: folder }
    }

    /// Two contacts, connected.
    async fn couple(&self) -> (Client, Client) {
        let (alice, bob) = (self.join("alice").await, self.join("bob").await);
        let mut tx = self.signalling.node.db.begin().await.unwrap();
        let (a, b) = (alice.caller.user, bob.caller.user);
        for (me, other) in [(a, b), (b, a)] {
            let side = Side { contact: true, blocked: false };
            store::contacts::set_side(&mut tx, me, other, side).await.unwrap();
        }
        tx.commit().await.unwrap();
        (alice, bob)
    }

    async fn join(&self, name: &str) -> Client {
        let password = "correct horse".to_owned().into();
        let device = Device { id: None, kind: DeviceKind::Web, name: String::new() };
        let from = self.address.ip();
        let (signed_in, _) = accounts::register(
            &self.signalling.node,
            Credentials { name, password },
            None,
            device,
            from,
        )
        .await
        .unwrap();
        let (user, login) = (signed_in.user.id, signed_in.login_id);
        let caller = Caller { app: AppId::DEFAULT, user, login, role: AccountRole::User };
        self.connect(caller, json!({"type": "hello", "lang": "zh"})).await
    }

    async fn connect(&self, caller: Caller, first: Value) -> Client {
        let (ticket, _) = accounts::ticket(&self.signalling.node, caller).await.unwrap();
        let url = format!("ws://{}/api/v1/ws?ticket={ticket}", self.address);
        let mut request = url.into_client_request().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", crate::ws::SUBPROTOCOL.parse().unwrap());
        let (stream, _) = connect_async(request).await.unwrap();
        let mut client = Client { caller, stream, welcome: Value::Null, n: 0 };
        client.says(first).await;
        client.welcome = client.hears("welcome").await;
        client
    }
}

/// One end of a WebSocket.
struct Client {
    caller: Caller,
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    welcome: Value,
    /// Number of the last frame heard.
    n: u64,
}

impl Client {
    async fn says(&mut self, frame: Value) {
        self.stream.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn hears(&mut self, kind: &str) -> Value {
        let found = async {
            loop {
                let Message::Text(text) = self.stream.next().await.expect("open").unwrap() else {
                    continue;
                };
                let frame: Value = serde_json::from_str(&text).unwrap();
                self.n = frame["n"].as_u64().unwrap();
                if frame["type"] == kind {
                    return frame;
                }
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(10), found).await;
        heard.unwrap_or_else(|_| panic!("{kind} never came"))
    }

    async fn types_until_closed(&mut self) -> Vec<String> {
        let mut types = Vec::new();
        while let Some(Ok(message)) = self.stream.next().await {
            if let Message::Text(text) = message {
                let frame: Value = serde_json::from_str(&text).unwrap();
                types.push(frame["type"].as_str().unwrap().to_owned());
            }
        }
        types
    }

    /// The code of the error this frame is answered with.
    async fn is_refused(&mut self, frame: Value) -> String {
        self.says(frame).await;
        let error = self.hears("error").await["error"].clone();
        assert!(!error["message"].as_str().unwrap().is_ascii(), "asked for Chinese: {error}");
        error["code"].as_str().unwrap().to_owned()
    }

    /// Breaks the line without a goodbye.
    fn breaks(self) -> (Caller, Value) {
        let resume = json!({"type": "resume", "socket_id": self.welcome["socket_id"], "n": self.n});
        (self.caller, resume)
    }
}

async fn talk(alice: &mut Client, bob: &mut Client) -> Uuid {
    let call = Uuid::now_v7();
    let callee = bob.caller.user;
    alice
        .says(json!({"type": "call_start", "ref": "1", "call_id": call, "user_id": callee, "media": "video"}))
        .await;
    assert_eq!(alice.hears("ok").await["ref"], "1");
    bob.hears("call_ringing").await;
    bob.says(json!({"type": "call_accept", "call_id": call})).await;
    bob.hears("call_accepted").await;
    alice.hears("call_accepted").await;
    call
}

fn signal(call: Uuid, sdp: &str) -> Value {
    json!({"type": "call_signal", "call_id": call, "signal": {"kind": "offer", "sdp": sdp}})
}

#[tokio::test]
async fn a_call_goes_on_over_a_resumed_socket() {
    let server = Server::start().await;
    let (mut alice, mut bob) = server.couple().await;
    let call = talk(&mut alice, &mut bob).await;
    let (caller, resume) = bob.breaks();
    alice.says(signal(call, "while bob was away")).await;
    alice.hears("ok").await;

    let mut bob = server.connect(caller, resume).await;
    assert_eq!(bob.welcome["recovered"], true);
    assert_eq!(bob.welcome["calls"][0]["mine"], true);
    assert_eq!(bob.hears("call_signal").await["signal"]["sdp"], "while bob was away");
    bob.says(signal(call, "back")).await;
    assert_eq!(alice.hears("call_signal").await["signal"]["sdp"], "back");

    alice.says(json!({"type": "call_hangup", "call_id": call})).await;
    assert_eq!(bob.hears("call_ended").await["outcome"], "completed");
    assert_eq!(bob.hears("message").await["message"]["body"]["outcome"], "completed");
}

#[tokio::test]
async fn frames_that_make_no_sense_are_refused_and_harm_nobody() {
    let server = Server::start().await;
    let (mut alice, mut bob) = server.couple().await;
    let call = talk(&mut alice, &mut bob).await;
    let mut eve = server.join("eve").await;
    let (nobody, other) = (UserId::fresh(), Uuid::now_v7());
    let start = |id, user: UserId, media: &str| json!({"type": "call_start", "call_id": id, "user_id": user, "media": media});
    let bob_id = bob.caller.user;
    for (frame, code) in [
        (signal(call, "sdp for strangers"), "not_found"),
        (json!({"type": "call_hangup", "call_id": call}), "not_found"),
        (json!({"type": "call_accept", "call_id": other}), "not_found"),
        (json!({"type": "call_accept", "call_id": "no uuid"}), "malformed"),
        (json!({"type": "call_signal", "call_id": call, "signal": {"kind": "x"}}), "malformed"),
        (start(other, bob_id, "smell"), "malformed"),
        (start(other, bob_id, "voice"), "not_contacts"),
        (start(other, nobody, "voice"), "not_found"),
        (start(other, eve.caller.user, "voice"), "invalid"),
    ] {
        assert_eq!(eve.is_refused(frame.clone()).await, code, "{frame}");
    }
    assert_eq!(alice.is_refused(signal(call, &"x".repeat(40_000))).await, "too_large");
    alice.says(signal(call, "unharmed")).await;
    assert_eq!(bob.hears("call_signal").await["signal"]["sdp"], "unharmed");
}

#[tokio::test]
async fn a_server_that_drains_leaves_answered_calls_to_their_two() {
    let server = Server::start().await;
    let (mut alice, mut bob) = server.couple().await;
    talk(&mut alice, &mut bob).await;
    server.signalling.drain(Duration::from_secs(5)).await;
    for client in [&mut alice, &mut bob] {
        assert!(!client.types_until_closed().await.contains(&"call_ended".to_owned()));
    }
}
