//! One socket of the load: keeps its window of messages in flight and notes everything that arrives.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use futures_util::{FutureExt, SinkExt, StreamExt};
use hdrhistogram::Histogram;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};
use uuid::Uuid;

use super::{
    frame::{Incoming, SendTemplate},
    progress::Progress,
    rest::Person,
    timeline::Timeline,
};

/// How long acks and deliveries may lag behind the last send before they count as missing.
const GRACE: Duration = Duration::from_secs(10);

/// How long the handshake, the welcome and the closing may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// Latencies are kept to two digits, up to a minute: small enough for thousands of connections.
pub(super) const LATENCY_DIGITS: u8 = 2;
const LATENCY_US_MAX: u64 = 60_000_000;

/// Where a connection belongs and how hard it sends.
pub(super) struct Place {
    pub(super) group: usize,
    pub(super) conversation_id: String,
    /// Messages in flight at a time; 0 for one that only listens.
    pub(super) window: usize,
    pub(super) text: String,
}

/// An open socket and its part of the load.
pub(super) struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    place: Place,
    template: SendTemplate,
    in_flight: Vec<(Uuid, Instant)>,
}

/// What one connection saw.
pub(super) struct Outcome {
    pub(super) group: usize,
    /// Every message we know to be stored, be it by its delivery or, for our own, by its ack.
    pub(super) timeline: Timeline,
    /// Deliveries alone: the same one twice is a fault.
    delivered: Timeline,
    /// Client id and `seq` of every message acked to us.
    pub(super) acked: Vec<(Uuid, u64)>,
    /// Acks and deliveries that came while the senders sent; what comes later is not throughput.
    pub(super) acked_in_time: u64,
    pub(super) delivered_in_time: u64,
    pub(super) duplicated: u64,
    pub(super) ack_us: Histogram<u64>,
    /// Why the connection ended before it had seen everything.
    pub(super) broken: Option<String>,
}

impl Connection {
    /// Connects, says hello and waits for the welcome.
    pub(super) async fn open(url: &str, person: &Person, place: Place) -> anyhow::Result<Self> {
        let mut request =
            format!("{}/api/v1/ws", url.replacen("http", "ws", 1)).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("authorization", HeaderValue::try_from(format!("Bearer {}", person.token))?);
        headers.insert("sec-websocket-protocol", HeaderValue::from_static("beckon.v1+json"));
        let welcomed = async {
            let (mut socket, _) = connect_async(request).await?;
            socket.send(Message::text(r#"{"type":"hello"}"#)).await?;
            while let Some(frame) = socket.next().await {
                match frame? {
                    Message::Text(text) if text.contains(r#""type":"welcome""#) => {
                        return Ok(socket);
                    }
                    Message::Close(reason) => bail!("closed before the welcome: {reason:?}"),
                    _ => {}
                }
            }
            bail!("closed before the welcome")
        };
        let socket = timeout(HANDSHAKE_MAX, welcomed).await.context("no welcome in time")??;
        let template = SendTemplate::new(&place.conversation_id, &place.text);
        Ok(Self { socket, place, template, in_flight: Vec::new() })
    }

    /// Sends for `length`, then listens until everything sent by anybody has arrived or the grace is over.
    pub(super) async fn drive(
        mut self,
        length: Duration,
        progress: &Progress,
    ) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::new(self.place.group, progress.base(self.place.group))?;
        if let Err(broken) = self.run(length, progress, &mut outcome).await {
            outcome.broken = Some(format!("{broken:#}"));
        }
        // The figures are complete; a server that does not answer the goodbye changes nothing.
        let _ = timeout(HANDSHAKE_MAX, self.socket.close(None)).await;
        Ok(outcome)
    }

    async fn run(
        &mut self,
        length: Duration,
        progress: &Progress,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        let stop = Instant::now() + length;
        let mut sending = (self.place.window > 0).then(|| progress.sender());
        let mut end = pin!(sleep(length + GRACE));
        let mut quiet = pin!(progress.quiet());
        let mut is_quiet = false;
        self.fill(stop).await?;
        loop {
            if is_quiet && outcome.timeline.contiguous() >= progress.highest(self.place.group) {
                return Ok(());
            }
            tokio::select! {
                frame = self.socket.next() => {
                    self.receive(frame, stop, progress, outcome)?;
                    // Whatever has arrived by now is read before anything is written: one write for many acks.
                    while let Some(frame) = self.socket.next().now_or_never() {
                        self.receive(frame, stop, progress, outcome)?;
                    }
                    self.fill(stop).await?;
                    if self.in_flight.is_empty() {
                        drop(sending.take());
                    }
                }
                () = &mut quiet, if !is_quiet => is_quiet = true,
                () = &mut end => bail!("acks or deliveries were missing {GRACE:?} after the last send"),
            }
        }
    }

    /// Puts as many messages in flight as the window allows.
    async fn fill(&mut self, stop: Instant) -> anyhow::Result<()> {
        let now = Instant::now();
        if now >= stop || self.in_flight.len() >= self.place.window {
            return Ok(());
        }
        while self.in_flight.len() < self.place.window {
            let id = Uuid::now_v7();
            self.in_flight.push((id, now));
            self.socket.feed(self.template.frame(id)).await?;
        }
        Ok(self.socket.flush().await?)
    }

    fn receive(
        &mut self,
        frame: Option<Result<Message, tungstenite::Error>>,
        stop: Instant,
        progress: &Progress,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        let text = match frame.context("the server hung up")?? {
            Message::Text(text) => text,
            Message::Close(reason) => bail!("the server closed the socket: {reason:?}"),
            _ => return Ok(()),
        };
        let frame: Incoming<'_> = serde_json::from_str(&text).context("an unreadable frame")?;
        let now = Instant::now();
        match (frame.kind, frame.client_msg_id, frame.seq, frame.message) {
            ("ack", Some(id), Some(seq), _) => {
                match self.in_flight.iter().position(|&(sent, _)| sent == id) {
                    Some(index) => {
                        let (_, sent) = self.in_flight.swap_remove(index);
                        progress.reached(self.place.group, seq);
                        outcome.on_ack(id, seq, now - sent, now < stop);
                    }
                    None => outcome.duplicated += 1,
                }
            }
            ("message", _, _, Some(message))
                if message.conversation_id == self.place.conversation_id =>
            {
                outcome.on_delivery(message.seq, now < stop);
            }
            ("error", ..) => bail!(
                "a message was refused: {}",
                frame.error.map_or("no reason", |error| error.get())
            ),
            _ => {}
        }
        Ok(())
    }
}

impl Outcome {
    fn new(group: usize, base: u64) -> anyhow::Result<Self> {
        Ok(Self {
            group,
            timeline: Timeline::after(base),
            delivered: Timeline::after(base),
            acked: Vec::new(),
            acked_in_time: 0,
            delivered_in_time: 0,
            duplicated: 0,
            ack_us: Histogram::new_with_max(LATENCY_US_MAX, LATENCY_DIGITS)?,
            broken: None,
        })
    }

    fn on_ack(&mut self, id: Uuid, seq: u64, took: Duration, in_time: bool) {
        self.acked.push((id, seq));
        self.timeline.see(seq);
        if in_time {
            self.acked_in_time += 1;
            self.ack_us.saturating_record((took.as_micros() as u64).min(LATENCY_US_MAX));
        }
    }

    fn on_delivery(&mut self, seq: u64, in_time: bool) {
        self.timeline.see(seq);
        self.duplicated += u64::from(!self.delivered.see(seq));
        self.delivered_in_time += u64::from(in_time);
    }
}
