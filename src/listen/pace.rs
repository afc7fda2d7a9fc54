//! How long a client may take over the head of a request, which says nothing of how long it may think before it.
//!
//! hyper counts its header time-out from the end of the request before, so it can only hold for both. Proxies keep idle
//! connections for up to two minutes (Caddy) and answer 502 when they use one that we have just closed.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::heads::Place;
use super::refused::Refused;

/// Between requests: a client may take its time.
const IDLE: u8 = 0;
/// The head of a request has begun to arrive.
const HEAD: u8 = 1;
/// A request is answered.
const BUSY: u8 = 2;

/// The connection is no longer HTTP's.
const UPGRADED: u8 = 3;

/// What a connection is doing, as the service and the stream below it see it.
#[derive(Clone)]
pub(super) struct Phase {
    now: Arc<AtomicU8>,
    /// The head took much memory, which goes with the connection.
    large: Arc<AtomicBool>,
}

impl Phase {
    /// The head of the first request is expected at once.
    pub(super) fn first_head() -> Phase {
        Phase { now: Arc::new(AtomicU8::new(HEAD)), large: Arc::default() }
    }

    /// The head has arrived.
    pub(super) fn begin(&self) {
        self.set(BUSY);
    }

    /// Waits for the end of the answer; an upgraded connection never has another head.
    pub(super) fn end_after(&self, mut response: Response) -> Response {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.set(UPGRADED);
            return response;
        }
        if self.large.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| Body::new(Answer { body, phase: self.clone() }))
    }

    fn get(&self) -> u8 {
        self.now.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.now.store(phase, Ordering::Relaxed);
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
    place: Place,
    refused: Refused,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, phase: Phase, limit: Duration, place: Place) -> Paced<S> {
        Paced {
            stream,
            phase,
            limit,
            deadline: Box::pin(sleep(limit)),
            place,
            refused: Refused::default(),
        }
    }

    /// A head may be read within its time, and beyond what all may hold once it has a place.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deadline.as_mut().poll(cx).is_ready() {
            metrics::counter!("beckon_request_heads_late_total").increment(1);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        ready!(self.place.poll_more(cx))?;
        if self.place.is_large() {
            self.phase.large.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buf.filled().len();
        match self.phase.get() {
            HEAD => ready!(self.poll_head(cx))?,
            UPGRADED => self.place.give_back(),
            _ => {}
        }
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        let read = buf.filled().len() - filled;
        match self.phase.get() {
            IDLE if read > 0 => {
                self.phase.set(HEAD);
                let deadline = Instant::now() + self.limit;
                self.deadline.as_mut().reset(deadline);
                self.place.next_head();
                self.place.add(read);
            }
            HEAD => self.place.add(read),
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
        let Paced { stream, phase, refused, .. } = &mut *self;
        if phase.get() == HEAD {
            return refused.poll_write(stream, cx, buf).map_ok(|()| buf.len());
        }
        Pin::new(stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.phase.get() == HEAD {
            let buf = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            return self.poll_write(cx, buf);
        }
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

    use beckon_signalling::domain::network::Network;
    use beckon_signalling::shares::Holder;

    use super::super::heads::{HEAD_BYTES, LargeHeads};
    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    fn place() -> Place {
        Place::new(LargeHeads::default(), Holder::default())
    }

    #[tokio::test]
    async fn an_idle_client_may_think_but_a_slow_head_is_cut_off() {
        let (mut client, stream) = duplex(64);
        let phase = Phase::first_head();
        let mut paced = Paced::new(stream, phase.clone(), LIMIT, place());
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
        let mut paced = Paced::new(stream, phase.clone(), LIMIT, place());
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
    async fn few_heads_may_be_long_at_once_and_the_others_wait_their_turn() {
        let (places, network) = (LargeHeads::default(), Network::of([203, 0, 113, 7].into()));
        let limit = Duration::from_secs(20);
        let long = |_| {
            let (client, stream) = duplex(2 * HEAD_BYTES);
            let place = Place::new(places.clone(), Holder::network(network));
            (client, Paced::new(stream, Phase::first_head(), limit, place))
        };
        let mut all: Vec<_> = (0..9).map(long).collect();
        for (client, paced) in &mut all {
            client.write_all(&[b'x'; HEAD_BYTES + 1]).await.unwrap();
            paced.read_exact(&mut vec![0; HEAD_BYTES]).await.unwrap();
        }
        let (_, waiting) = &mut all.pop().unwrap();
        for (_, paced) in &mut all {
            assert_eq!(paced.read(&mut [0; 8]).await.unwrap(), 1);
        }
        let early = tokio::time::timeout(LIMIT, waiting.read(&mut [0; 8])).await;
        assert!(early.is_err(), "a ninth of one network goes on");
        all.pop();
        assert_eq!(waiting.read(&mut [0; 8]).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_client_that_never_asks_is_cut_off() {
        let (_client, stream) = duplex(64);
        let mut paced = Paced::new(stream, Phase::first_head(), LIMIT, place());
        let error = paced.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
