//! The guard at the door: counts connections, and lets go of those whose reader has stopped reading.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};

use super::linger::Lingering;

/// A client that takes nothing for so long, while there is something for it, is cut off.
const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection that holds its slot until it is closed, WebSockets included.
pub(super) struct Guarded<S> {
    stream: S,
    stall: Duration,
    /// Runs while the other side takes no more of our bytes.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Guarded<Lingering> {
    /// Takes a slot, or closes the connection when there is none.
    pub(super) fn admit(slots: &Arc<Semaphore>, stream: TcpStream) -> Option<Self> {
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            metrics::counter!("beckon_connections_refused_total").increment(1);
            return None;
        };
        // Frames are small and whole: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        metrics::gauge!("beckon_connections").increment(1.0);
        let stream = Lingering::new(stream, slot);
        Some(Guarded { stream, stall: WRITE_STALL_TIMEOUT, stalled: None })
    }
}

impl<S> Guarded<S> {
    /// Starts, continues or ends the stall timer by the outcome of a write.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let stall = self.stall;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(timer.as_mut().poll(cx));
        metrics::counter!("beckon_connections_stalled_total").increment(1);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S> Drop for Guarded<S> {
    fn drop(&mut self) {
        metrics::gauge!("beckon_connections").decrement(1.0);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    fn guarded(stall: Duration) -> (Guarded<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (stream, reader) = duplex(16);
        (Guarded { stream, stall, stalled: None }, reader)
    }

    #[tokio::test]
    async fn a_reader_that_stops_is_let_go() {
        let (mut guarded, _never_read) = guarded(Duration::from_millis(20));
        let error = guarded.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slow_reader_is_served() {
        let (mut guarded, mut reader) = guarded(Duration::from_secs(5));
        let reading = tokio::spawn(async move {
            for _ in 0..8 {
                sleep(Duration::from_millis(5)).await;
                reader.read_exact(&mut [0; 8]).await.unwrap();
            }
        });
        guarded.write_all(&[0; 64]).await.unwrap();
        reading.await.unwrap();
    }
}
