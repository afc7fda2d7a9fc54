//! Resumable uploads, from the first byte to the last.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::storage::PartPut;
use super::writers::{Occupied, Writer};
use super::{Files, names};
use crate::clock::now_ms;
use crate::domain::file::{UPLOAD_PARTS_MAX, Upload};
use crate::domain::ids::{FileId, UserId};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::store;

/// Bytes that are held in memory before they become a part.
const PART_BYTES: usize = 4 * 1024 * 1024;

/// A request that sends nothing for this long has lost its client.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

impl Files {
    /// Begins an upload. An empty file is finished at once.
    pub async fn begin_upload(&self, user: UserId, length: u64, name: &str) -> Result<Upload> {
        if length > self.config.bytes_max {
            return Err(Code::TooLarge.into());
        }
        let mut upload = Upload {
            id: FileId::fresh(),
            user,
            name: names::display_name(name),
            length: i64::try_from(length).map_err(|_| Code::TooLarge)?,
            received: 0,
            parts: 0,
            finished: false,
            expires_at: now_ms() + self.lifetime_ms(),
        };
        if !store::files::create_upload(&self.db, &upload, self.config.unfinished_max).await? {
            return Err(Code::SlowDown.into());
        }
        if upload.is_complete() {
            self.finish(&mut upload).await?;
        }
        Ok(upload)
    }

    /// How far an upload is. A request that still writes to it is ended first, and an upload
    /// whose last step was interrupted is finished now.
    pub async fn upload(&self, user: UserId, id: FileId) -> Result<Upload> {
        self.writers.interrupt(user, id).await;
        let upload = self.own_upload(user, id).await?;
        if upload.is_complete() && !upload.finished {
            // Not `conflict`: clients take a 4xx here for "this upload is lost".
            let _writer = self.writers.begin(user, id).map_err(|_| Code::Busy)?;
            return self.settled(user, id).await;
        }
        Ok(upload)
    }

    /// Appends what `body` yields at `offset`. What arrived before the connection broke counts.
    pub async fn append<E: Send + 'static>(
        &self,
        user: UserId,
        id: FileId,
        offset: i64,
        announced: Option<u64>,
        body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    ) -> Result<Upload> {
        let writer = self.writers.begin(user, id).map_err(|occupied| match occupied {
            Occupied::Here => Code::Conflict,
            Occupied::Everywhere => Code::Busy,
        })?;
        let upload = self.own_upload(user, id).await?;
        upload.may_continue(offset, now_ms())?;
        if announced.is_some_and(|announced| announced > upload.remaining() as u64) {
            return Err(Code::TooLarge.into());
        }
        // A task of its own: the door's future is dropped when the connection breaks.
        let files = self.clone();
        tokio::spawn(async move { files.receive(upload, body, writer).await })
            .await
            .map_err(Refusal::internal)?
    }

    /// Gives an upload up. A finished one goes too, unless it was sent to somebody.
    pub async fn abandon_upload(&self, user: UserId, id: FileId) -> Result<()> {
        self.own_upload(user, id).await?;
        self.writers.interrupt(user, id).await;
        let _writer = self.writers.begin(user, id).map_err(|_| Code::Busy)?;
        if !store::files::remove_unsent(&self.db, id).await? {
            return Err(Code::Denied.into());
        }
        self.discard(id).await
    }

    /// Removes every object of an upload, then its row: interrupted, it can be done again.
    pub(super) async fn discard(&self, id: FileId) -> Result<()> {
        self.storage.remove_parts(id).await?;
        self.storage.remove_file(id).await?;
        Ok(store::files::remove_upload(&self.db, id).await?)
    }

    /// The upload, finished if all its bytes are here. The caller holds its writer.
    pub(super) async fn settled(&self, user: UserId, id: FileId) -> Result<Upload> {
        let mut upload = self.own_upload(user, id).await?;
        if upload.is_complete() && !upload.finished {
            self.finish(&mut upload).await?;
        }
        Ok(upload)
    }

    pub(super) async fn own_upload(&self, user: UserId, id: FileId) -> Result<Upload> {
        let upload = store::files::upload(&self.db, user, id).await?;
        upload.ok_or_else(|| Code::NotFound.into())
    }

    async fn receive<E>(
        &self,
        mut upload: Upload,
        mut body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
        writer: Writer,
    ) -> Result<Upload> {
        let mut part = Part::default();
        while let Some(bytes) = next_bytes(&mut body, &writer).await {
            part.push(bytes);
            if part.len as i64 > upload.remaining() {
                return Err(Code::TooLarge.into());
            }
            if part.len >= PART_BYTES {
                self.keep(&mut upload, std::mem::take(&mut part)).await?;
            }
        }
        if part.len > 0 {
            self.keep(&mut upload, part).await?;
        }
        if upload.is_complete() {
            self.finish(&mut upload).await?;
        }
        Ok(upload)
    }

    /// Stores one part and counts it. A part that is there already was stored by a request that
    /// ended before counting it, or by another node: it is counted, and the client asks again.
    async fn keep(&self, upload: &mut Upload, part: Part) -> Result<()> {
        if upload.parts >= UPLOAD_PARTS_MAX {
            return Err(Code::TooLarge.into());
        }
        let (from, to) = (upload.received, upload.received + part.len as i64);
        if let PartPut::Taken(len) = self.storage.put_part(upload.id, from, part.chunks).await? {
            store::files::advance_upload(&self.db, upload.id, from, from + len as i64).await?;
            return Err(Code::OffsetMismatch.into());
        }
        if !store::files::advance_upload(&self.db, upload.id, from, to).await? {
            return Err(Code::OffsetMismatch.into());
        }
        upload.received = to;
        upload.parts += 1;
        Ok(())
    }
}

/// The next bytes; `None` at the end, whether it was meant or the connection broke.
async fn next_bytes<E>(
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    writer: &Writer,
) -> Option<Bytes> {
    tokio::select! {
        () = writer.interrupted() => None,
        next = tokio::time::timeout(BODY_PATIENCE, body.next()) => next.ok()??.ok(),
    }
}

/// Bytes on their way into one object.
#[derive(Default)]
struct Part {
    chunks: Vec<Bytes>,
    len: usize,
}

impl Part {
    fn push(&mut self, bytes: Bytes) {
        self.len += bytes.len();
        self.chunks.push(bytes);
    }
}
