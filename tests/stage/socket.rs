//! A WebSocket as a client holds it: frames are read as they come and kept until somebody asks for them.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::mpsc, task::JoinHandle, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{Node, PATIENCE, answer::assert_is_error};

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How a socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code; none when the connection simply broke.
    pub code: Option<u16>,
    pub reason: String,
    /// Whether a close frame came at all, with or without a code.
    pub is_clean: bool,
}

enum Heard {
    Frame(Value),
    Closed(Closed),
}

/// An open socket with the frames nobody has asked for yet.
pub struct Socket {
    writer: SplitSink<Stream, Message>,
    incoming: mpsc::UnboundedReceiver<Heard>,
    kept: Vec<Value>,
    closed: Option<Closed>,
    reader: JoinHandle<()>,
    /// From the welcome; empty before it.
    pub id: String,
    /// The newest `n`, to resume from.
    pub n: u64,
    next_ref: u64,
    /// How long anything expected may take.
    pub patience: Duration,
}

impl Socket {
    /// Opens one with these credentials (a bearer token) and says nothing.
    pub async fn open(node: &Arc<Node>, token: &str) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{}/api/v1/ws", node.address()).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert(
            "authorization",
            HeaderValue::try_from(format!("Bearer {token}")).expect("a token"),
        );
        headers.insert("sec-websocket-protocol", HeaderValue::from_static("beckon.v1+json"));
        Self::open_with(request).await
    }

    /// Opens one with whatever the handshake request holds.
    pub async fn open_with(
        request: tungstenite::handshake::client::Request,
    ) -> Result<Self, tungstenite::Error> {
        let (stream, _) =
            timeout(PATIENCE, connect_async(request)).await.expect("a handshake in time")?;
        let (writer, mut frames) = stream.split();
        let (heard, incoming) = mpsc::unbounded_channel();
        let reader = tokio::spawn(async move {
            let mut closed = Closed { code: None, reason: String::new(), is_clean: false };
            while let Some(Ok(frame)) = frames.next().await {
                match frame {
                    Message::Text(text) => {
                        let frame =
                            serde_json::from_str(&text).expect("every server frame is JSON");
                        let _ = heard.send(Heard::Frame(frame));
                    }
                    Message::Close(frame) => {
                        closed = Closed {
                            code: frame.as_ref().map(|frame| frame.code.into()),
                            reason: frame
                                .map_or_else(String::new, |frame| frame.reason.to_string()),
                            is_clean: true,
                        };
                    }
                    _ => {}
                }
            }
            let _ = heard.send(Heard::Closed(closed));
        });
        let (kept, closed, id) = (Vec::new(), None, String::new());
        Ok(Self {
            writer,
            incoming,
            kept,
            closed,
            reader,
            id,
            n: 0,
            next_ref: 0,
            patience: PATIENCE,
        })
    }

    /// Says hello and waits for the welcome.
    pub async fn hello(&mut self) -> Value {
        self.say(json!({"type": "hello"})).await;
        self.welcomed().await
    }

    /// Resumes a former socket; the welcome tells whether that worked.
    pub async fn resume(&mut self, id: &str, n: u64) -> Value {
        self.say(json!({"type": "resume", "socket_id": id, "n": n})).await;
        self.welcomed().await
    }

    async fn welcomed(&mut self) -> Value {
        let welcome = self.frame("welcome").await;
        self.id = welcome["socket_id"].as_str().expect("a socket id").to_owned();
        welcome
    }

    pub async fn say(&mut self, frame: Value) {
        self.say_raw(Message::text(frame.to_string())).await;
    }

    /// Writes anything at all. A socket that the server closed meanwhile takes it silently; the test then sees the close.
    pub async fn say_raw(&mut self, message: Message) {
        let _ = timeout(PATIENCE, self.writer.send(message)).await.expect("the server reads");
    }

    /// Sends a frame with a `ref` and waits for what it was answered: `ok`, `ack` or `error`.
    pub async fn ask(&mut self, mut frame: Value) -> Value {
        self.next_ref += 1;
        let reference = format!("r{}", self.next_ref);
        frame["ref"] = json!(reference);
        self.say(frame.clone()).await;
        let what = format!("an answer to {frame}");
        let answer = self.wait(&what, |heard| heard["ref"] == reference.as_str()).await;
        if answer["type"] == "error" {
            assert_is_error(&answer["error"]);
        }
        answer
    }

    /// The first frame of this type that nobody has asked for yet.
    pub async fn frame(&mut self, kind: &str) -> Value {
        self.wait(&format!("a `{kind}` frame"), |frame| frame["type"] == kind).await
    }

    /// The next frame of one of these types; none once the socket has ended.
    pub async fn next_of(&mut self, kinds: &[&str]) -> Option<Value> {
        let fits = |frame: &Value| kinds.iter().any(|kind| frame["type"] == *kind);
        if let Some(index) = self.kept.iter().position(fits) {
            return Some(self.kept.remove(index));
        }
        match timeout(self.patience, self.arrival(fits)).await {
            Ok(arrived) => arrived.ok(),
            Err(_) => panic!("waited {PATIENCE:?} in vain for one of {kinds:?}"),
        }
    }

    /// Takes the first frame that fits, waiting for it if need be; others stay.
    pub async fn wait(&mut self, what: &str, mut fits: impl FnMut(&Value) -> bool) -> Value {
        if let Some(index) = self.kept.iter().position(&mut fits) {
            return self.kept.remove(index);
        }
        match timeout(self.patience, self.arrival(fits)).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(closed)) => panic!(
                "waited for {what}, but the socket ended: {closed:?}; kept: {:#?}",
                self.kept
            ),
            Err(_) => {
                panic!("waited {:?} in vain for {what}; kept: {:#?}", self.patience, self.kept)
            }
        }
    }

    /// Reads on until a frame fits, keeping the others, or until the socket ends.
    async fn arrival(&mut self, mut fits: impl FnMut(&Value) -> bool) -> Result<Value, Closed> {
        if let Some(closed) = &self.closed {
            return Err(closed.clone());
        }
        loop {
            match self.incoming.recv().await.expect("the reader says how it ended before it ends") {
                Heard::Frame(frame) => {
                    self.note(&frame);
                    if fits(&frame) {
                        return Ok(frame);
                    }
                    self.kept.push(frame);
                }
                Heard::Closed(closed) => {
                    self.closed = Some(closed.clone());
                    return Err(closed);
                }
            }
        }
    }

    /// Waits until the server ends the socket and tells how.
    pub async fn closes(&mut self) -> Closed {
        let ended = timeout(self.patience, self.arrival(|_| false))
            .await
            .expect("the server to end the socket");
        ended.expect_err("no frame fits")
    }

    /// Frames that have arrived and that nobody has asked for.
    pub fn kept(&mut self) -> &[Value] {
        while let Ok(heard) = self.incoming.try_recv() {
            match heard {
                Heard::Frame(frame) => {
                    self.note(&frame);
                    self.kept.push(frame);
                }
                Heard::Closed(closed) => self.closed = Some(closed),
            }
        }
        &self.kept
    }

    /// The same, and they are asked for.
    pub fn take_kept(&mut self) -> Vec<Value> {
        self.kept();
        std::mem::take(&mut self.kept)
    }

    /// Whether the server has ended it by now.
    pub fn is_closed(&mut self) -> bool {
        self.kept();
        self.closed.is_some()
    }

    /// Breaks the connection without a goodbye, as a lost network does.
    pub fn breaks(self) {
        self.reader.abort();
    }

    /// `n` counts every frame of a socket, so a frame lost on the way cannot pass unseen.
    fn note(&mut self, frame: &Value) {
        let n = frame["n"].as_u64().unwrap_or_else(|| panic!("a frame without `n`: {frame}"));
        // The welcome stands outside of the numbers: it tells the one that the next frame follows.
        assert!(
            frame["type"] == "welcome" || n == self.n + 1,
            "frame {n} came after {}: {frame}",
            self.n
        );
        self.n = n;
    }
}
