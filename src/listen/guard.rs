//! The guard at the door: counts connections, and lets go of those whose reader has stopped reading.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::linger::Lingering;
use super::reserve::Slot;

/// A client for whom there is something, and who takes less than [`TAKEN_BYTES`] in so long, is cut off. Only the
/// time is counted in which it could take more.
const BLOCKED_MAX: Duration = Duration::from_secs(60);

/// About a thousand bytes a second, less than the slowest link that is of any use.
const TAKEN_BYTES: usize = 64 * 1024;

/// A connection that holds its slot until it is closed, WebSockets included.
pub(super) struct Guarded<S> {
    stream: S,
    uptake: Uptake,
}

impl Guarded<Lingering> {
    pub(super) fn new(slot: Slot, stream: TcpStream) -> Self {
        // Frames are small and whole: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        metrics::gauge!("beckon_connections").increment(1.0);
        let stream = Lingering::new(stream, slot);
        Guarded { stream, uptake: Uptake::new(BLOCKED_MAX) }
    }

    /// Cancelled when the connection has to go at once.
    pub(super) fn claimed(&self) -> CancellationToken {
        self.stream.claimed()
    }
}

/// How fast the other side takes our bytes.
struct Uptake {
    blocked_max: Duration,
    taken: usize,
    /// For how long it took none since [`TAKEN_BYTES`] were last taken.
    blocked: Duration,
    /// Runs while it takes none.
    stalled: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Uptake {
    fn new(blocked_max: Duration) -> Uptake {
        Uptake { blocked_max, taken: 0, blocked: Duration::ZERO, stalled: None }
    }

    fn watch(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(taken) = &outcome {
            if let Some((since, _)) = self.stalled.take() {
                self.blocked += since.elapsed();
            }
            self.taken += taken.as_ref().copied().unwrap_or_default();
            if self.taken >= TAKEN_BYTES {
                (self.taken, self.blocked) = (0, Duration::ZERO);
            }
            return outcome;
        }
        let left = self.blocked_max.saturating_sub(self.blocked);
        let stall = || (Instant::now(), Box::pin(sleep(left)));
        let (_, timer) = self.stalled.get_or_insert_with(stall);
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
        self.uptake.watch(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.uptake.watch(cx, outcome)
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
        (Guarded { stream, uptake: Uptake::new(stall) }, reader)
    }

    #[tokio::test]
    async fn a_reader_that_stops_is_let_go() {
        let (mut guarded, _never_read) = guarded(Duration::from_millis(20));
        let error = guarded.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_reader_that_trickles_is_let_go() {
        let (mut guarded, mut reader) = guarded(Duration::from_millis(100));
        let trickling = tokio::spawn(async move {
            while reader.read_exact(&mut [0; 1]).await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        let error = guarded.write_all(&[0; TAKEN_BYTES]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(guarded);
        trickling.await.unwrap();
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
