//! A node behind a listener, tokens for its rooms, and sockets.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use beckon_sfu_api::{Command, EventSink, Held, MediaNode, RoomId, RoomSettings, Unavailable};
use beckon_signalling::Signalling;
use beckon_signalling::config::{ApiKey, Config};
use beckon_signalling::domain::ids::NodeId;
use beckon_signalling::rooms::token::{Claims, Grants, mint};
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::wrapped_join_request::Compression;
use livekit_protocol::{
    JoinRequest, JoinResponse, SignalRequest, SignalResponse, WrappedJoinRequest,
};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Error, protocol};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(20);

/// Opens rooms, notes what is offered, and lets nothing happen in them; it keeps the way to tell the room, as a real one does.
#[derive(Default)]
pub(super) struct Quiet {
    rooms: Mutex<Vec<EventSink>>,
    pub(super) offers: Mutex<Vec<String>>,
}

impl MediaNode for Quiet {
    fn open(&self, _: RoomId, _: RoomSettings, events: EventSink) -> Result<(), Unavailable> {
        self.rooms.lock().unwrap().push(events);
        Ok(())
    }

    fn tell(&self, _: &RoomId, command: Command, _: Held) -> Result<(), Unavailable> {
        if let Command::Offer { offer, .. } = command {
            self.offers.lock().unwrap().push(offer.sdp.to_string());
        }
        Ok(())
    }
}

pub(super) struct Stage {
    pub signalling: Signalling,
    pub address: SocketAddr,
    key: ApiKey,
    _folder: tempfile::TempDir,
}

/// A plain answer to a request.
pub(super) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// A client's socket.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

pub(super) fn key() -> ApiKey {
    ApiKey::try_from(format!("APItest:{}", "s".repeat(32))).unwrap()
}

pub(super) fn claims(identity: &str, room: &str) -> Claims {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let video = Grants { room: room.into(), room_join: true, ..Grants::default() };
    let exp = Some((now.as_secs() + 600).into());
    Claims { sub: identity.into(), exp, video, ..Claims::default() }
}

/// A join request as the web SDK writes it.
pub(super) fn packed(request: &JoinRequest) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Level::default());
    gzip.write_all(&request.encode_to_vec()).unwrap();
    let compression = Compression::Gzip as i32;
    let wrapped = WrappedJoinRequest { compression, join_request: gzip.finish().unwrap() };
    BASE64_URL_SAFE.encode(wrapped.encode_to_vec()).replace('=', "%3D")
}

impl Stage {
    pub(super) async fn new() -> Stage {
        Stage::build(Some(Arc::new(Quiet::default())), 100).await
    }

    pub(super) async fn build(media: Option<Arc<dyn MediaNode>>, participants_max: usize) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().into(), ..Config::default() };
        config.rooms.keys = vec![key()];
        config.rooms.participants_max = participants_max;
        let signalling = Signalling::start(NodeId::fresh(), config, media, None).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = signalling.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Stage { signalling, address, key: key(), _folder: folder }
    }

    pub(super) async fn small(participants_max: usize) -> Stage {
        Stage::build(Some(Arc::new(Quiet::default())), participants_max).await
    }

    pub(super) fn token(&self, identity: &str) -> String {
        mint(&self.key, claims(identity, "garden"))
    }

    /// A plain request, written by hand: what matters is what comes back.
    pub(super) async fn request(&self, line: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let text = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.request(&format!("GET {path}"), "").await
    }

    /// Opens a socket, or hears why not.
    pub(super) async fn try_open(&self, path: &str) -> Result<Socket, (u16, String)> {
        match connect_async(format!("ws://{}{path}", self.address)).await {
            Ok((stream, _)) => Ok(Socket(stream)),
            Err(Error::Http(answer)) => {
                let body = answer.body().clone().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(other) => panic!("{path}: {other}"),
        }
    }

    pub(super) async fn open(&self, path: &str) -> Socket {
        self.try_open(path).await.unwrap()
    }

    /// Asks to come in, and closes the connection without waiting for the answer.
    pub(super) async fn hang_up_after_asking(&self, identity: &str) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let text = format!(
            "GET /rtc?access_token={} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.token(identity)
        );
        stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Asks to come in, and closes the connection once the socket is open and the first byte of a frame is there.
    pub(super) async fn hang_up_once_answered(&self, path: &str) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let text = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
            answer.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap();
    }

    /// Joins on two connections, as older SDKs do.
    pub(super) async fn join(&self, identity: &str) -> (Socket, JoinResponse) {
        let mut socket = self.open(&format!("/rtc?access_token={}", self.token(identity))).await;
        let welcome = socket.welcome().await;
        (socket, welcome)
    }

    /// Joins as programs outside of browsers do, with the token in a header.
    pub(super) async fn join_by_header(&self, identity: &str) -> (Socket, JoinResponse) {
        let join_request = packed(&JoinRequest::default());
        let url = format!("ws://{}/rtc/v1?join_request={join_request}", self.address);
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {}", self.token(identity)).parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let mut socket = Socket(connect_async(request).await.unwrap().0);
        let welcome = socket.welcome().await;
        (socket, welcome)
    }
}

impl Socket {
    /// The first frame.
    pub(super) async fn welcome(&mut self) -> JoinResponse {
        match self.hears().await {
            Message::Join(welcome) => welcome,
            other => panic!("no welcome: {other:?}"),
        }
    }

    pub(super) async fn asks(&mut self, request: Request) {
        let request = SignalRequest { message: Some(request) };
        self.sends(tungstenite::Message::Binary(request.encode_to_vec().into())).await;
    }

    pub(super) async fn sends(&mut self, message: tungstenite::Message) {
        // a server that has closed the socket takes nothing, which the test hears by reading
        let _ = self.0.send(message).await;
    }

    /// The next frame that says something.
    pub(super) async fn hears(&mut self) -> Message {
        self.next().await.unwrap_or_else(|code| panic!("closed: {code:?}"))
    }

    /// Reads until a frame is what is waited for.
    pub(super) async fn hears_until<T>(&mut self, wanted: impl Fn(Message) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.hears().await) {
                return found;
            }
        }
    }

    /// Reads until the socket is closed, and tells with which code.
    pub(super) async fn closes(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    async fn next(&mut self) -> Result<Message, Option<u16>> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a frame in time") {
                Some(Ok(tungstenite::Message::Binary(bytes))) => {
                    return Ok(SignalResponse::decode(bytes).unwrap().message.unwrap());
                }
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    return Err(frame.map(|protocol::CloseFrame { code, .. }| code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}
