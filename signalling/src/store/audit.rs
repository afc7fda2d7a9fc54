//! The audit: acts that somebody may have to answer for, written in the transaction that does them.

use super::sql::{Db, Record, Result, Row, Tx, sql};
use crate::domain::audit::{Act, Actor, Named, Noted, Target};
use crate::domain::ids::{AuditId, UserId};

/// Writes an act down; it is noted if, and only if, it is done.
pub async fn note(tx: &mut Tx, act: &Act) -> Result<()> {
    let actor = match act.actor {
        Actor::Command => None,
        Actor::User(user) => Some(user),
    };
    let (kind, target) = match act.target {
        Target::User(UserId(id)) => ("user", id),
        Target::Login(login) => ("login", login.0),
    };
    sql("INSERT INTO audit (id, at, actor_id, action, target_kind, target_id, detail)
         VALUES (?, ?, ?, ?, ?, ?, ?)")
    .bind(AuditId::fresh())
    .bind(act.at)
    .bind(actor)
    .bind(act.action)
    .bind(kind)
    .bind(target)
    .bind(act.detail.to_string())
    .run(tx)
    .await?;
    Ok(())
}

/// The newest acts, newest first.
pub async fn newest(db: &Db, limit: i64) -> Result<Vec<Noted>> {
    sql("SELECT a.id, a.at, a.actor_id, who.name AS actor_name, a.action, a.target_kind, a.target_id,
                whom.name AS target_name, a.detail
         FROM audit a LEFT JOIN users who ON who.id = a.actor_id LEFT JOIN users whom ON whom.id = a.target_id
         ORDER BY a.at DESC, a.id DESC LIMIT ?")
    .bind(limit)
    .all(db)
    .await
}

/// Forgets what is older than `before`, in milliseconds since 1970; tells how many acts.
pub async fn forget(db: &Db, before: i64) -> Result<u64> {
    sql("DELETE FROM audit WHERE at < ?").bind(before).run(db).await
}

impl Record for Noted {
    fn from_row(row: &Row) -> Result<Self> {
        let actor: Option<uuid::Uuid> = row.get("actor_id")?;
        let actor_name = row.get("actor_name")?;
        Ok(Noted {
            id: row.get("id")?,
            at: row.get("at")?,
            actor: actor.map(|id| Named { id, name: actor_name }),
            action: row.get("action")?,
            target_kind: row.get("target_kind")?,
            target: Named { id: row.get("target_id")?, name: row.get("target_name")? },
            detail: row.get("detail")?,
        })
    }
}
