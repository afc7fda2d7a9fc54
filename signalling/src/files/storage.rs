//! Where the bytes live: a local folder, or anything else `object_store` speaks. Objects are
//! named by id, never by what people call them.

use std::ops::Range;
use std::path::Path as FsPath;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt, try_unfold};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutPayload, Result,
};

use crate::domain::ids::{AvatarId, FileId};

/// How much of a growing object is held in memory while it is written.
const WRITE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone)]
pub struct Storage {
    objects: Arc<dyn ObjectStore>,
}

/// What happened to a part.
#[derive(Debug, PartialEq, Eq)]
pub enum PartPut {
    Stored,
    /// Another request was faster; its part has this many bytes.
    Taken(u64),
}

impl Storage {
    /// Keeps everything under `folder`, which is made if need be, and on disk before it says so.
    pub fn local(folder: &FsPath) -> std::io::Result<Storage> {
        std::fs::create_dir_all(folder)?;
        let local = LocalFileSystem::new_with_prefix(folder)?;
        let objects = local.with_fsync(true).with_automatic_cleanup(true);
        Ok(Storage { objects: Arc::new(objects) })
    }

    #[cfg(test)]
    pub fn in_memory() -> Storage {
        Storage { objects: Arc::new(object_store::memory::InMemory::new()) }
    }

    /// Stores the bytes of an upload from `offset` on, once: whoever comes second gets `Taken`, so
    /// two requests (on two nodes, perhaps) cannot mix their bytes.
    pub async fn put_part(&self, id: FileId, offset: i64, bytes: Vec<Bytes>) -> Result<PartPut> {
        let path = part_path(id, offset);
        let payload = PutPayload::from_iter(bytes);
        match self.objects.put_opts(&path, payload, PutMode::Create.into()).await {
            Ok(_) => Ok(PartPut::Stored),
            Err(Error::AlreadyExists { .. }) => {
                Ok(PartPut::Taken(self.objects.head(&path).await?.size))
            }
            Err(error) => Err(error),
        }
    }

    /// The bytes of an upload, part after part.
    pub fn parts(&self, id: FileId, length: i64) -> BoxStream<'static, Result<Bytes>> {
        let objects = self.objects.clone();
        try_unfold(0, move |offset| {
            let objects = objects.clone();
            async move {
                if offset >= length {
                    return Ok(None);
                }
                let bytes = objects.get(&part_path(id, offset)).await?.bytes().await?;
                let next = offset + bytes.len() as i64;
                Ok(Some((bytes, next)))
            }
        })
        .boxed()
    }

    pub async fn remove_parts(&self, id: FileId) -> Result<()> {
        let listed = self.objects.list(Some(&upload_path(id))).map_ok(|meta| meta.location);
        self.objects.delete_stream(listed.boxed()).try_for_each(async |_| Ok(())).await
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

    pub async fn thumbnail(&self, id: FileId) -> Result<Bytes> {
        self.objects.get(&thumbnail_path(id)).await?.bytes().await
    }

    pub async fn remove_file(&self, id: FileId) -> Result<()> {
        self.remove(&file_path(id)).await?;
        self.remove(&thumbnail_path(id)).await
    }

    pub async fn put_avatar(&self, id: AvatarId, bytes: Bytes) -> Result<()> {
        self.objects.put(&avatar_path(id), bytes.into()).await.map(drop)
    }

    pub async fn avatar(&self, id: AvatarId) -> Result<Bytes> {
        self.objects.get(&avatar_path(id)).await?.bytes().await
    }

    pub async fn remove_avatar(&self, id: AvatarId) -> Result<()> {
        self.remove(&avatar_path(id)).await
    }

    #[cfg(test)]
    pub(super) async fn object_names(&self) -> Vec<String> {
        let all = self.objects.list(None).map_ok(|meta| meta.location.to_string());
        all.try_collect().await.expect("memory can be listed")
    }

    async fn remove(&self, path: &Path) -> Result<()> {
        match self.objects.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn upload_path(id: FileId) -> Path {
    Path::from(format!("uploads/{id}"))
}

fn part_path(id: FileId, offset: i64) -> Path {
    Path::from(format!("uploads/{id}/{offset}"))
}

fn file_path(id: FileId) -> Path {
    Path::from(format!("files/{id}"))
}

fn thumbnail_path(id: FileId) -> Path {
    Path::from(format!("thumbnails/{id}"))
}

fn avatar_path(id: AvatarId) -> Path {
    Path::from(format!("avatars/{id}"))
}
