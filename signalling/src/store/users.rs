//! Users: who exists.

use super::files;
use super::sql::{Db, Error, On, Record, Result, Row, Tx, retry, sql};
use crate::domain::file::FileHolder;
use crate::domain::ids::{AppId, AvatarId, UserId};
use crate::domain::text::{name_fold, name_key};
use crate::domain::user::{AccountRole, User};

/// A query for whole users: their columns are listed here alone.
macro_rules! selecting {
    ($from:literal) => {
        concat!(
            "SELECT id, app_id, name, nickname, avatar_id, direct_add, disabled, role, created_at ",
            $from
        )
    };
}

/// Fails with an error that [`name_taken`] knows when somebody else has the name.
pub async fn create<'c>(on: impl Into<On<'c>>, user: &User, password_hash: &str) -> Result<()> {
    sql("INSERT INTO users (id, app_id, name, name_key, name_fold, nickname, password_hash, avatar_id, direct_add,
                            disabled, role, last_seen_at, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(user.id)
        .bind(user.app)
        .bind(&user.name)
        .bind(name_key(&user.name))
        .bind(name_fold(&user.name))
        .bind(&user.nickname)
        .bind(password_hash)
        .bind(user.avatar)
        .bind(user.direct_add)
        .bind(user.disabled)
        .bind(user.role)
        .bind(user.created_at)
        .bind(user.created_at)
        .run(on)
        .await?;
    Ok(())
}

/// Whether somebody could not be created because of their name.
pub fn name_taken(error: &Error) -> bool {
    error.taken("name_key") || error.taken("name_fold")
}

/// By the name as the first releases compared it, then as it is compared now: whoever shares the second with
/// somebody older is still found by the first.
pub async fn by_name(db: &Db, app: AppId, name: &str) -> Result<Option<User>> {
    let exact = sql(selecting!("FROM users WHERE app_id = ? AND name_key = ?"))
        .bind(app)
        .bind(name_key(name))
        .optional(db)
        .await?;
    if exact.is_some() {
        return Ok(exact);
    }
    sql(selecting!("FROM users WHERE app_id = ? AND name_fold = ?"))
        .bind(app)
        .bind(name_fold(name))
        .optional(db)
        .await
}

/// People of the first releases looked at in one transaction by [`fill_name_folds`].
const FILLED_AT_ONCE: i64 = 500;

/// Computes how names are compared now for people whom a former release registered, oldest first: of two whose
/// names have become the same, the older keeps it, and both are found as they were. May run on several nodes at once.
pub async fn fill_name_folds(db: &Db) -> Result<()> {
    let (mut after_time, mut after_id) = (i64::MIN, UserId(uuid::Uuid::nil()));
    loop {
        let people: Vec<(UserId, AppId, String, i64)> =
            sql("SELECT id, app_id, name, created_at FROM users
                 WHERE name_fold IS NULL AND (created_at > ? OR (created_at = ? AND id > ?))
                 ORDER BY created_at, id LIMIT ?")
            .bind(after_time)
            .bind(after_time)
            .bind(after_id)
            .bind(FILLED_AT_ONCE)
            .all(db)
            .await?;
        let Some(&(id, _, _, time)) = people.last() else { return Ok(()) };
        (after_time, after_id) = (time, id);
        retry(|| async {
            let mut tx = db.begin().await?;
            for (id, app, name, _) in &people {
                set_name_fold(&mut tx, *id, *app, &name_fold(name)).await?;
            }
            tx.commit().await
        })
        .await?;
    }
}

async fn set_name_fold(tx: &mut Tx, id: UserId, app: AppId, fold: &str) -> Result<()> {
    let taken: Option<(UserId,)> = sql("SELECT id FROM users WHERE app_id = ? AND name_fold = ?")
        .bind(app)
        .bind(fold)
        .optional(&mut *tx)
        .await?;
    if taken.is_none() {
        sql("UPDATE users SET name_fold = ? WHERE id = ?").bind(fold).bind(id).run(tx).await?;
    }
    Ok(())
}

pub async fn by_id<'c>(on: impl Into<On<'c>>, id: UserId) -> Result<Option<User>> {
    sql(selecting!("FROM users WHERE id = ?")).bind(id).optional(on).await
}

pub async fn by_ids(db: &Db, ids: impl IntoIterator<Item = UserId>) -> Result<Vec<User>> {
    sql(selecting!("FROM users WHERE id IN (..)")).list(ids).all(db).await
}

/// Holds a user's row until the transaction ends, so that changes of their contacts follow each other.
pub async fn lock(tx: &mut Tx, id: UserId) -> Result<()> {
    sql("UPDATE users SET contacts_ver = contacts_ver WHERE id = ?").bind(id).run(tx).await?;
    Ok(())
}

/// Holds the rows of two people, in one order, so that two acts between them follow each other.
pub async fn lock_pair(tx: &mut Tx, a: UserId, b: UserId) -> Result<()> {
    for user in [a.min(b), a.max(b)] {
        lock(tx, user).await?;
    }
    Ok(())
}

/// The stored password hash of a user.
pub async fn password_hash(db: &Db, id: UserId) -> Result<Option<String>> {
    let found: Option<(String,)> =
        sql("SELECT password_hash FROM users WHERE id = ?").bind(id).optional(db).await?;
    Ok(found.map(|(hash,)| hash))
}

pub async fn set_password_hash<'c>(on: impl Into<On<'c>>, id: UserId, hash: &str) -> Result<()> {
    sql("UPDATE users SET password_hash = ? WHERE id = ?").bind(hash).bind(id).run(on).await?;
    Ok(())
}

pub async fn set_profile<'c>(
    on: impl Into<On<'c>>,
    id: UserId,
    nickname: &str,
    direct_add: bool,
) -> Result<()> {
    sql("UPDATE users SET nickname = ?, direct_add = ? WHERE id = ?")
        .bind(nickname)
        .bind(direct_add)
        .bind(id)
        .run(on)
        .await?;
    Ok(())
}

/// Gives somebody a picture, or none, at `at` in milliseconds since 1970; tells which one that replaces. Of several at once, each replaces another one.
pub async fn replace_avatar(
    tx: &mut Tx,
    id: UserId,
    avatar: Option<AvatarId>,
    at: i64,
) -> Result<Option<AvatarId>> {
    lock(tx, id).await?;
    let replaced: Option<(Option<AvatarId>,)> =
        sql("SELECT avatar_id FROM users WHERE id = ?").bind(id).optional(&mut *tx).await?;
    let replaced = replaced.and_then(|(replaced,)| replaced);
    sql("UPDATE users SET avatar_id = ? WHERE id = ?").bind(avatar).bind(id).run(&mut *tx).await?;
    if let Some(old) = replaced {
        files::release(tx, old.0, FileHolder::User(id), at).await?;
    }
    files::hold(tx, avatar.map(|new| (new.0, FileHolder::User(id)))).await?;
    Ok(replaced)
}

/// Gives somebody a role; tells which one that replaces.
pub async fn replace_role(tx: &mut Tx, id: UserId, role: AccountRole) -> Result<AccountRole> {
    let (replaced,): (AccountRole,) =
        sql("SELECT role FROM users WHERE id = ?").bind(id).locking().one(&mut *tx).await?;
    sql("UPDATE users SET role = ? WHERE id = ?").bind(role).bind(id).run(tx).await?;
    Ok(replaced)
}

/// When the first person came; `None` where there is nobody.
pub async fn first_created_at(db: &Db) -> Result<Option<i64>> {
    let first: Option<(i64,)> =
        sql("SELECT created_at FROM users ORDER BY created_at LIMIT 1").optional(db).await?;
    Ok(first.map(|(at,)| at))
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
            role: row.get("role")?,
            created_at: row.get("created_at")?,
        })
    }
}
