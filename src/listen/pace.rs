//! How long a client may take over the head of a request, which says nothing of how long it may think before it.
//!
//! hyper counts its header time-out from the end of the request before, so it can only hold for both. Proxies keep idle
//! connections for up to two minutes (Caddy) and answer 502 when they use one that we have just closed.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Between requests: a client may take its time.
const IDLE: u8 = 0;
/// The head of a request has begun to arrive.
const HEAD: u8 = 1;
/// A request is answered, or the connection is no longer HTTP's.
const BUSY: u8 = 2;

/// What a connection is doing, as the service and the stream below it see it.
#[derive(Clone)]
pub(super) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// The head of the first request is expected at once.
    pub(super) fn first_head() -> Phase {
        Phase(Arc::new(AtomicU8::new(HEAD)))
    }

    /// The head has arrived.
    pub(super) fn begin(&self) {
        self.set(BUSY);
    }

    /// Waits for the end of the answer; an upgraded connection never has another head.
    pub(super) fn end_after(&self, response: Response) -> Response {
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => response,
            _ => response.map(|body| Body::new(Answer { body, phase: self.clone() })),
        }
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// The body of an answer; the connection is idle when it is gone.
struct Answer {
    body: Body,
    phase: Phase,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.phase.set(IDLE);
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that fails when the head of a request takes longer than the limit.
pub(super) struct Paced<S> {
    stream: S,
    phase: Phase,
    limit: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, phase: Phase, limit: Duration) -> Paced<S> {
        Paced { stream, phase, limit, deadline: Box::pin(sleep(limit)) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        match self.phase.get() {
            IDLE if buf.filled().len() > filled => {
                self.phase.set(HEAD);
                let deadline = Instant::now() + self.limit;
                self.deadline.as_mut().reset(deadline);
            }
            HEAD if self.deadline.as_mut().poll(cx).is_ready() => {
                metrics::counter!("beckon_request_heads_late_total").increment(1);
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            _ => {}
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
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

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn an_idle_client_may_think_but_a_slow_head_is_cut_off() {
        let (mut client, stream) = duplex(64);
        let phase = Phase::first_head();
        let mut paced = Paced::new(stream, phase.clone(), LIMIT);
        phase.begin();
        drop(phase.end_after(Response::new(Body::from("hello"))));

        sleep(3 * LIMIT).await;
        client.write_all(b"G").await.unwrap();
        assert_eq!(paced.read(&mut [0; 8]).await.unwrap(), 1, "it was only thinking");
        let error = paced.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_that_was_upgraded_has_no_heads() {
        let (mut client, stream) = duplex(64);
        let phase = Phase::first_head();
        let mut paced = Paced::new(stream, phase.clone(), LIMIT);
        phase.begin();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        drop(phase.end_after(response));
        for _ in 0..3 {
            sleep(LIMIT).await;
            client.write_all(b"x").await.unwrap();
            assert_eq!(paced.read(&mut [0; 8]).await.unwrap(), 1);
        }
    }

    #[tokio::test]
    async fn a_client_that_never_asks_is_cut_off() {
        let (_client, stream) = duplex(64);
        let mut paced = Paced::new(stream, Phase::first_head(), LIMIT);
        let error = paced.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
