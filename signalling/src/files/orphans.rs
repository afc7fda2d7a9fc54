//! Removes objects that no row knows: what a process left behind that died between storing bytes and telling the
//! database of them, whatever moment that was.

use std::path::{Path as FsPath, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::TryStreamExt as _;
use object_store::ObjectMeta;
use object_store::path::Path;
use uuid::Uuid;

use super::Files;
use super::storage::Kind;
use super::sweeper::GRACE_MS;
use crate::domain::ids::FileId;
use crate::domain::refusal::{Refusal, Result};
use crate::store;

/// A picture of a person is stored just before the row that tells of it; nothing else is waited for.
const AVATAR_AGE_MS: i64 = 10 * 60 * 1000;

/// Objects that the database is asked about at once.
const BATCH: usize = 100;

impl Files {
    /// Removes the objects that no row knows at `now`, for so long as they could not have been on their way; tells how
    /// many. What is older than the first person in the database was not made under it: whoever started us with the
    /// wrong database shall not lose all files.
    pub async fn sweep_orphans(&self, now: i64) -> Result<usize> {
        let Some(since) = store::users::first_created_at(&self.db).await? else { return Ok(0) };
        let expired = now - self.lifetime_ms() - GRACE_MS;
        let mut swept = 0;
        for kind in Kind::ALL {
            let before = if kind == Kind::Avatar { now - AVATAR_AGE_MS } else { expired };
            let mut old = Vec::new();
            let mut objects = self.storage.list(kind);
            while let Some(object) = objects.try_next().await? {
                if (since..before).contains(&object.last_modified.timestamp_millis()) {
                    old.extend(id_of(kind, &object).map(|id| (id, object.location)));
                }
                if old.len() >= BATCH {
                    swept += self.remove_unknown(kind, std::mem::take(&mut old)).await?;
                }
            }
            swept += self.remove_unknown(kind, old).await?;
        }
        Ok(swept + self.sweep_staged(expired).await?)
    }

    async fn remove_unknown(&self, kind: Kind, objects: Vec<(Uuid, Path)>) -> Result<usize> {
        let mut ids: Vec<Uuid> = objects.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let known = self.known(kind, &ids).await?;
        let mut removed = 0;
        for (id, path) in objects.iter().filter(|(id, _)| !known.contains(id)) {
            tracing::info!(object.id = %id, ?kind, "an object that nothing refers to is removed");
            self.storage.remove(path).await?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Those of these that are to stay. Parts are an upload's alone; everything else stays as long as somebody holds
    /// it, or as it is a file, whose upload has its own time.
    async fn known(&self, kind: Kind, ids: &[Uuid]) -> Result<Vec<Uuid>> {
        let files = ids.iter().map(|id| FileId(*id));
        let mut known = store::files::uploads_of(&self.db, files.clone()).await?;
        if kind == Kind::Upload {
            return Ok(known.into_iter().map(|id| id.0).collect());
        }
        known.extend(store::files::files_of(&self.db, files).await?);
        let held = store::files::held_of(&self.db, ids.iter().copied()).await?;
        Ok(known.into_iter().map(|id| id.0).chain(held).collect())
    }

    /// Removes what was being written when a process died: `object_store` gives it its place only once it is whole,
    /// and lists it never.
    async fn sweep_staged(&self, before: i64) -> Result<usize> {
        let Some(folder) = self.storage.disk.folder() else { return Ok(0) };
        let before = UNIX_EPOCH + Duration::from_millis(before.unsigned_abs());
        let sweep = tokio::task::spawn_blocking(move || remove_staged(&folder, before));
        sweep.await.map_err(Refusal::internal)?.map_err(Refusal::unavailable)
    }
}

/// The id in the address of an object: `files/{id}`, `uploads/{id}/{part}`.
fn id_of(kind: Kind, object: &ObjectMeta) -> Option<Uuid> {
    let mut below = object.location.prefix_match(&kind.folder())?;
    below.next()?.as_ref().parse().ok()
}

fn remove_staged(folder: &FsPath, before: SystemTime) -> std::io::Result<usize> {
    let mut removed = 0;
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // Others remove folders that have become empty.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry?;
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                folders.push(entry.path());
            } else if is_staged(&entry.file_name().to_string_lossy()) && about.modified()? < before
            {
                removed += usize::from(std::fs::remove_file(entry.path()).is_ok());
            }
        }
    }
    Ok(removed)
}

/// The name of an object, `#` and a number.
fn is_staged(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
