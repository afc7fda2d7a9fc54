//! The last step of an upload: its parts become one file, an image without metadata.

use std::io;

use bytes::BytesMut;
use futures_util::TryStreamExt;
use image::ImageFormat;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::decoders::HEAD_BYTES;
use super::images::{self, Prepared};
use super::metadata::{self, Exif};
use super::piping::{Sink, Source};
use super::{Client, Files};
use crate::clock::now_ms;
use crate::domain::file::{FileInfo, StoredFile, Upload};
use crate::domain::refusal::{Refusal, Result};
use crate::store;

/// Pieces in which what is left of a large image is written.
const COPY_BYTES: usize = 256 * 1024;

impl Files {
    /// Every step may be done again, so a node that died in the middle has broken nothing: whoever
    /// asks for the upload next finishes it.
    pub(super) async fn finish(&self, by: Client, upload: &mut Upload) -> Result<()> {
        // Until they are removed, the parts take as much once more.
        let _room = self.storage.disk.room(upload.length.unsigned_abs())?;
        let head = self.head(upload).await?;
        let mime = images::sniff(&head[..head.len().min(images::SNIFF_BYTES)]);
        let file = match images::format_of(mime) {
            Some(format) if upload.length.unsigned_abs() <= images::IMAGE_BYTES_MAX => {
                self.finish_image(by, upload, mime, format, &head).await?
            }
            Some(format) => match self.finish_stripped(by, upload, mime, format).await? {
                Some(file) => file,
                None => self.finish_plain(upload, mime).await?,
            },
            None => self.finish_plain(upload, mime).await?,
        };
        let expires_at = now_ms() + self.lifetime_ms();
        store::files::finish_upload(&self.db, &file, expires_at).await?;
        upload.finished = true;
        upload.expires_at = expires_at;
        if let Err(error) = self.storage.remove_parts(upload.id).await {
            tracing::warn!(%error, file.id = %upload.id, "parts of an upload stay until it expires");
        }
        Ok(())
    }

    async fn head(&self, upload: &Upload) -> Result<BytesMut> {
        let mut head = BytesMut::new();
        let mut parts = self.storage.parts(upload.id, upload.length);
        while head.len() < HEAD_BYTES {
            let Some(bytes) = parts.try_next().await? else { break };
            head.extend_from_slice(&bytes[..bytes.len().min(HEAD_BYTES)]);
        }
        Ok(head)
    }

    async fn finish_plain(&self, upload: &Upload, mime: &str) -> Result<StoredFile> {
        let mut hash = Sha256::new();
        let mut writer = self.storage.file_writer(upload.id);
        let mut parts = self.storage.parts(upload.id, upload.length);
        while let Some(bytes) = parts.try_next().await? {
            hash.update(&bytes);
            writer.put(bytes).await?;
        }
        tokio::io::AsyncWriteExt::shutdown(&mut writer).await.map_err(Refusal::unavailable)?;
        Ok(stored(upload, mime, upload.length, &hash.finalize()))
    }

    async fn finish_image(
        &self,
        by: Client,
        upload: &Upload,
        mime: &str,
        format: ImageFormat,
        head: &[u8],
    ) -> Result<StoredFile> {
        // First, so that those who wait hold little.
        let length = upload.length.unsigned_abs();
        let decoder = self.decoders.take(by.into(), format, head, length).await?;
        let mut bytes = BytesMut::with_capacity(upload.length as usize);
        let mut parts = self.storage.parts(upload.id, upload.length);
        while let Some(piece) = parts.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        let work = move || {
            let decoder = decoder; // until the work has ended
            images::prepare(format, bytes.freeze(), decoder.memory)
        };
        let Prepared { bytes, preview } = spawn_blocking(work).await.map_err(Refusal::internal)?;
        let mut file = stored(upload, mime, bytes.len() as i64, &Sha256::digest(&bytes));
        if let Some(preview) = preview {
            file.info.width = Some(preview.width.into());
            file.info.height = Some(preview.height.into());
            self.storage.put_thumbnail(upload.id, preview.thumbnail.bytes).await?;
        }
        self.storage.put_file(upload.id, bytes).await?;
        Ok(file)
    }

    /// An image that is too large to be looked at loses its metadata all the same; `None` if its container is broken.
    async fn finish_stripped(
        &self,
        by: Client,
        upload: &Upload,
        mime: &str,
        format: ImageFormat,
    ) -> Result<Option<StoredFile>> {
        let decoder = self.decoders.large(by.into()).await?;
        let (storage, id, length) = (self.storage.clone(), upload.id, upload.length);
        let runtime = Handle::current();
        let work = move || {
            let _decoder = decoder;
            let source = || Ok(Source::new(runtime.clone(), storage.parts(id, length)));
            let sink = Sink::new(runtime.clone(), storage.file_writer(id));
            let mut out = io::BufWriter::with_capacity(COPY_BYTES, sink);
            metadata::strip(format, Exif::Upright, source, &mut out)?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
        };
        match spawn_blocking(work).await.map_err(Refusal::internal)? {
            Ok((size, hash)) => Ok(Some(stored(upload, mime, size, &hash))),
            Err(error) if metadata::is_broken(&error) => Ok(None),
            Err(error) => Err(Refusal::unavailable(error)),
        }
    }
}

fn stored(upload: &Upload, mime: &str, size: i64, sha256: &[u8]) -> StoredFile {
    StoredFile {
        info: FileInfo {
            id: upload.id,
            name: upload.name.clone(),
            size,
            mime: mime.to_owned(),
            width: None,
            height: None,
        },
        user: upload.user,
        sha256: sha256.to_vec(),
        created_at: now_ms(),
    }
}
