//! The last step of an upload: its parts become one file, an image without metadata.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use image::ImageFormat;
use sha2::{Digest, Sha256};

use super::Files;
use super::images::{self, Prepared};
use crate::clock::now_ms;
use crate::domain::file::{FileInfo, StoredFile, Upload};
use crate::domain::refusal::{Refusal, Result};
use crate::store;

/// A larger image is kept as a plain file: preparing one holds all of it in memory.
const IMAGE_BYTES_MAX: i64 = 32 * 1024 * 1024;

impl Files {
    /// Every step may be done again, so a node that died in the middle has broken nothing: whoever
    /// asks for the upload next finishes it.
    pub(super) async fn finish(&self, upload: &mut Upload) -> Result<()> {
        let mime = images::sniff(&self.head(upload).await?);
        let file = match images::format_of(mime) {
            Some(format) if upload.length <= IMAGE_BYTES_MAX => {
                self.finish_image(upload, mime, format).await?
            }
            _ => self.finish_plain(upload, mime).await?,
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
        while head.len() < images::SNIFF_BYTES {
            let Some(bytes) = parts.try_next().await? else { break };
            head.extend_from_slice(&bytes[..bytes.len().min(images::SNIFF_BYTES)]);
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
        upload: &Upload,
        mime: &str,
        format: ImageFormat,
    ) -> Result<StoredFile> {
        let bytes = self.storage.parts(upload.id, upload.length).try_collect::<BytesMut>().await?;
        let Prepared { bytes, preview } = self.prepare(format, bytes.freeze()).await;
        let mut file = stored(upload, mime, bytes.len() as i64, &Sha256::digest(&bytes));
        if let Some(preview) = preview {
            file.info.width = Some(preview.width.into());
            file.info.height = Some(preview.height.into());
            self.storage.put_thumbnail(upload.id, preview.thumbnail.bytes).await?;
        }
        self.storage.put_file(upload.id, bytes).await?;
        Ok(file)
    }

    async fn prepare(&self, format: ImageFormat, bytes: Bytes) -> Prepared {
        let work = {
            let bytes = bytes.clone();
            move || images::prepare(format, bytes)
        };
        let prepared = self.on_image_worker(work).await;
        prepared.unwrap_or(Prepared { bytes, preview: None })
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
