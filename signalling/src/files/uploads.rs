//! Resumable uploads, from the first byte to the last.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::parts::{MERGE_EVERY, PART_BYTES, PartPut};
use super::writers::Writer;
use super::{Client, Files, names};
use crate::clock::now_ms;
use crate::domain::file::Upload;
use crate::domain::ids::{FileId, UserId};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::pace::Pace;
use crate::store;
use crate::store::files::Created;

/// What has reached this machine by the time a request is asked to end is read still, which takes a busy one no longer.
const STILL_READ: Duration = Duration::from_millis(200);

impl Files {
    /// Begins an upload. An empty file is finished at once.
    pub async fn begin_upload(
        &self,
        by: impl Into<Client>,
        length: u64,
        name: &str,
    ) -> Result<Upload> {
        let by = by.into();
        if length > self.config.bytes_max {
            return Err(Code::TooLarge.into());
        }
        // Now and once more when the parts become the file.
        self.storage.disk.room(length.saturating_mul(2))?;
        let mut upload = Upload {
            id: FileId::fresh(),
            user: by.user,
            name: names::display_name(name),
            length: i64::try_from(length).map_err(|_| Code::TooLarge)?,
            received: 0,
            parts: 0,
            finished: false,
            expires_at: now_ms() + self.lifetime_ms(),
        };
        match store::files::create_upload(&self.db, &upload, &self.config).await? {
            Created::Yes => {}
            Created::TooMany => return Err(Code::TooManyUploads.into()),
            Created::OverQuota => return Err(Code::QuotaFull.into()),
        }
        if upload.is_complete() {
            self.finish(by, &mut upload).await?;
        }
        Ok(upload)
    }

    /// How far an upload is. A request that still writes to it is ended first, and an upload
    /// whose last step was interrupted is finished now.
    pub async fn upload(&self, by: impl Into<Client>, id: FileId) -> Result<Upload> {
        let by = by.into();
        self.writers.interrupt(by.user, id).await;
        let upload = self.own_upload(by.user, id).await?;
        if upload.is_complete() && !upload.finished {
            // Not `conflict`: clients take a 4xx here for "this upload is lost".
            let _writer = self.writers.begin(by, id).map_err(|_| Code::Busy)?;
            return self.settled(by, id).await;
        }
        Ok(upload)
    }

    /// Appends what `body` yields at `offset`. What arrived before the connection broke counts, and so does what came too
    /// slowly.
    pub async fn append<E: Send + 'static>(
        &self,
        by: impl Into<Client>,
        id: FileId,
        offset: i64,
        announced: Option<u64>,
        body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    ) -> Result<Upload> {
        let by = by.into();
        let writer = self.writers.begin(by, id)?;
        let upload = self.own_upload(by.user, id).await?;
        upload.may_continue(offset, now_ms())?;
        if announced.is_some_and(|announced| announced > upload.remaining() as u64) {
            return Err(Code::TooLarge.into());
        }
        // A task of its own: the door's future is dropped when the connection breaks.
        let files = self.clone();
        tokio::spawn(async move { files.receive(by, upload, body, writer).await })
            .await
            .map_err(Refusal::internal)?
    }

    /// Gives an upload up. A finished one goes too, unless it was sent to somebody.
    pub async fn abandon_upload(&self, user: UserId, id: FileId) -> Result<()> {
        self.own_upload(user, id).await?;
        self.writers.interrupt(user, id).await;
        let _writer = self.writers.begin(user.into(), id).map_err(|_| Code::Busy)?;
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
    async fn settled(&self, by: Client, id: FileId) -> Result<Upload> {
        let mut upload = self.own_upload(by.user, id).await?;
        if upload.is_complete() && !upload.finished {
            self.finish(by, &mut upload).await?;
        }
        Ok(upload)
    }

    pub(super) async fn own_upload(&self, user: UserId, id: FileId) -> Result<Upload> {
        let upload = store::files::upload(&self.db, user, id).await?;
        upload.ok_or_else(|| Code::NotFound.into())
    }

    async fn receive<E>(
        &self,
        by: Client,
        mut upload: Upload,
        mut body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
        writer: Writer,
    ) -> Result<Upload> {
        let mut part = Part::default();
        let mut coming = Coming { body: &mut body, pace: Pace::begin(), ends: None };
        let is_late = loop {
            match coming.next(&writer).await {
                Next::Bytes(bytes) => part.push(bytes),
                Next::End => break false,
                Next::Late => break true,
            }
            if part.len as i64 > upload.remaining() {
                return Err(Code::TooLarge.into());
            }
            if part.len >= PART_BYTES {
                self.keep(&mut upload, std::mem::take(&mut part)).await?;
            }
        };
        if part.len > 0 {
            self.keep(&mut upload, part).await?;
        }
        if upload.is_complete() {
            self.finish(by, &mut upload).await?;
        }
        match is_late && !upload.finished {
            true => Err(Code::RequestTimeout.into()),
            false => Ok(upload),
        }
    }

    /// Stores one part and counts it. A part that is there already was stored by a request that
    /// ended before counting it, or by another node: it is counted, and the client asks again.
    async fn keep(&self, upload: &mut Upload, part: Part) -> Result<()> {
        let _room = self.storage.disk.room(part.len as u64)?;
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
        if upload.parts % MERGE_EVERY == 0 {
            self.storage.merge_parts(upload.id, upload.received).await?;
        }
        Ok(())
    }
}

/// What a body brings next.
enum Next {
    Bytes(Bytes),
    /// It was meant, the connection broke, or somebody else continues.
    End,
    /// Too little came in too long.
    Late,
}

/// A body on its way.
struct Coming<'a, B> {
    body: &'a mut B,
    pace: Pace,
    /// Once somebody else wants to continue.
    ends: Option<Instant>,
}

impl<E, B: Stream<Item = Result<Bytes, E>> + Unpin> Coming<'_, B> {
    async fn next(&mut self, writer: &Writer) -> Next {
        if self.ends.is_none() {
            tokio::select! {
                () = writer.interrupted() => self.ends = Some(Instant::now() + STILL_READ),
                next = timeout_at(self.pace.until, self.body.next()) => return match next {
                    Ok(next) => self.came(next),
                    Err(_) => Next::Late,
                },
            }
        }
        match timeout_at(self.ends.unwrap_or(self.pace.until), self.body.next()).await {
            Ok(next) => self.came(next),
            Err(_) => Next::End,
        }
    }

    fn came(&mut self, next: Option<Result<Bytes, E>>) -> Next {
        let Some(Ok(bytes)) = next else { return Next::End };
        self.pace.came(bytes.len());
        Next::Bytes(bytes)
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
