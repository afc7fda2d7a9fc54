//! Reading files, and putting them into messages.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::{Files, Opened};
use crate::clock::now_ms;
use crate::domain::file::{FileInfo, StoredFile};
use crate::domain::ids::{FileId, UserId};
use crate::domain::refusal::{Code, Result};
use crate::store;

/// The bytes of a file as they are read.
pub type Bytestream = BoxStream<'static, object_store::Result<Bytes>>;

impl Files {
    /// A file that `user` may read. For everybody else it does not exist.
    pub async fn file(&self, user: UserId, id: FileId) -> Result<StoredFile> {
        let file = store::files::by_id(&self.db, id).await?.ok_or(Code::NotFound)?;
        match file.user == user || self.is_shown(id.0, user).await? {
            true => Ok(file),
            false => Err(Code::NotFound.into()),
        }
    }

    /// The bytes of a file from [`Files::file`].
    pub async fn read(&self, file: &StoredFile, range: Range<u64>) -> Result<Bytestream> {
        Ok(self.storage.file(file.info.id, range).await?)
    }

    /// The thumbnail of an image from [`Files::file`].
    pub async fn thumbnail(&self, file: &StoredFile) -> Result<Opened> {
        match file.info.shown_size() {
            Some(_) => Ok(self.storage.thumbnail(file.info.id).await?),
            None => Err(Code::NotFound.into()),
        }
    }

    /// A file that `user` uploaded and may put into a message. The message's transaction calls
    /// [`store::files::link`].
    pub async fn attachable(&self, user: UserId, id: FileId) -> Result<FileInfo> {
        if let Some(file) = store::files::sendable(&self.db, user, id, now_ms()).await? {
            return Ok(file.info);
        }
        let upload = self.own_upload(user, id).await?;
        if !upload.is_complete() || upload.finished {
            return Err(Code::NotFound.into());
        }
        // All bytes are here and only the last step is missing.
        self.upload(user, id).await?;
        let file = store::files::sendable(&self.db, user, id, now_ms()).await?;
        file.map(|file| file.info).ok_or_else(|| Code::NotFound.into())
    }
}
