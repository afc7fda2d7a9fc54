//! The bytes of an upload on its way. Each part is an object named by its offset. A client that sends little at a time
//! makes many; those are merged while it goes on, so that an upload never has more objects than its length warrants.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _, iter, once};
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStoreExt as _, PutMode, PutPayload, Result};

use super::Storage;
use crate::domain::ids::FileId;

/// Bytes that are held in memory before they become a part, and that merged parts have at least.
pub(super) const PART_BYTES: usize = 1024 * 1024;

/// After so many parts, small ones are looked for.
pub(super) const MERGE_EVERY: i64 = 64;

/// What happened to a part.
#[derive(Debug, PartialEq, Eq)]
pub enum PartPut {
    Stored,
    /// Another request was faster; its part has this many bytes.
    Taken(u64),
}

/// An object with bytes of an upload.
#[derive(Debug)]
struct Piece {
    from: i64,
    to: i64,
    /// Made of parts that were counted. What still lies at the same place may be a part that a slower node stored
    /// and that never counted.
    merged: bool,
    path: Path,
}

impl Piece {
    /// Parts are called `from`, merged ones `from-to`.
    fn of(meta: ObjectMeta) -> Option<Piece> {
        let name = meta.location.filename()?;
        let merged = name.contains('-');
        let from: i64 = name.split('-').next()?.parse().ok()?;
        let to = from + i64::try_from(meta.size).ok()?;
        Some(Piece { from, to, merged, path: meta.location })
    }

    fn is_small(&self) -> bool {
        self.to - self.from < PART_BYTES as i64
    }
}

impl Storage {
    /// Stores the bytes of an upload from `offset` on, once: whoever comes second gets `Taken`, so
    /// two requests (on two nodes, perhaps) cannot mix their bytes.
    pub async fn put_part(&self, id: FileId, offset: i64, bytes: Vec<Bytes>) -> Result<PartPut> {
        let path = upload_path(id).join(offset.to_string());
        let payload = PutPayload::from_iter(bytes);
        match self.objects.put_opts(&path, payload, PutMode::Create.into()).await {
            Ok(_) => Ok(PartPut::Stored),
            Err(Error::AlreadyExists { .. }) => {
                Ok(PartPut::Taken(self.objects.head(&path).await?.size))
            }
            Err(error) => Err(error),
        }
    }

    /// The first `length` bytes of an upload, piece after piece.
    pub fn parts(&self, id: FileId, length: i64) -> BoxStream<'static, Result<Bytes>> {
        let storage = self.clone();
        let read = move |piece: Piece| {
            let objects = storage.objects.clone();
            async move { objects.get(&piece.path).await?.bytes().await }
        };
        let storage = self.clone();
        let pieces = async move {
            let pieces = storage.pieces(id).await?;
            let whole = pieces.last().map_or(0, |piece| piece.to) >= length;
            if !whole {
                return Err(missing(id));
            }
            Ok(iter(pieces.into_iter().take_while(move |piece| piece.from < length).map(Ok)))
        };
        once(pieces).try_flatten().and_then(read).boxed()
    }

    /// Makes few objects of many small ones, up to what is counted. Nothing is missing at any moment.
    pub async fn merge_parts(&self, id: FileId, counted: i64) -> Result<()> {
        let mut pieces = self.pieces(id).await?;
        pieces.retain(|piece| piece.to <= counted);
        let small = pieces.iter().rposition(|piece| !piece.is_small()).map_or(0, |at| at + 1);
        let mut group: Vec<Piece> = Vec::new();
        for piece in pieces.split_off(small) {
            let start = group.first().map_or(piece.from, |first| first.from);
            let enough = piece.to - start >= PART_BYTES as i64;
            group.push(piece);
            if enough {
                self.merge(id, std::mem::take(&mut group)).await?;
            }
        }
        self.merge(id, group).await
    }

    async fn merge(&self, id: FileId, group: Vec<Piece>) -> Result<()> {
        let [first, .., last] = &group[..] else { return Ok(()) };
        let path = upload_path(id).join(format!("{}-{}", first.from, last.to));
        let mut bytes = Vec::new();
        for piece in &group {
            bytes.push(self.objects.get(&piece.path).await?.bytes().await?);
        }
        self.objects.put(&path, PutPayload::from_iter(bytes)).await?;
        let merged = group.into_iter().map(|piece| Ok(piece.path));
        self.objects.delete_stream(iter(merged).boxed()).try_for_each(async |_| Ok(())).await
    }

    pub async fn remove_parts(&self, id: FileId) -> Result<()> {
        let listed = self.objects.list(Some(&upload_path(id))).map_ok(|meta| meta.location);
        self.objects.delete_stream(listed.boxed()).try_for_each(async |_| Ok(())).await
    }

    /// The pieces from the start on, each where the one before it ends.
    async fn pieces(&self, id: FileId) -> Result<Vec<Piece>> {
        let mut at: BTreeMap<i64, Piece> = BTreeMap::new();
        let mut listed = self.objects.list(Some(&upload_path(id)));
        while let Some(meta) = listed.try_next().await? {
            let Some(piece) = Piece::of(meta) else { continue };
            let better = |known: &Piece| (piece.merged, piece.to) > (known.merged, known.to);
            if at.get(&piece.from).is_none_or(better) {
                at.insert(piece.from, piece);
            }
        }
        let mut pieces = Vec::new();
        let mut end = 0;
        while let Some(piece) = at.remove(&end).filter(|piece| piece.to > end) {
            end = piece.to;
            pieces.push(piece);
        }
        Ok(pieces)
    }
}

/// Not `NotFound`, which would tell the client that there is no such upload.
fn missing(id: FileId) -> Error {
    let source = format!("the parts of {id} do not make a whole").into();
    Error::Generic { store: "uploads", source }
}

fn upload_path(id: FileId) -> Path {
    Path::from(format!("uploads/{id}"))
}
