//! One socket: frames both ways until either side ends it.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use livekit_protocol::SignalRequest;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, timeout};

use crate::rooms::{Requests, Seat};

/// Requests a client may make a second in the long run; one that makes more is read more slowly.
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Requests it may make at once before that counts.
const REQUESTS_BURST: NonZeroU32 = NonZeroU32::new(500).unwrap();
/// Frames nobody understands before the socket is closed.
const MALFORMED_MAX: u32 = 20;
const PING_EVERY: Duration = Duration::from_secs(10);
/// A client that says nothing for this long is gone; its SDK pings every five seconds.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// A client that takes nothing for this long is gone.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How long the last frames may take to leave.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

type Reader = SplitStream<WebSocket>;
type Writer = SplitSink<WebSocket, Message>;

pub(super) async fn run(seat: Seat, stream: WebSocket) {
    let (mut writer, mut reader) = stream.split();
    let Seat { requests, mut frames } = seat;
    let why = tokio::select! {
        why = read(&requests, &mut reader) => why,
        why = write(&mut writer, &mut frames) => why,
    };
    drop(requests);
    let Some(code) = why else { return };
    let frame = CloseFrame { code, reason: Default::default() };
    let _ = timeout(CLOSE_WITHIN, writer.send(Message::Close(Some(frame)))).await;
    // bytes that nobody reads would reset the connection, and our code with it
    let _ = timeout(CLOSE_WITHIN, async { while let Some(Ok(_)) = reader.next().await {} }).await;
}

/// Why a socket ends: the code to close it with, or nothing for one that is gone already.
type End = Option<u16>;

async fn read(requests: &Requests, reader: &mut Reader) -> End {
    let pace: DefaultDirectRateLimiter =
        RateLimiter::direct(Quota::per_second(REQUESTS_PER_SECOND).allow_burst(REQUESTS_BURST));
    let mut malformed = 0;
    loop {
        pace.until_ready().await;
        let bytes = match timeout(SILENCE_MAX, reader.next()).await {
            Ok(Some(Ok(Message::Binary(bytes)))) => bytes,
            // reading on answers them; after a close, nothing more comes
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)))) => continue,
            // the JSON form, which no client in use speaks
            Ok(Some(Ok(Message::Text(_)))) => return Some(close_code::UNSUPPORTED),
            Ok(None) => return None,
            Ok(Some(Err(_))) => return Some(close_code::SIZE),
            Err(_) => return Some(close_code::AWAY),
        };
        let Ok(request) = SignalRequest::decode(bytes) else {
            metrics::counter!("beckon_rtc_malformed_total").increment(1);
            malformed += 1;
            if malformed >= MALFORMED_MAX {
                return Some(close_code::INVALID);
            }
            continue;
        };
        let Some(request) = request.message else {
            // a request of a later version of the protocol
            metrics::counter!("beckon_rtc_unknown_total").increment(1);
            continue;
        };
        if !requests.send(request).await {
            // the room has said its last word, which is on its way out
            std::future::pending::<()>().await;
        }
    }
}

async fn write(writer: &mut Writer, frames: &mut mpsc::Receiver<Bytes>) -> End {
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    loop {
        let message = tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => Message::Binary(frame),
                None => return Some(close_code::NORMAL),
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        match timeout(WRITE_WITHIN, send(writer, message, frames)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return None,
        }
    }
}

/// Sends a message, and in the same flush whatever waits behind it.
async fn send(
    writer: &mut Writer,
    first: Message,
    frames: &mut mpsc::Receiver<Bytes>,
) -> Result<(), axum::Error> {
    writer.feed(first).await?;
    while let Ok(frame) = frames.try_recv() {
        writer.feed(Message::Binary(frame)).await?;
    }
    writer.flush().await
}
