//! A place in a room: the signalling half of a LiveKit client, without media.

use futures_util::{SinkExt, StreamExt};
use livekit_protocol::{
    DisconnectReason, JoinResponse, LeaveRequest, SignalRequest, SignalResponse, signal_request,
    signal_response,
};
use prost::Message as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::PATIENCE;

pub struct Seat {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub joined: JoinResponse,
}

impl Seat {
    /// Joins the room that a `CallTicket` lets into.
    pub async fn take(ticket: &Value) -> Self {
        let socket = Self::knock(ticket).await.expect("the ticket lets in");
        let mut seat = Self { socket, joined: JoinResponse::default() };
        seat.joined = match seat.hears().await {
            Some(signal_response::Message::Join(joined)) => joined,
            other => panic!("a room answers with `join` first, not with {other:?}"),
        };
        seat
    }

    /// The handshake alone; refused ones answer with a status.
    pub async fn knock(
        ticket: &Value,
    ) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, Error> {
        let text = |field: &str| ticket[field].as_str().expect("a ticket").to_owned();
        let url = format!(
            "{}/rtc?access_token={}&protocol=16&sdk=rust&auto_subscribe=1",
            text("url"),
            text("token")
        );
        let (socket, _) =
            timeout(PATIENCE, connect_async(url)).await.expect("an answer in time")?;
        Ok(socket)
    }

    /// Leaves, saying so.
    pub async fn leaves(mut self) {
        let reason = DisconnectReason::ClientInitiated.into();
        let leave = LeaveRequest { reason, ..LeaveRequest::default() };
        let request = SignalRequest { message: Some(signal_request::Message::Leave(leave)) };
        self.socket.send(Message::binary(request.encode_to_vec())).await.expect("an open socket");
        // dropped with frames unread, it would be reset, and the leave with it
        while self.hears().await.is_some() {}
    }

    /// Writes anything at all.
    pub async fn says_raw(&mut self, message: Message) {
        let _ = timeout(PATIENCE, self.socket.send(message)).await.expect("the server reads");
    }

    /// Is alive, and answered.
    pub async fn is_heard(&mut self) {
        let ping = SignalRequest { message: Some(signal_request::Message::Ping(7)) };
        self.says_raw(Message::binary(ping.encode_to_vec())).await;
        loop {
            match self.hears().await {
                Some(signal_response::Message::Pong(_)) => return,
                Some(_) => {}
                None => panic!("the socket ended instead of an answer"),
            }
        }
    }

    /// Waits until the server ends the socket.
    pub async fn is_closed(&mut self) {
        while self.hears().await.is_some() {}
    }

    /// Waits until the server sends this participant away, and tells why.
    pub async fn is_sent_away(&mut self) -> DisconnectReason {
        loop {
            match self.hears().await {
                Some(signal_response::Message::Leave(leave)) => return leave.reason(),
                Some(_) => {}
                None => panic!("the socket ended without a word"),
            }
        }
    }

    /// The next thing the room says; none when the socket has ended.
    async fn hears(&mut self) -> Option<signal_response::Message> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a word in time")? {
                Ok(Message::Binary(bytes)) => {
                    return SignalResponse::decode(bytes).expect("a SignalResponse").message;
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}
