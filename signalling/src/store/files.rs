//! Files: uploads on their way, finished files, and who holds them.

mod holders;

pub use self::holders::{held_of, hold, holders, link, release, unlink};
use std::collections::HashSet;

use super::sql::{Db, Error, On, Record, Result, Row, Tx, retry, sql};
use crate::config;
use crate::domain::file::{FileInfo, StoredFile, Upload};
use crate::domain::ids::{FileId, UserId};

/// What became of a new upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    Yes,
    /// Too many others of this person are unfinished.
    TooMany,
    /// The files of this person would take more than they may.
    OverQuota,
}

/// Stores a new upload within the limits of its user. Two at once cannot both have the last place.
pub async fn create_upload(db: &Db, upload: &Upload, limits: &config::Files) -> Result<Created> {
    retry(|| async {
        let mut tx = db.begin().await?;
        // Changes nothing, but on MySQL two uploads of one user now take turns at counting.
        sql("UPDATE users SET created_at = created_at WHERE id = ?")
            .bind(upload.user)
            .run(&mut tx)
            .await?;
        let (unfinished,): (i64,) =
            sql("SELECT COUNT(*) FROM uploads WHERE user_id = ? AND finished = ?")
                .bind(upload.user)
                .bind(false)
                .one(&mut tx)
                .await?;
        if unfinished >= limits.unfinished_max {
            return Ok(Created::TooMany);
        }
        let quota = i64::try_from(limits.quota_bytes).unwrap_or(i64::MAX);
        let wanted = used_bytes(&mut tx, upload.user).await?.saturating_add(upload.length);
        if quota > 0 && wanted > quota {
            return Ok(Created::OverQuota);
        }
        insert_upload(&mut tx, upload).await?;
        tx.commit().await?;
        Ok(Created::Yes)
    })
    .await
}

/// What the files of somebody take, with what unfinished uploads have announced.
pub async fn used_bytes(on: impl Into<On<'_>>, user: UserId) -> Result<i64> {
    let (used,): (i64,) = sql("SELECT CAST(
             (SELECT COALESCE(SUM(size), 0) FROM files WHERE user_id = ?)
             + (SELECT COALESCE(SUM(length), 0) FROM uploads WHERE user_id = ? AND finished = ?)
         AS SIGNED)")
    .bind(user)
    .bind(user)
    .bind(false)
    .one(on)
    .await?;
    Ok(used)
}

/// Which of these have an upload, finished or not.
pub async fn uploads_of(db: &Db, ids: impl IntoIterator<Item = FileId>) -> Result<Vec<FileId>> {
    known(db, "SELECT id FROM uploads WHERE id IN (..)", ids).await
}

/// Which of these are files.
pub async fn files_of(db: &Db, ids: impl IntoIterator<Item = FileId>) -> Result<Vec<FileId>> {
    known(db, "SELECT id FROM files WHERE id IN (..)", ids).await
}

async fn known(
    db: &Db,
    text: &'static str,
    ids: impl IntoIterator<Item = FileId>,
) -> Result<Vec<FileId>> {
    let known: Vec<(FileId,)> = sql(text).list(ids).all(db).await?;
    Ok(known.into_iter().map(|(id,)| id).collect())
}

async fn insert_upload(tx: &mut Tx, upload: &Upload) -> Result<u64> {
    sql("INSERT INTO uploads (id, user_id, name, length, received, parts, finished, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    .bind(upload.id)
    .bind(upload.user)
    .bind(&upload.name)
    .bind(upload.length)
    .bind(upload.received)
    .bind(upload.parts)
    .bind(upload.finished)
    .bind(upload.expires_at)
    .run(tx)
    .await
}

/// An upload, for its owner only.
pub async fn upload(db: &Db, user: UserId, id: FileId) -> Result<Option<Upload>> {
    sql("SELECT id, user_id, name, length, received, parts, finished, expires_at
         FROM uploads WHERE id = ? AND user_id = ?")
    .bind(id)
    .bind(user)
    .optional(db)
    .await
}

/// Counts a stored part, if the upload still stands at `from`; tells whether it did.
pub async fn advance_upload(db: &Db, id: FileId, from: i64, to: i64) -> Result<bool> {
    let moved =
        sql("UPDATE uploads SET received = ?, parts = parts + 1 WHERE id = ? AND received = ?")
            .bind(to)
            .bind(id)
            .bind(from)
            .run(db)
            .await?;
    Ok(moved == 1)
}

/// The upload has become this file, and its row stays until `expires_at`. Finishing it again
/// changes nothing.
pub async fn finish_upload(db: &Db, file: &StoredFile, expires_at: i64) -> Result<()> {
    retry(|| async {
        let mut tx = db.begin().await?;
        sql("UPDATE uploads SET finished = ?, expires_at = ? WHERE id = ?")
            .bind(true)
            .bind(expires_at)
            .bind(file.info.id)
            .run(&mut tx)
            .await?;
        match insert_file(&mut tx, file).await {
            Err(Error::Taken(_)) => return Ok(()),
            inserted => inserted?,
        };
        tx.commit().await
    })
    .await
}

async fn insert_file(tx: &mut Tx, file: &StoredFile) -> Result<u64> {
    sql("INSERT INTO files (id, user_id, name, size, mime, width, height, sha256, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
    .bind(file.info.id)
    .bind(file.user)
    .bind(&file.info.name)
    .bind(file.info.size)
    .bind(&file.info.mime)
    .bind(file.info.width)
    .bind(file.info.height)
    .bind(file.sha256.as_slice())
    .bind(file.created_at)
    .run(tx)
    .await
}

pub async fn remove_upload(db: &Db, id: FileId) -> Result<()> {
    sql("DELETE FROM uploads WHERE id = ?").bind(id).run(db).await?;
    Ok(())
}

/// Some uploads that expired before `before`, oldest first: their ids.
pub async fn expired_uploads(db: &Db, before: i64, limit: i64) -> Result<Vec<FileId>> {
    let expired: Vec<(FileId,)> =
        sql("SELECT id FROM uploads WHERE expires_at < ? ORDER BY expires_at LIMIT ?")
            .bind(before)
            .bind(limit)
            .all(db)
            .await?;
    Ok(expired.into_iter().map(|(id,)| id).collect())
}

/// Removes a file that nobody holds; tells whether the file is gone (or never was).
pub async fn remove_unsent(db: &Db, id: FileId) -> Result<bool> {
    sql("DELETE FROM files
         WHERE id = ? AND NOT EXISTS (SELECT 1 FROM file_links WHERE file_id = ?)")
    .bind(id)
    .bind(id)
    .run(db)
    .await?;
    Ok(by_id(db, id).await?.is_none())
}

/// A file, whoever asks.
pub async fn by_id(db: &Db, id: FileId) -> Result<Option<StoredFile>> {
    sql("SELECT id, user_id, name, size, mime, width, height, sha256, created_at FROM files WHERE id = ?")
        .bind(id)
        .optional(db)
        .await
}

/// A file that its uploader may put into a message: fresh, or already sent once, so that the
/// sweeper cannot take it away in the same moment.
pub async fn sendable(db: &Db, user: UserId, id: FileId, now: i64) -> Result<Option<StoredFile>> {
    sql("SELECT id, user_id, name, size, mime, width, height, sha256, created_at FROM files f
         WHERE id = ? AND user_id = ? AND (
             EXISTS (SELECT 1 FROM uploads u WHERE u.id = f.id AND u.expires_at > ?)
             OR EXISTS (SELECT 1 FROM file_links l WHERE l.file_id = f.id))")
    .bind(id)
    .bind(user)
    .bind(now)
    .optional(db)
    .await
}

/// Those of `ids` that exist. Nobody can remove them until the transaction ends, or whoever tries waits.
pub async fn held(tx: &mut Tx, ids: Vec<FileId>) -> Result<HashSet<FileId>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<(FileId,)> = sql("SELECT id FROM files WHERE id IN (..) ORDER BY id")
        .list(ids)
        .locking()
        .all(tx)
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

impl Record for Upload {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Upload {
            id: row.get("id")?,
            user: row.get("user_id")?,
            name: row.get("name")?,
            length: row.get("length")?,
            received: row.get("received")?,
            parts: row.get("parts")?,
            finished: row.get("finished")?,
            expires_at: row.get("expires_at")?,
        })
    }
}

impl Record for StoredFile {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(StoredFile {
            info: FileInfo {
                id: row.get("id")?,
                name: row.get("name")?,
                size: row.get("size")?,
                mime: row.get("mime")?,
                width: row.get("width")?,
                height: row.get("height")?,
            },
            user: row.get("user_id")?,
            sha256: row.get("sha256")?,
            created_at: row.get("created_at")?,
        })
    }
}
