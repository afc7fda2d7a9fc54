//! Whom a moderator put out of a group call: remembered until the call is over, whichever process has it.

use std::collections::HashSet;

use super::sql::{Db, Result, per_engine, sql};
use crate::domain::ids::{CallId, UserId};

/// No call goes on for longer after it was last heard of: the facts that its people carry are good for a day.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Remembers a removal, and forgets those of calls that ended with their node.
pub async fn put(db: &Db, call: CallId, user: UserId, now: i64) -> Result<()> {
    per_engine(
        "INSERT IGNORE INTO call_removals (call_id, user_id, removed_at) VALUES (?, ?, ?)",
        "INSERT OR IGNORE INTO call_removals (call_id, user_id, removed_at) VALUES (?, ?, ?)",
    )
    .bind(call.0)
    .bind(user)
    .bind(now)
    .run(db)
    .await?;
    sql("DELETE FROM call_removals WHERE removed_at < ?").bind(now - KEPT_MS).run(db).await?;
    Ok(())
}

pub async fn of(db: &Db, call: CallId) -> Result<HashSet<UserId>> {
    let users: Vec<(UserId,)> =
        sql("SELECT user_id FROM call_removals WHERE call_id = ?").bind(call.0).all(db).await?;
    Ok(users.into_iter().map(|(user,)| user).collect())
}

/// The call is over.
pub async fn forget(db: &Db, call: CallId) -> Result<()> {
    sql("DELETE FROM call_removals WHERE call_id = ?").bind(call.0).run(db).await?;
    Ok(())
}
