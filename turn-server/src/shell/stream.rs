//! Clients over TCP and TLS: messages cut out of a stream and put into one (RFC 8656, 3.1 and 12.5).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rtc_shared::turn_framing::TurnStreamDecoder;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::inbox::{Input, Sender, StreamEnd};
use crate::client::Client;

/// The longest message before there is an allocation: no request is longer.
const STRANGER_BYTES_MAX: usize = 4096;

/// Bytes of one read.
const READ_BYTES: usize = 4096;

/// Messages that wait for a slow reader; more are lost, as over UDP.
const WAITING_MAX: usize = 256;

/// Messages that are written before the bytes are on their way.
const WRITE_MESSAGES: usize = 32;

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Closed, or broken.
    Closed,
    /// Not a TURN message, or one that is too long.
    Nonsense,
    /// Too slow.
    TimedOut,
}

/// Serves one connection until either side ends it. However this ends, the thread finds its [`StreamEnd`] closed.
///
/// `patience` is how long it may take to get an allocation, to finish a message, or to take what there is to read.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite,
    client: Client,
    sender: &Sender,
    patience: Duration,
) {
    let (messages, outgoing) = mpsc::channel(WAITING_MAX);
    let is_allocated = Arc::new(AtomicBool::new(false));
    let link = StreamEnd::new(messages, is_allocated.clone());
    sender.send(Input::Connected(client, link)).await;
    let (reader, writer) = tokio::io::split(stream);
    let end = tokio::select! {
        end = read(reader, client, sender, &is_allocated, patience) => end,
        end = write(writer, outgoing, patience) => end,
    };
    tracing::trace!(?end, "a TURN connection ended");
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    client: Client,
    sender: &Sender,
    is_allocated: &AtomicBool,
    patience: Duration,
) -> End {
    let connected = Instant::now();
    // Of the message that is not whole yet.
    let mut begun = connected;
    let mut decoder = TurnStreamDecoder::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let is_stranger = !is_allocated.load(Ordering::Acquire);
        let read = reader.read(&mut buffer);
        let read = if is_stranger {
            timeout_at(connected + patience, read).await
        } else if decoder.buffered_len() > 0 {
            timeout_at(begun + patience, read).await
        } else {
            Ok(read.await)
        };
        let len = match read {
            Err(_) if is_stranger && is_allocated.load(Ordering::Acquire) => continue,
            Err(_) => return End::TimedOut,
            Ok(Err(_) | Ok(0)) => return End::Closed,
            Ok(Ok(len)) => len,
        };
        let is_begun = decoder.buffered_len() > 0;
        decoder.extend_from_slice(buffer.get(..len).unwrap_or_default());
        let Ok(messages) = whole(&mut decoder) else { return End::Nonsense };
        if is_stranger && decoder.buffered_len() > STRANGER_BYTES_MAX {
            return End::Nonsense;
        }
        if !is_begun || !messages.is_empty() {
            begun = Instant::now();
        }
        if !messages.is_empty() {
            sender.send(Input::Messages(client, messages)).await;
        }
    }
}

/// The messages that are whole.
fn whole(decoder: &mut TurnStreamDecoder) -> rtc_shared::error::Result<Vec<Vec<u8>>> {
    std::iter::from_fn(|| decoder.next_message().transpose()).collect()
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::Receiver<Box<[u8]>>,
    patience: Duration,
) -> End {
    let mut messages = Vec::new();
    while outgoing.recv_many(&mut messages, WRITE_MESSAGES).await > 0 {
        let write = async {
            // One by one, since there are clients that look for one message in a TLS record.
            for message in messages.drain(..) {
                writer.write_all(&message).await?;
            }
            writer.flush().await
        };
        match timeout(patience, write).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Closed,
            Err(_) => return End::TimedOut,
        }
    }
    let _ = timeout(patience, writer.shutdown()).await;
    End::Closed
}
