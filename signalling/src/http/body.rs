//! Reading a body whole, within bounds of size and of time.

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use tokio::time::timeout_at;

use crate::domain::refusal::{Code, Result};
use crate::pace::Pace;

/// Bodies other than uploads and pictures.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;

/// All of a body, unless it is longer than `max` bytes or comes too slowly.
pub(super) async fn whole(body: Body, max: usize) -> Result<Bytes> {
    let (mut stream, mut whole, mut pace) =
        (body.into_data_stream(), BytesMut::new(), Pace::begin());
    loop {
        let next = timeout_at(pace.until, stream.next()).await;
        match next.map_err(|_| Code::RequestTimeout)? {
            None => return Ok(whole.freeze()),
            Some(Ok(bytes)) if bytes.len() > max - whole.len() => return Err(Code::TooLarge.into()),
            Some(Ok(bytes)) => {
                pace.came(bytes.len());
                whole.extend_from_slice(&bytes);
            }
            // it broke off, or was garbled on its way
            Some(Err(_)) => return Err(Code::Malformed.into()),
        }
    }
}
