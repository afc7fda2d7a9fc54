//! What somebody who is blocked goes on seeing of who blocked them: how it was when that happened.

use super::sql::{Db, Record, Result, Row, Tx, sql};
use crate::domain::ids::{ConversationId, UserId};

/// Somebody as they were when they blocked the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frozen {
    pub seen: UserId,
    pub last_seen_at: i64,
    pub received_seq: i64,
    pub read_seq: i64,
}

/// Keeps for `viewer` how `seen` is now. `there_at` is the time if `seen` is connected: they look as if they left then.
pub async fn freeze(
    tx: &mut Tx,
    viewer: UserId,
    seen: UserId,
    direct: Option<ConversationId>,
    there_at: Option<i64>,
) -> Result<()> {
    thaw(tx, viewer, seen).await?;
    let direct = direct.map_or(uuid::Uuid::nil(), |id| id.0);
    sql("INSERT INTO frozen_views (viewer_id, seen_id, last_seen_at, received_seq, read_seq)
         SELECT ?, id, COALESCE(?, last_seen_at),
                COALESCE((SELECT k.received_seq FROM cursors k
                          WHERE k.conversation_id = ? AND k.user_id = users.id), 0),
                COALESCE((SELECT k.read_seq FROM cursors k
                          WHERE k.conversation_id = ? AND k.user_id = users.id), 0)
         FROM users WHERE id = ?")
    .bind(viewer)
    .bind(there_at)
    .bind(direct)
    .bind(direct)
    .bind(seen)
    .run(tx)
    .await?;
    Ok(())
}

/// The viewer sees `seen` as they are again.
pub async fn thaw(tx: &mut Tx, viewer: UserId, seen: UserId) -> Result<()> {
    sql("DELETE FROM frozen_views WHERE viewer_id = ? AND seen_id = ?")
        .bind(viewer)
        .bind(seen)
        .run(tx)
        .await?;
    Ok(())
}

/// Those of `seen` who have blocked `viewer`, as they were then.
pub async fn of(db: &Db, viewer: UserId, seen: &[UserId]) -> Result<Vec<Frozen>> {
    if seen.is_empty() {
        return Ok(vec![]);
    }
    sql("SELECT seen_id, last_seen_at, received_seq, read_seq FROM frozen_views
         WHERE viewer_id = ? AND seen_id IN (..)")
    .bind(viewer)
    .list(seen.iter().copied())
    .all(db)
    .await
}

impl Record for Frozen {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Frozen {
            seen: row.get("seen_id")?,
            last_seen_at: row.get("last_seen_at")?,
            received_seq: row.get("received_seq")?,
            read_seq: row.get("read_seq")?,
        })
    }
}
