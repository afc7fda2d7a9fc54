//! The end of a TCP connection. A kernel that closes a socket with bytes nobody read resets the connection, and the other
//! side may lose what it was told last: an answer to a request it was still sending, the code of a WebSocket's close.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::reserve::Slot;

/// How long the other side gets to read the last bytes and close (nginx's `lingering_timeout` is 5 s).
const LINGER: Duration = Duration::from_secs(2);

/// Bytes that are thrown away meanwhile; whoever still sends more than a full window does not listen.
const DISCARDED_MAX: u64 = 4 * 1024 * 1024;

/// A connection that, when it is dropped, is closed in one direction and read to its end. It keeps its slot till then.
pub(super) struct Lingering {
    /// `None` only while being dropped.
    stream: Option<TcpStream>,
    slot: Option<Slot>,
    /// The other side has closed first: nothing can be lost.
    is_ended: bool,
}

impl Lingering {
    pub(super) fn new(stream: TcpStream, slot: Slot) -> Lingering {
        Lingering { stream: Some(stream), slot: Some(slot), is_ended: false }
    }

    pub(super) fn claimed(&self) -> CancellationToken {
        self.slot.as_ref().expect("taken by drop alone").claimed.clone()
    }

    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect("taken by drop alone"))
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let (Some(stream), Some(slot)) = (self.stream.take(), self.slot.take()) else { return };
        if let (false, Ok(runtime)) = (self.is_ended, Handle::try_current()) {
            runtime.spawn(async move {
                tokio::select! {
                    _ = timeout(LINGER, discard(stream)) => {}
                    () = slot.claimed.cancelled() => {}
                }
                drop(slot);
            });
        }
    }
}

async fn discard(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = stream.take(DISCARDED_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.map(drop)
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buf.filled().len();
        let outcome = self.stream().poll_read(cx, buf);
        if matches!(outcome, Poll::Ready(Err(_)))
            || outcome.is_ready() && buf.filled().len() == filled && buf.remaining() > 0
        {
            self.is_ended = true;
        }
        outcome
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(TcpStream::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use beckon_signalling::shares::{Bounds, Holder, Shares};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_last_words_arrive_though_the_client_is_still_sending() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let slots = Shares::new(Bounds { all: 1, person: 1, network: 1 });
        let (stream, _) = listener.accept().await.unwrap();
        let mut server =
            Lingering::new(stream, slots.take_now(Holder::default()).ok().unwrap().into());

        client.write_all(&[1; 64 * 1024]).await.unwrap();
        server.write_all(b"too much").await.unwrap();
        drop(server);
        assert!(!slots.is_idle(), "the connection is still there");
        client.write_all(&[1; 64 * 1024]).await.unwrap();
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        assert_eq!(told, b"too much");

        drop(client);
        timeout(LINGER, slots.idle()).await.expect("given back at once");
    }
}
