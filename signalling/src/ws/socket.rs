//! One connection: hello or resume, then frames both ways until either side ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

use super::connection::Connection;
use super::dispatch::{self, Answer};
use super::pace::{Pace, TooFast};
use super::reference;
use crate::accounts;
use crate::clock::{now_ms, ticks_ms};
use crate::domain::frame::{CLIENT_MIN, ClientFrame, Payload, ServerFrame};
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Lang, Refusal};
use crate::hub::{Attachment, Close, Mailbox, Next};
use crate::node::Node;
use crate::{calls, group_calls, json, presence};

/// How long a client may take to say hello.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(25);
/// A client that says nothing for this long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Frames written in one flush.
const BATCH_MAX: usize = 64;
/// Frames that are not even known to be a request before the socket is closed.
const MALFORMED_MAX: u32 = 20;
/// Requests of one socket under way at once; the next frame is read when one is answered.
const UNDER_WAY_MAX: usize = 64;
/// How long a close frame may take to leave.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

type Reader = SplitStream<WebSocket>;
type Writer = SplitSink<WebSocket, Message>;

pub(super) async fn run(node: Arc<Node>, caller: Caller, lang: Lang, stream: WebSocket) {
    let (mut writer, reader) = stream.split();
    let mut reader =
        Paced { reader, pace: Pace::new(node.config.limits.frames_per_second, Instant::now()) };
    match greet(&node, caller, lang, &mut reader).await {
        Ok((connection, attachment, welcome)) => {
            serve(connection, attachment, welcome, &mut reader, writer).await;
        }
        Err(Some(why)) => {
            close(&mut writer, why).await;
        }
        Err(None) => {}
    }
    hear_out(&mut reader.reader).await;
}

/// The first frame decides: a new socket, or an old one that goes on.
async fn greet(
    node: &Arc<Node>,
    caller: Caller,
    lang: Lang,
    reader: &mut Paced,
) -> Result<(Connection, Attachment, Message), Option<Close>> {
    let first =
        timeout(HELLO_WITHIN, reader.next_text()).await.map_err(|_| Some(Close::NoHello))?;
    let first = first.map_err(|_| None)?;
    let frame = json::read(&first).map_err(|_| Some(Close::Malformed))?;
    let (resumed, asked) = match frame {
        ClientFrame::Hello { lang } => (None, lang),
        ClientFrame::Resume { socket_id, n, lang } => {
            let resumed = node.hub.resume(socket_id, caller.user, caller.login, n, ticks_ms());
            (resumed.map(|found| (found, n)), lang)
        }
        _ => return Err(Some(Close::Malformed)),
    };
    let lang = asked.map_or(lang, |tag| Lang::from_tag(&tag));
    let recovered = resumed.is_some();
    let (mailbox, attachment, n) = match resumed {
        Some(((mailbox, attachment), n)) => (mailbox, attachment, n),
        None => (presence::arrive(node, caller).await.map_err(|_| Some(Close::Restart))?, 0, 0),
    };
    // from here on the mailbox hears when its login ends; whether it ended before, the store knows
    if let Err(refusal) = accounts::still_holds(node, caller.login).await {
        let over = refusal.code == Code::Unauthenticated;
        let why = if over { Close::LoginEnded } else { Close::Restart };
        mailbox.close(why);
        if node.hub.detach(&mailbox, attachment, ticks_ms()) {
            let node = node.clone();
            tokio::spawn(async move { presence::depart(&node, caller.user).await });
        }
        return Err(Some(why));
    }
    let calls = calls::live(node, caller.user, mailbox.id).await.unwrap_or_default();
    let group_calls = group_calls::live(node, caller.user).await;
    let welcome = Payload::from(ServerFrame::Welcome {
        socket_id: mailbox.id,
        recovered,
        user_id: caller.user,
        login_id: caller.login,
        server_time: now_ms(),
        client_min: CLIENT_MIN,
        calls,
        group_calls,
    });
    let connection = Connection { node: node.clone(), caller, lang, mailbox };
    Ok((connection, attachment, Message::text(welcome.numbered(n))))
}

async fn serve(
    connection: Connection,
    attachment: Attachment,
    welcome: Message,
    reader: &mut Paced,
    writer: Writer,
) {
    let connection = Arc::new(connection);
    let mailbox = connection.mailbox.clone();
    let (hang_up, hung_up) = oneshot::channel();
    let mut writing = tokio::spawn(write(mailbox.clone(), attachment, welcome, writer, hung_up));
    tokio::select! {
        end = read(&connection, reader) => {
            let why = match end {
                End::Lost => None,
                // whoever says goodbye will not resume
                End::Goodbye => Some(Close::Goodbye),
                End::SentAway(why) => Some(why),
            };
            if let Some(why) = why.filter(|why| !why.may_resume()) {
                mailbox.close(why);
            }
            let _ = hang_up.send(why); // the writer may have ended by itself
            let _ = writing.await;
        }
        _ = &mut writing => {}
    }
    if connection.node.hub.detach(&mailbox, attachment, ticks_ms()) {
        calls::page_left(&connection.node, mailbox.user, mailbox.id);
        presence::depart(&connection.node, mailbox.user).await;
    }
}

/// Why a connection is no longer read.
enum End {
    /// The network broke.
    Lost,
    /// The client closed the socket.
    Goodbye,
    SentAway(Close),
}

async fn read(connection: &Arc<Connection>, reader: &mut Paced) -> End {
    let under_way = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let mut malformed = 0;
    loop {
        let permit = under_way.clone().acquire_owned().await.expect("never closed");
        let message = match timeout(SILENCE_MAX, reader.reader.next()).await {
            Err(_) => return End::SentAway(Close::HeartbeatMissed),
            Ok(None) => return End::Lost,
            Ok(Some(Err(error))) if too_long(&error) => return End::SentAway(Close::TooLong),
            Ok(Some(Err(_))) => return End::Lost,
            Ok(Some(Ok(message))) => message,
        };
        if reader.keep_pace(&message).await.is_err() {
            return End::SentAway(Close::TooFast);
        }
        let frame = match message {
            Message::Text(text) => understand(&text),
            Message::Binary(bytes) => Err((reference::find(&bytes), Code::Malformed.into())),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return End::Goodbye,
        };
        let frame = match frame {
            Ok(frame) => frame,
            Err((reference, refusal)) => {
                // whoever names a request learns what became of it, like of any other refused one
                malformed += u32::from(reference.is_none());
                connection.mailbox.push(dispatch::error(connection, reference, &refusal, None));
                if malformed >= MALFORMED_MAX {
                    return End::SentAway(Close::Malformed);
                }
                continue;
            }
        };
        match dispatch::frame(connection, frame).await {
            Some(Answer::Now(answer)) => connection.mailbox.push(answer),
            Some(Answer::Later(answer)) => {
                // a task of its own: the answer reaches the mailbox, and so a resume, even if the line breaks
                let mailbox = connection.mailbox.clone();
                tokio::spawn(async move {
                    mailbox.push(answer.await);
                    drop(permit);
                });
            }
            None => {}
        }
    }
}

/// A frame, or the `ref` of what should have been one and what is wrong with it.
fn understand(text: &str) -> Result<ClientFrame, (Option<String>, Refusal)> {
    let refusal = match json::read(text) {
        Ok(ClientFrame::Hello { .. } | ClientFrame::Resume { .. }) => Code::Malformed.into(),
        Ok(frame) => return Ok(frame),
        Err(refusal) => refusal,
    };
    Err((reference::find(text.as_bytes()), refusal))
}

/// What a socket says, at its pace.
struct Paced {
    reader: Reader,
    pace: Pace,
}

impl Paced {
    /// Counts a message of whatever kind, and waits if there were too many.
    async fn keep_pace(&mut self, message: &Message) -> Result<(), TooFast> {
        let bytes = match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
            Message::Close(_) => 0,
        };
        let wait = self.pace.wait(bytes, Instant::now())?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    async fn next_text(&mut self) -> Result<Utf8Bytes, ()> {
        loop {
            let Some(Ok(message)) = self.reader.next().await else { return Err(()) };
            self.keep_pace(&message).await.map_err(|TooFast| ())?;
            match message {
                Message::Text(text) => return Ok(text),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Binary(_) => return Ok(Utf8Bytes::default()),
                Message::Close(_) => return Err(()),
            }
        }
    }
}

fn too_long(error: &axum::Error) -> bool {
    use std::error::Error;
    let cause = error.source().and_then(|e| e.downcast_ref::<tungstenite::Error>());
    matches!(cause, Some(tungstenite::Error::Capacity(_)))
}

/// Writes frames as they come and pings in between, until told to close or the client is gone.
async fn write(
    mailbox: Arc<Mailbox>,
    attachment: Attachment,
    welcome: Message,
    mut writer: Writer,
    mut hung_up: oneshot::Receiver<Option<Close>>,
) {
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.tick().await;
    let mut batch = vec![welcome];
    loop {
        // a client that does not read must not keep us from hearing that its queue overflowed
        let written = tokio::select! {
            written = write_batch(&mut writer, batch) => written,
            why = mailbox.closed(attachment) => return close(&mut writer, why).await,
            why = &mut hung_up => return hang_up(&mut writer, why).await,
        };
        if written.is_err() {
            return;
        }
        batch = tokio::select! {
            next = mailbox.next(attachment, BATCH_MAX) => match next {
                Next::Frames(frames) => {
                    frames.into_iter().map(|(n, frame)| Message::text(frame.numbered(n))).collect()
                }
                Next::Close(why) => return close(&mut writer, why).await,
            },
            why = &mut hung_up => return hang_up(&mut writer, why).await,
            _ = pings.tick() => vec![Message::Ping(Default::default())],
        };
    }
}

async fn write_batch(writer: &mut Writer, batch: Vec<Message>) -> Result<(), axum::Error> {
    for message in batch {
        writer.feed(message).await?;
    }
    writer.flush().await
}

async fn hang_up(writer: &mut Writer, why: Result<Option<Close>, oneshot::error::RecvError>) {
    if let Ok(Some(why)) = why {
        close(writer, why).await;
    }
}

async fn close(writer: &mut Writer, why: Close) {
    metrics::counter!("beckon_sockets_closed_total", "reason" => why.reason()).increment(1);
    if why == Close::Goodbye {
        // the answer is made already, and nothing may follow it
        let _ = timeout(CLOSE_WITHIN, writer.close()).await;
        return;
    }
    let frame = CloseFrame { code: why.code(), reason: why.reason().into() };
    let _ = timeout(CLOSE_WITHIN, writer.send(Message::Close(Some(frame)))).await;
}

/// Waits for the other side's close, or it might lose ours (RFC 6455, 7.1.1): bytes that nobody reads reset a connection.
async fn hear_out(reader: &mut Reader) {
    let _ = timeout(CLOSE_WITHIN, async { while let Some(Ok(_)) = reader.next().await {} }).await;
}
