//! Users: who exists.

use super::sql::{Db, On, Record, Result, Row, Tx, sql};
use crate::domain::ids::{AppId, AvatarId, UserId};
use crate::domain::text::name_key;
use crate::domain::user::User;

/// Fails with `taken("name_key")` when somebody else has the name.
pub async fn create(db: &Db, user: &User, password_hash: &str) -> Result<()> {
    sql("INSERT INTO users (id, app_id, name, name_key, nickname, password_hash, avatar_id, direct_add, disabled,
                            last_seen_at, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(user.id)
        .bind(user.app)
        .bind(&user.name)
        .bind(name_key(&user.name))
        .bind(&user.nickname)
        .bind(password_hash)
        .bind(user.avatar)
        .bind(user.direct_add)
        .bind(user.disabled)
        .bind(user.created_at)
        .bind(user.created_at)
        .run(db)
        .await?;
    Ok(())
}

pub async fn by_name(db: &Db, app: AppId, name: &str) -> Result<Option<User>> {
    sql("SELECT id, app_id, name, nickname, avatar_id, direct_add, disabled, created_at
         FROM users WHERE app_id = ? AND name_key = ?")
    .bind(app)
    .bind(name_key(name))
    .optional(db)
    .await
}

pub async fn by_id<'c>(on: impl Into<On<'c>>, id: UserId) -> Result<Option<User>> {
    sql("SELECT id, app_id, name, nickname, avatar_id, direct_add, disabled, created_at
         FROM users WHERE id = ?")
    .bind(id)
    .optional(on)
    .await
}

pub async fn by_ids(db: &Db, ids: impl IntoIterator<Item = UserId>) -> Result<Vec<User>> {
    sql("SELECT id, app_id, name, nickname, avatar_id, direct_add, disabled, created_at
         FROM users WHERE id IN (..)")
    .list(ids)
    .all(db)
    .await
}

/// Holds a user's row until the transaction ends, so that changes of their contacts follow each other.
pub async fn lock(tx: &mut Tx, id: UserId) -> Result<()> {
    sql("UPDATE users SET contacts_ver = contacts_ver WHERE id = ?").bind(id).run(tx).await?;
    Ok(())
}

/// The stored password hash of a user.
pub async fn password_hash(db: &Db, id: UserId) -> Result<Option<String>> {
    let found: Option<(String,)> =
        sql("SELECT password_hash FROM users WHERE id = ?").bind(id).optional(db).await?;
    Ok(found.map(|(hash,)| hash))
}

pub async fn set_password_hash(db: &Db, id: UserId, hash: &str) -> Result<()> {
    sql("UPDATE users SET password_hash = ? WHERE id = ?").bind(hash).bind(id).run(db).await?;
    Ok(())
}

pub async fn set_profile(db: &Db, id: UserId, nickname: &str, direct_add: bool) -> Result<()> {
    sql("UPDATE users SET nickname = ?, direct_add = ? WHERE id = ?")
        .bind(nickname)
        .bind(direct_add)
        .bind(id)
        .run(db)
        .await?;
    Ok(())
}

pub async fn set_avatar(db: &Db, id: UserId, avatar: Option<AvatarId>) -> Result<()> {
    sql("UPDATE users SET avatar_id = ? WHERE id = ?").bind(avatar).bind(id).run(db).await?;
    Ok(())
}

pub async fn set_last_seen(db: &Db, id: UserId, at: i64) -> Result<()> {
    sql("UPDATE users SET last_seen_at = ? WHERE id = ?").bind(at).bind(id).run(db).await?;
    Ok(())
}

pub async fn last_seen(
    db: &Db,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<Vec<(UserId, i64)>> {
    sql("SELECT id, last_seen_at FROM users WHERE id IN (..)").list(ids).all(db).await
}

impl Record for User {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(User {
            id: row.get("id")?,
            app: row.get("app_id")?,
            name: row.get("name")?,
            nickname: row.get("nickname")?,
            avatar: row.get("avatar_id")?,
            direct_add: row.get("direct_add")?,
            disabled: row.get("disabled")?,
            created_at: row.get("created_at")?,
        })
    }
}
