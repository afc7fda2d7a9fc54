//! Files on SQLite and a store in memory.

mod bounds;
mod crashes;
mod keeping;
mod nodes;
mod silence;
mod uploads;

use std::array::IntoIter;
use std::convert::Infallible;
use std::io::Cursor;

use bytes::Bytes;
use futures_util::stream::{self, Iter, Stream, TryStreamExt};
use image::{DynamicImage, ImageFormat, RgbImage};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::now_ms;
use crate::config;
use crate::domain::file::{StoredFile, Upload};
use crate::domain::ids::{AvatarId, FileId, UserId};
use crate::domain::refusal::Result;
use crate::store;
use crate::store::tests::{Fresh, fresh_sqlite, group, person};

/// Two people and their files.
struct Stage {
    files: Files,
    ann: UserId,
    bob: UserId,
    _db: Fresh,
}

impl Stage {
    async fn new() -> Stage {
        Stage::with(config::Files::default()).await
    }

    async fn with(config: config::Files) -> Stage {
        let db = fresh_sqlite().await;
        let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
        let files = Files::new(db.clone(), Storage::in_memory(), config);
        Stage { files, ann, bob, _db: db }
    }

    /// Ann uploads a whole file in one go.
    async fn uploaded(&self, name: &str, bytes: impl Into<Bytes>) -> FileId {
        let bytes = bytes.into();
        let upload = self.files.begin_upload(self.ann, bytes.len() as u64, name).await.unwrap();
        if !bytes.is_empty() {
            self.append(upload.id, 0, bytes).await.unwrap();
        }
        upload.id
    }

    async fn begun(&self, length: u64) -> FileId {
        self.files.begin_upload(self.ann, length, "a.bin").await.unwrap().id
    }

    async fn append(&self, id: FileId, offset: i64, bytes: impl Into<Bytes>) -> Result<Upload> {
        self.files.append(self.ann, id, offset, None, whole(bytes)).await
    }

    /// [`Files::append`] at the start, in a task of its own.
    fn append_behind(
        &self,
        id: FileId,
        body: impl Stream<Item = Chunk> + Send + Unpin + 'static,
    ) -> JoinHandle<Result<Upload>> {
        let (files, ann) = (self.files.clone(), self.ann);
        tokio::spawn(async move { files.append(ann, id, 0, None, body).await })
    }

    async fn read(&self, file: &StoredFile) -> Bytes {
        let all = 0..file.info.size as u64;
        let stream = self.files.read(file, all).await.unwrap();
        stream.try_collect::<bytes::BytesMut>().await.unwrap().freeze()
    }

    /// Ann's picture is this one from now on.
    async fn wears(&self, avatar: AvatarId) {
        let mut tx = self.files.db.begin().await.unwrap();
        store::users::replace_avatar(&mut tx, self.ann, Some(avatar), now_ms()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Ann's file lies in a conversation with these members.
    async fn sent(&self, id: FileId, members: &[UserId]) {
        let conversation = group(&self.files.db, members).await;
        let mut tx = self.files.db.begin().await.unwrap();
        store::files::link(&mut tx, [(id, conversation, 1)]).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn whole(bytes: impl Into<Bytes>) -> Iter<IntoIter<Result<Bytes, Infallible>, 1>> {
    stream::iter([Ok(bytes.into())])
}

type Chunk = Result<Bytes, &'static str>;

/// A body that the test feeds by hand. Feeding waits until the bytes before were taken.
fn fed() -> (mpsc::Sender<Chunk>, impl Stream<Item = Chunk> + Send + Unpin) {
    let (feed, mut fed) = mpsc::channel(1);
    (feed, stream::poll_fn(move |cx| fed.poll_recv(cx)))
}

/// All the bytes of a picture.
async fn collected(opened: Opened) -> Bytes {
    let bytes: bytes::BytesMut = opened.bytes.try_collect().await.unwrap();
    assert_eq!(bytes.len() as u64, opened.size);
    bytes.freeze()
}

fn refused<T>(outcome: Result<T>) -> Code {
    outcome.err().expect("refused").code
}

fn picture(format: ImageFormat) -> Bytes {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::new(1000, 500)).write_to(&mut out, format).unwrap();
    out.into_inner().into()
}
