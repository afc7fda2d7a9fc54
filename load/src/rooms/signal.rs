//! One participant's signalling: LiveKit's protocol over a WebSocket, one peer connection, offers of our own.

use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use beckon_load::headless::description::{Description, Section};
use beckon_sfu_api::Kind;
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    AddTrackRequest, ClientInfo, ConnectionSettings, JoinRequest, LeaveRequest, Ping,
    SessionDescription, SignalRequest, SignalResponse, TrackSource, TrackType, WrappedJoinRequest,
    client_info,
};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use tokio_util::sync::CancellationToken;

/// How long the server may take for anything that is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// As often as LiveKit's clients do.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// The version of LiveKit's protocol that a current client names.
const PROTOCOL: i32 = 17;

/// A participant that is in the room.
pub(super) struct Participant {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    offer: Description,
    /// Number of the last offer.
    offered: u32,
    answered: u32,
}

impl Participant {
    /// Enters the room that the token names.
    pub(super) async fn join(
        url: &str,
        token: &str,
        hears: bool,
        offer: Description,
    ) -> anyhow::Result<Participant> {
        let request = format!(
            "{}/rtc/v1?access_token={token}&join_request={}",
            url.replacen("http", "ws", 1),
            join_request(hears)
        );
        let connected = timeout(ANSWER_MAX, connect_async_with_config(request, None, true));
        let (socket, _) = connected.await.context("connecting took too long")??;
        let mut participant = Participant { socket, offer, offered: 0, answered: 0 };
        participant.until(|response| matches!(response, Response::Join(_))).await?;
        Ok(participant)
    }

    /// Announces the tracks of the sections that send.
    pub(super) async fn publish(&mut self) -> anyhow::Result<()> {
        let announced: Vec<_> = self.offer.sections.iter().filter_map(announce).collect();
        for track in announced {
            let cid = track.cid.clone();
            self.send(Request::AddTrack(track)).await?;
            let published = |response: &Response| match response {
                Response::TrackPublished(published) => published.cid == cid,
                _ => false,
            };
            self.until(published).await.context("announcing a track")?;
        }
        Ok(())
    }

    /// Offers what there is and returns the server's answer.
    pub(super) async fn negotiate(&mut self) -> anyhow::Result<String> {
        self.send_offer().await?;
        let id = self.offered;
        let answer =
            |response: &Response| matches!(response, Response::Answer(answer) if answer.id == id);
        match self.until(answer).await.context("waiting for the answer")? {
            Response::Answer(answer) => Ok(answer.sdp),
            _ => bail!("no answer"),
        }
    }

    /// Stays until it is told to leave, offering again whenever the server asks for it.
    pub(super) async fn stay(mut self, leave: CancellationToken) -> anyhow::Result<()> {
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        loop {
            tokio::select! {
                response = next(&mut self.socket) => {
                    let response = response?;
                    self.react(&response).await?;
                }
                _ = pings.tick() => self.send(Request::PingReq(Ping::default())).await?,
                () = leave.cancelled() => break,
            }
        }
        self.send(Request::Leave(LeaveRequest::default())).await?;
        Ok(self.socket.close(None).await?)
    }

    async fn until(&mut self, wanted: impl Fn(&Response) -> bool) -> anyhow::Result<Response> {
        let found = async {
            loop {
                let response = next(&mut self.socket).await?;
                self.react(&response).await?;
                if wanted(&response) {
                    return anyhow::Ok(response);
                }
            }
        };
        timeout(ANSWER_MAX, found).await.context("the server took too long")?
    }

    async fn react(&mut self, response: &Response) -> anyhow::Result<()> {
        match response {
            Response::MediaSectionsRequirement(wanted) => {
                let add =
                    |kind, count| std::iter::repeat_n(Section::Receives(kind), count as usize);
                self.offer.sections.extend(add(Kind::Audio, wanted.num_audios));
                self.offer.sections.extend(add(Kind::Video, wanted.num_videos));
                // The first offer goes out on its own time, with everything that is known by then; while one is
                // under way, its answer tells the server whether anything is still missing.
                if self.offered > 0 && self.answered == self.offered {
                    self.send_offer().await?;
                }
            }
            Response::Answer(answer) => self.answered = answer.id,
            Response::Leave(leave) => {
                bail!("the server sent the participant away: {:?}", leave.reason())
            }
            Response::RequestResponse(refusal) if refusal.reason != 0 => {
                bail!("the server refused: {:?} {}", refusal.reason(), refusal.message)
            }
            _ => {}
        }
        Ok(())
    }

    async fn send_offer(&mut self) -> anyhow::Result<()> {
        self.offered += 1;
        self.send(Request::Offer(SessionDescription {
            r#type: "offer".into(),
            sdp: self.offer.offer(self.offered),
            id: self.offered,
            ..Default::default()
        }))
        .await
    }

    async fn send(&mut self, request: Request) -> anyhow::Result<()> {
        let request = SignalRequest { message: Some(request) }.encode_to_vec();
        self.socket.send(Message::Binary(request.into())).await.context("sending to the server")
    }
}

async fn next(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> anyhow::Result<Response> {
    loop {
        match socket.next().await.context("the server closed the connection")?? {
            Message::Binary(frame) => {
                if let Some(response) = read(frame)? {
                    return Ok(response);
                }
            }
            Message::Close(reason) => bail!("the server closed the connection: {reason:?}"),
            _ => {}
        }
    }
}

fn read(frame: Bytes) -> anyhow::Result<Option<Response>> {
    Ok(SignalResponse::decode(frame).context("reading what the server said")?.message)
}

fn join_request(hears: bool) -> String {
    let request = JoinRequest {
        client_info: Some(ClientInfo {
            sdk: client_info::Sdk::Rust.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocol: PROTOCOL,
            ..Default::default()
        }),
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: hears,
            ..Default::default()
        }),
        ..Default::default()
    };
    let wrapped =
        WrappedJoinRequest { join_request: request.encode_to_vec(), ..Default::default() };
    BASE64_URL_SAFE.encode(wrapped.encode_to_vec())
}

fn announce(section: &Section) -> Option<AddTrackRequest> {
    let Section::Sends { kind, cid, .. } = section else { return None };
    let (kind, source, size) = match kind {
        Kind::Audio => (TrackType::Audio, TrackSource::Microphone, (0, 0)),
        Kind::Video => (TrackType::Video, TrackSource::Camera, (640, 480)),
    };
    Some(AddTrackRequest {
        cid: cid.clone(),
        name: cid.clone(),
        r#type: kind.into(),
        source: source.into(),
        width: size.0,
        height: size.1,
        ..Default::default()
    })
}
