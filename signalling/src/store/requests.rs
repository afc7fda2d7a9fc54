//! Contact requests: at most one per ordered pair; asking again renews it.

use super::sql::{Db, On, Record, Result, Row, Tx, per_engine, sql};
use crate::domain::contact::{RequestStatus, Way};
use crate::domain::cursor::Cursor;
use crate::domain::ids::{RequestId, UserId};

#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub id: RequestId,
    pub from: UserId,
    pub to: UserId,
    pub message: String,
    pub way: Way,
    pub status: RequestStatus,
    pub seen: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

const COLUMNS_BY_ID: &str =
    "SELECT id, from_id, to_id, message, way, status, seen, created_at, updated_at
     FROM contact_requests WHERE id = ?";

/// Inserts or renews; the id of the first time stays.
pub async fn put(tx: &mut Tx, request: &Request) -> Result<()> {
    per_engine(
        "INSERT INTO contact_requests (id, from_id, to_id, message, way, status, seen, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE message = VALUES(message), way = VALUES(way), status = VALUES(status),
                                 seen = VALUES(seen), updated_at = VALUES(updated_at)",
        "INSERT INTO contact_requests (id, from_id, to_id, message, way, status, seen, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (from_id, to_id) DO UPDATE SET message = excluded.message, way = excluded.way,
                     status = excluded.status, seen = excluded.seen, updated_at = excluded.updated_at",
    )
    .bind(request.id)
    .bind(request.from)
    .bind(request.to)
    .bind(&request.message)
    .bind(request.way)
    .bind(request.status)
    .bind(request.seen)
    .bind(request.created_at)
    .bind(request.updated_at)
    .run(tx)
    .await?;
    Ok(())
}

pub async fn by_id<'c>(on: impl Into<On<'c>>, id: RequestId) -> Result<Option<Request>> {
    sql(COLUMNS_BY_ID).bind(id).optional(on).await
}

pub async fn between<'c>(
    on: impl Into<On<'c>>,
    from: UserId,
    to: UserId,
) -> Result<Option<Request>> {
    sql("SELECT id, from_id, to_id, message, way, status, seen, created_at, updated_at
         FROM contact_requests WHERE from_id = ? AND to_id = ?")
    .bind(from)
    .bind(to)
    .optional(on)
    .await
}

pub async fn set_status(tx: &mut Tx, id: RequestId, status: RequestStatus, at: i64) -> Result<()> {
    sql("UPDATE contact_requests SET status = ?, seen = 1, updated_at = ? WHERE id = ?")
        .bind(status)
        .bind(at)
        .bind(id)
        .run(tx)
        .await?;
    Ok(())
}

/// Those that somebody has received, behind `before`, newest first. What came from whom they had blocked never arrived.
pub async fn incoming(db: &Db, user: UserId, before: Cursor, limit: i64) -> Result<Vec<Request>> {
    sql("SELECT id, from_id, to_id, message, way, status, seen, created_at, updated_at
         FROM contact_requests WHERE to_id = ? AND status <> 'blocked'
           AND (updated_at < ? OR (updated_at = ? AND id < ?))
         ORDER BY updated_at DESC, id DESC LIMIT ?")
    .bind(user)
    .bind(before.at)
    .bind(before.at)
    .bind(before.id)
    .bind(limit)
    .all(db)
    .await
}

/// Those that somebody has sent, behind `before`, newest first.
pub async fn outgoing(db: &Db, user: UserId, before: Cursor, limit: i64) -> Result<Vec<Request>> {
    sql("SELECT id, from_id, to_id, message, way, status, seen, created_at, updated_at
         FROM contact_requests WHERE from_id = ?
           AND (updated_at < ? OR (updated_at = ? AND id < ?))
         ORDER BY updated_at DESC, id DESC LIMIT ?")
    .bind(user)
    .bind(before.at)
    .bind(before.at)
    .bind(before.id)
    .bind(limit)
    .all(db)
    .await
}

/// Pending ones in either direction between `me` and any of `peers`: (from, to).
pub async fn pending_among(db: &Db, me: UserId, peers: &[UserId]) -> Result<Vec<(UserId, UserId)>> {
    let mut pairs: Vec<(UserId, UserId)> = sql("SELECT from_id, to_id FROM contact_requests
         WHERE status = 'pending' AND to_id = ? AND from_id IN (..)")
    .bind(me)
    .list(peers.iter().copied())
    .all(db)
    .await?;
    pairs.extend(
        sql("SELECT from_id, to_id FROM contact_requests
             WHERE status IN ('pending', 'blocked') AND from_id = ? AND to_id IN (..)")
        .bind(me)
        .list(peers.iter().copied())
        .all::<(UserId, UserId)>(db)
        .await?,
    );
    Ok(pairs)
}

pub async fn unread(db: &Db, user: UserId) -> Result<i64> {
    let (n,) = sql("SELECT COUNT(*) FROM contact_requests
                    WHERE to_id = ? AND seen = 0 AND status = 'pending'")
    .bind(user)
    .one(db)
    .await?;
    Ok(n)
}

pub async fn mark_seen(db: &Db, user: UserId) -> Result<()> {
    sql("UPDATE contact_requests SET seen = 1 WHERE to_id = ? AND seen = 0")
        .bind(user)
        .run(db)
        .await?;
    Ok(())
}

impl Record for Request {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Request {
            id: row.get("id")?,
            from: row.get("from_id")?,
            to: row.get("to_id")?,
            message: row.get("message")?,
            way: row.get("way")?,
            status: row.get("status")?,
            seen: row.get("seen")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}
