//! Where the bytes live: a local folder, or anything else `object_store` speaks. Objects are
//! named by id, never by what people call them.

use std::ops::Range;
use std::path::Path as FsPath;
use std::sync::Arc;

use bytes::Bytes;
#[cfg(test)]
use futures_util::TryStreamExt as _;
use futures_util::stream::{BoxStream, StreamExt as _};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _, Result,
};

use super::disk::Disk;
use super::limited::{ANSWER_WITHIN, Limited};
use crate::domain::ids::{AvatarId, FileId};

/// How much of a growing object is held in memory while it is written.
const WRITE_BUFFER_BYTES: usize = 1024 * 1024;

#[derive(Clone)]
pub struct Storage {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) disk: Disk,
}

/// An object as it is read.
pub struct Opened {
    pub size: u64,
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

/// What objects are for. Each kind has a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Upload,
    File,
    Thumbnail,
    Avatar,
}

impl Kind {
    pub(super) const ALL: [Kind; 4] = [Kind::Upload, Kind::File, Kind::Thumbnail, Kind::Avatar];

    pub(super) fn folder(self) -> Path {
        Path::from(match self {
            Kind::Upload => "uploads",
            Kind::File => "files",
            Kind::Thumbnail => "thumbnails",
            Kind::Avatar => "avatars",
        })
    }
}

impl Storage {
    /// Keeps everything under `folder`, which is made if need be, and on disk before it says so. Leaves
    /// `reserve_bytes` of the disk free.
    pub fn local(folder: &FsPath, reserve_bytes: u64) -> std::io::Result<Storage> {
        std::fs::create_dir_all(folder)?;
        let local = LocalFileSystem::new_with_prefix(folder)?;
        let objects = local.with_fsync(true).with_automatic_cleanup(true);
        let objects = Limited { objects: Arc::new(objects), limit: ANSWER_WITHIN };
        Ok(Storage { objects: Arc::new(objects), disk: Disk::of(folder, reserve_bytes) })
    }

    /// Keeps everything where a test can hold it up.
    #[cfg(test)]
    pub(super) fn over(objects: Arc<dyn ObjectStore>, limit: std::time::Duration) -> Storage {
        let objects = Arc::new(Limited { objects, limit });
        Storage { objects, disk: Disk::boundless() }
    }

    #[cfg(test)]
    pub fn in_memory() -> Storage {
        let objects = Arc::new(object_store::memory::InMemory::new());
        Storage { objects, disk: Disk::boundless() }
    }

    /// Writes a file piece by piece; it exists once the writer is shut down.
    pub fn file_writer(&self, id: FileId) -> BufWriter {
        let objects = self.objects.clone();
        BufWriter::with_capacity(objects, file_path(id), WRITE_BUFFER_BYTES).with_max_concurrency(1)
    }

    pub async fn put_file(&self, id: FileId, bytes: Bytes) -> Result<()> {
        self.objects.put(&file_path(id), bytes.into()).await.map(drop)
    }

    /// A piece of a file, or all of it.
    pub async fn file(
        &self,
        id: FileId,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range)));
        Ok(self.objects.get_opts(&file_path(id), options).await?.into_stream())
    }

    pub async fn put_thumbnail(&self, id: FileId, bytes: Bytes) -> Result<()> {
        self.objects.put(&thumbnail_path(id), bytes.into()).await.map(drop)
    }

    pub async fn thumbnail(&self, id: FileId) -> Result<Opened> {
        self.open(&thumbnail_path(id)).await
    }

    pub async fn remove_file(&self, id: FileId) -> Result<()> {
        self.remove(&file_path(id)).await?;
        self.remove(&thumbnail_path(id)).await
    }

    pub async fn put_avatar(&self, id: AvatarId, bytes: Bytes) -> Result<()> {
        self.objects.put(&avatar_path(id), bytes.into()).await.map(drop)
    }

    pub async fn avatar(&self, id: AvatarId) -> Result<Opened> {
        self.open(&avatar_path(id)).await
    }

    pub async fn remove_avatar(&self, id: AvatarId) -> Result<()> {
        self.remove(&avatar_path(id)).await
    }

    /// All objects of a kind, in no order.
    pub(super) fn list(&self, kind: Kind) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(Some(&kind.folder()))
    }

    pub(super) async fn remove(&self, path: &Path) -> Result<()> {
        match self.objects.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn open(&self, path: &Path) -> Result<Opened> {
        let found = self.objects.get(path).await?;
        Ok(Opened { size: found.meta.size, bytes: found.into_stream() })
    }

    #[cfg(test)]
    pub(super) async fn object_names(&self) -> Vec<String> {
        let all = self.objects.list(None).map_ok(|meta| meta.location.to_string());
        all.try_collect().await.expect("memory can be listed")
    }
}

fn file_path(id: FileId) -> Path {
    Kind::File.folder().join(id.to_string())
}

fn thumbnail_path(id: FileId) -> Path {
    Kind::Thumbnail.folder().join(id.to_string())
}

fn avatar_path(id: AvatarId) -> Path {
    Kind::Avatar.folder().join(id.to_string())
}
