//! Heads of requests that hyper refuses by itself: it answers with a bare status, which pages of other origins cannot even
//! see. What is written while a head is read is such an answer, and goes out in our words.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::heads::{HEADER_BYTES_MAX, HEADERS_MAX};

/// Bytes of an address that the `http` crate takes.
const ADDRESS_BYTES_MAX: usize = 65_534;
/// Where the status is in `HTTP/1.1 431 ...`.
const STATUS: std::ops::Range<usize> = 9..12;

/// The answer on its way.
#[derive(Default)]
pub(super) struct Refused {
    answer: Option<Vec<u8>>,
    written: usize,
}

impl Refused {
    /// Writes our answer in place of hyper's, of which this is the beginning; ready when all of it is written.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        theirs: &[u8],
    ) -> Poll<io::Result<()>> {
        let Refused { answer, written } = self;
        let answer = answer.get_or_insert_with(|| words(theirs));
        while let Some(rest) = answer.get(*written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut *stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                bytes => *written += bytes,
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn words(theirs: &[u8]) -> Vec<u8> {
    let (status, why) = match theirs.get(STATUS) {
        Some(b"431") => (
            "431 Request Header Fields Too Large",
            format!(
                "a request has {HEADER_BYTES_MAX} bytes before its body, and {HEADERS_MAX} headers, at most"
            ),
        ),
        Some(b"414") => {
            ("414 URI Too Long", format!("an address has {ADDRESS_BYTES_MAX} bytes at most"))
        }
        _ => ("400 Bad Request", "this is no request of HTTP/1.1".to_owned()),
    };
    let length = why.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
         access-control-allow-origin: *\r\nconnection: close\r\n\r\n{why}"
    )
    .into_bytes()
}
