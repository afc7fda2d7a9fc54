//! One socket: frames both ways until either side ends it.

use std::future::pending;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use beckon_sfu_api::RoomSettings;
use bytes::Bytes;
use futures_util::stream::{Peekable, SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use livekit_protocol::leave_request::Action;
use livekit_protocol::{
    DisconnectReason, LeaveRequest, SignalRequest, SignalResponse, signal_response,
};
use prost::Message as _;
use tokio::time::{Instant, interval_at, timeout};

use super::dialect::DIALECT;
use super::{requests, wire};
use crate::config;
use crate::rooms::{
    Frames, NotAdmitted, REQUESTS_KIB_MAX, Request, Requests, Seat, SessionDescription,
};

/// Requests a client may make a second in the long run; one that makes more is read more slowly.
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Requests it may make at once before that counts.
const REQUESTS_BURST: NonZeroU32 = NonZeroU32::new(500).unwrap();
/// KiB a client may send a second in the long run: descriptions of a large room, again and again while people come.
const KIB_PER_SECOND: NonZeroU32 = NonZeroU32::new(4096).unwrap();
/// KiB it may send at once: more than one description of the largest room.
const KIB_BURST: NonZeroU32 = NonZeroU32::new(16 * 1024).unwrap();
/// A frame of anything but a description, the state after a resume, or metadata.
const SMALL_BYTES_MAX: usize = 64 * 1024;
/// Numbers of offer, answer, sync_state and update_metadata in `SignalRequest`.
const LARGE: [u32; 4] = [1, 2, 12, 15];
/// Fields of a request beside those of its descriptions.
const FIELDS_MAX: usize = 4096;
/// Fields for each media section in a description: the map from sections to tracks, twice after a resume.
const FIELDS_PER_SECTION: usize = 8;
/// What a decoded field takes at most, in bytes: a whole `TrackInfo`.
const FIELD_BYTES: usize = 512;
/// What a request weighs at least, in KiB: so no socket has more than 64 of them in line.
const WEIGHT_KIB_MIN: u32 = REQUESTS_KIB_MAX / 64;
/// Frames nobody understands before the socket is closed.
const MALFORMED_MAX: u32 = 20;
const PING_EVERY: Duration = Duration::from_secs(10);
/// A client that says nothing for this long is gone; its SDK pings every five seconds.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// A client that takes nothing for this long is gone.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How long is looked whether a client has hung up right behind its request, as one does that gave up: the end is here
/// then, and the runtime sees it as soon as it looks at its sockets.
const GLANCE: Duration = Duration::from_millis(2);
/// How long a client that would put somebody out may take to show that it is there: a round trip and more.
const SHOWN_WITHIN: Duration = Duration::from_secs(2);
/// How long an offer waits that came with the request to come in and is answered after its client's first word. The Go
/// SDK trickles at once.
const FIRST_WORD_WITHIN: Duration = Duration::from_millis(100);
/// How long the last frames may take to leave.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

type Joined = Result<Seat, NotAdmitted>;
type Reader = Peekable<SplitStream<WebSocket>>;
type Writer = SplitSink<WebSocket, Message>;

/// How much one frame of a client may hold, by the size of the rooms here.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub frame_bytes_max: usize,
    fields_max: usize,
}

impl Limits {
    pub(super) fn of(config: &config::Rooms) -> Limits {
        let room = RoomSettings { participants_max: config.participants_max };
        let words = config.metadata_bytes_max + config.attributes_bytes_max;
        Limits {
            frame_bytes_max: room.description_bytes_max().max(words) + SMALL_BYTES_MAX,
            fields_max: FIELDS_MAX + FIELDS_PER_SECTION * room.sections_max(),
        }
    }
}

/// Why a socket ends.
enum End {
    /// It is gone.
    Gone,
    /// The room has said its last word.
    Said,
    /// It read too slowly, and the queue is full.
    TooSlow,
    /// It took nothing for too long.
    Stuck,
    /// It broke a rule: the code to close it with, and which one.
    Broke(u16, &'static str),
}

/// Serves a socket that has just been opened. `join` takes a seat for a client; it is told whether that has shown that it
/// is there. `login_over` ends when the right to be here does. `late_offer` is to be answered after the client's first word.
pub(super) async fn run<J: Future<Output = Joined>>(
    stream: WebSocket,
    join: impl Fn(bool) -> J,
    login_over: impl Future<Output = ()>,
    late_offer: Option<SessionDescription>,
    limits: Limits,
) {
    let (mut writer, reader) = stream.split();
    let mut reader = reader.peekable();
    let Some(seat) = take_seat(&mut writer, &mut reader, join).await else {
        return count_end("hung_up");
    };
    let Seat { requests, mut frames } = seat;
    let too_slow = frames.too_slow();
    let expel = async {
        login_over.await;
        requests.expel().await;
        pending::<End>().await
    };
    let reading = async {
        if let Some(offer) = late_offer {
            offer_late(offer, &requests, &mut reader).await;
        }
        read(&requests, &mut reader, limits).await
    };
    let end = tokio::select! {
        end = reading => end,
        end = write(&mut writer, &mut frames) => end,
        () = too_slow => End::TooSlow,
        end = expel => end,
    };
    drop((requests, frames));
    let is_gone = matches!(end, End::Gone | End::Stuck);
    let _ = timeout(CLOSE_WITHIN, end.tell(&mut writer)).await;
    if !is_gone {
        // bytes that nobody reads would reset the connection, and our code with it
        let rest = async { while let Some(Ok(_)) = reader.next().await {} };
        let _ = timeout(CLOSE_WITHIN, rest).await;
    }
}

/// A seat for a client that is there. One that would put somebody out shows it by answering a ping, as every WebSocket
/// does by itself (RFC 6455, 5.5.3).
async fn take_seat<J: Future<Output = Joined>>(
    writer: &mut Writer,
    reader: &mut Reader,
    join: impl Fn(bool) -> J,
) -> Option<Seat> {
    if has_hung_up(reader, GLANCE).await {
        return None;
    }
    let mut seat = join(false).await;
    if let Err(NotAdmitted::Occupied) = seat {
        timeout(WRITE_WITHIN, writer.send(Message::Ping(Bytes::new()))).await.ok()?.ok()?;
        if has_hung_up(reader, SHOWN_WITHIN).await {
            return None;
        }
        seat = join(true).await;
    }
    Some(seat.unwrap_or_else(|why| Seat::refused(&DIALECT, why)))
}

/// Whether a client closes the connection within a time, before it says anything.
async fn has_hung_up(reader: &mut Reader, within: Duration) -> bool {
    let is_pong = match timeout(within, Pin::new(&mut *reader).peek()).await {
        Ok(None | Some(Err(_) | Ok(Message::Close(_)))) => return true,
        Ok(Some(Ok(message))) => matches!(message, Message::Pong(_)),
        Err(_) => false,
    };
    if is_pong {
        // it has told what it can
        reader.next().await;
    }
    false
}

/// Hands over an offer that came with the request to come in, once the client has said a word.
async fn offer_late(offer: SessionDescription, requests: &Requests, reader: &mut Reader) {
    let _ = timeout(FIRST_WORD_WITHIN, Pin::new(reader).peek()).await;
    let weight = kib(offer.sdp.len()).get().max(WEIGHT_KIB_MIN);
    // a room that listens no more has said why
    requests.send(Request::Offer(offer), weight).await;
}

impl End {
    /// Says why, counts it, and closes.
    async fn tell(self, writer: &mut Writer) {
        let (code, why) = match self {
            End::Gone => return count_end("gone"),
            End::Stuck => {
                tracing::info!("a room's socket takes nothing any more");
                return count_end("stuck");
            }
            End::Said => (close_code::NORMAL, ""),
            End::TooSlow => (close_code::POLICY, "too slow"),
            End::Broke(code, why) => (code, why),
        };
        count_end(if why.is_empty() { "left" } else { why });
        if !why.is_empty() {
            tracing::info!(why, "a room's socket is closed");
        }
        if let End::TooSlow = self
            && writer.send(Message::Binary(resume())).await.is_err()
        {
            return;
        }
        let frame = CloseFrame { code, reason: why.into() };
        // a client that is gone needs no goodbye
        let _ = writer.send(Message::Close(Some(frame))).await;
    }
}

pub(super) fn count_end(why: &'static str) {
    metrics::counter!("beckon_rtc_sockets_closed_total", "reason" => why).increment(1);
}

/// The last word to a client that may come back at once.
fn resume() -> Bytes {
    let leave = LeaveRequest {
        can_reconnect: true,
        reason: DisconnectReason::SignalClose as i32,
        action: Action::Resume as i32,
        regions: None,
    };
    let message = Some(signal_response::Message::Leave(leave));
    SignalResponse { message }.encode_to_vec().into()
}

async fn read(requests: &Requests, reader: &mut Reader, limits: Limits) -> End {
    let quota = |number: NonZeroU32, burst| Quota::per_second(number).allow_burst(burst);
    let pace: DefaultDirectRateLimiter =
        RateLimiter::direct(quota(REQUESTS_PER_SECOND, REQUESTS_BURST));
    let volume: DefaultDirectRateLimiter = RateLimiter::direct(quota(KIB_PER_SECOND, KIB_BURST));
    let mut malformed = 0;
    loop {
        pace.until_ready().await;
        let bytes = match timeout(SILENCE_MAX, reader.next()).await {
            Ok(Some(Ok(Message::Binary(bytes)))) => bytes,
            // reading on answers them; after a close, nothing more comes
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)))) => continue,
            // the JSON form, which no client in use speaks
            Ok(Some(Ok(Message::Text(_)))) => return End::Broke(close_code::UNSUPPORTED, "text"),
            Ok(None) => return End::Gone,
            Ok(Some(Err(_))) => return End::Broke(close_code::SIZE, "broken or too large"),
            Err(_) => return End::Broke(close_code::AWAY, "silent"),
        };
        // a frame that is longer than that is not read at all
        let _ = volume.until_n_ready(kib(bytes.len())).await;
        let fields = wire::SIGNAL_REQUEST.fields(&bytes);
        let is_large = wire::first_field(&bytes).is_some_and(|number| LARGE.contains(&number));
        if (bytes.len() > SMALL_BYTES_MAX && !is_large) || fields > limits.fields_max {
            return End::Broke(close_code::SIZE, "broken or too large");
        }
        let weight = kib(bytes.len() + fields * FIELD_BYTES).get().max(WEIGHT_KIB_MIN);
        let Ok(request) = SignalRequest::decode(bytes) else {
            metrics::counter!("beckon_rtc_malformed_total").increment(1);
            malformed += 1;
            if malformed >= MALFORMED_MAX {
                return End::Broke(close_code::INVALID, "malformed");
            }
            continue;
        };
        let Some(request) = request.message else {
            // a request of a later version of the protocol
            metrics::counter!("beckon_rtc_unknown_total").increment(1);
            continue;
        };
        if !requests.send(requests::request(request), weight).await {
            // the room has said its last word, which is on its way out
            pending::<()>().await;
        }
    }
}

/// Begun KiB.
fn kib(bytes: usize) -> NonZeroU32 {
    u32::try_from(bytes / 1024).ok().and_then(|kib| NonZeroU32::new(kib + 1)).unwrap_or(KIB_BURST)
}

async fn write(writer: &mut Writer, frames: &mut Frames) -> End {
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    loop {
        let message = tokio::select! {
            frame = frames.next() => match frame {
                Some(frame) => Message::Binary(frame),
                None if frames.is_too_slow() => return End::TooSlow,
                None => return End::Said,
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        match timeout(WRITE_WITHIN, send(writer, message, frames)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Gone,
            Err(_) => return End::Stuck,
        }
    }
}

/// Sends a message, and in the same flush whatever waits behind it.
async fn send(writer: &mut Writer, first: Message, frames: &mut Frames) -> Result<(), axum::Error> {
    writer.feed(first).await?;
    while let Some(frame) = frames.next_ready() {
        writer.feed(Message::Binary(frame)).await?;
    }
    writer.flush().await
}
