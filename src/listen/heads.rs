//! Long heads of requests: a token of LiveKit's with many attributes. A connection may hold few bytes of a head, and what
//! goes beyond takes one of a few places, shared by network, so that holding many of them open takes no memory.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use beckon_signalling::shares::{Bounds, Full, Holder, Share, Shares};

/// Bytes of request line and headers; more is answered 431. A token of LiveKit's may have 64 KiB, the rest has half of it.
/// What goes beyond [`HEAD_BYTES`] takes a place of its own.
pub(super) const HEADER_BYTES_MAX: usize = 96 * 1024;

/// Headers in one request; more is answered 431.
pub(super) const HEADERS_MAX: usize = 64;

/// Bytes of a head that every connection may hold.
pub(super) const HEAD_BYTES: usize = 32 * 1024;

/// Heads beyond [`HEAD_BYTES`] at once, over all connections: 4 MiB. Others wait in fair turn, as long as a head may take.
const LARGE_HEADS: Bounds = Bounds { all: 64, person: 64, network: 8 };

/// The places of all listeners.
#[derive(Clone)]
pub(super) struct LargeHeads(Shares);

impl Default for LargeHeads {
    fn default() -> Self {
        LargeHeads(Shares::new(LARGE_HEADS))
    }
}

type Waiting = Pin<Box<dyn Future<Output = Result<Share, Full>> + Send>>;

/// What one connection has read of a head, and its place if that is much.
pub(super) struct Place {
    places: LargeHeads,
    holder: Holder,
    read: usize,
    waiting: Option<Waiting>,
    share: Option<Share>,
}

impl Place {
    pub(super) fn new(places: LargeHeads, holder: Holder) -> Place {
        Place { places, holder, read: 0, waiting: None, share: None }
    }

    /// Whether more of a head may be read.
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.read < HEAD_BYTES || self.share.is_some() {
            return Poll::Ready(Ok(()));
        }
        let waiting = self.waiting.get_or_insert_with(|| {
            let (places, holder) = (self.places.0.clone(), self.holder);
            Box::pin(async move { places.take(holder).await })
        });
        let share = ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        match share {
            Ok(share) => {
                self.share = Some(share);
                Poll::Ready(Ok(()))
            }
            Err(_) => {
                metrics::counter!("beckon_large_heads_refused_total").increment(1);
                Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()))
            }
        }
    }

    /// So much more of a head has been read.
    pub(super) fn add(&mut self, bytes: usize) {
        self.read += bytes;
    }

    /// Another head begins. The place stays: the buffer is as large as it was.
    pub(super) fn next_head(&mut self) {
        self.read = 0;
    }

    /// There are no heads any more.
    pub(super) fn give_back(&mut self) {
        (self.read, self.share) = (0, None);
    }

    /// Whether the connection holds more than others may.
    pub(super) fn is_large(&self) -> bool {
        self.share.is_some()
    }
}
