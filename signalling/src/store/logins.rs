//! Logins: signed-in devices and the hashes of their tokens.

use super::sql::{Db, Record, Result, Row, Tx, retry, sql};
use crate::domain::ids::{AppId, DeviceId, LoginId, UserId};
use crate::domain::login::{Device, DeviceKind};

/// A token as stored: SHA-256 of its secret half.
pub type TokenHash = [u8; 32];

/// Both tokens of a login, hashed, with the times at which they end.
#[derive(Clone, Copy, Debug)]
pub struct Tokens {
    pub access_hash: TokenHash,
    pub access_expires_at: i64,
    pub refresh_hash: TokenHash,
    pub refresh_expires_at: i64,
}

/// A login with its owner, as needed to let somebody in.
#[derive(Clone, Debug)]
pub struct Holder {
    pub login: LoginId,
    pub user: UserId,
    pub app: AppId,
    pub disabled: bool,
    pub last_seen_at: i64,
    pub access_hash: Vec<u8>,
    pub access_expires_at: i64,
    pub refresh_hash: Vec<u8>,
    pub refresh_expires_at: i64,
}

#[derive(Clone, Debug)]
pub struct NewLogin {
    pub id: LoginId,
    pub user: UserId,
    pub device: Device,
    pub device_id: DeviceId,
    pub address: String,
    pub tokens: Tokens,
    pub at: i64,
}

/// A login as its owner sees it in the list of devices.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: LoginId,
    pub device: Device,
    pub address: String,
    pub created_at: i64,
    pub last_seen_at: i64,
}

/// Creates a login and returns the one of the same device that it replaces.
pub async fn create(db: &Db, new: &NewLogin) -> Result<Option<LoginId>> {
    retry(|| async {
        let mut tx = db.begin().await?;
        lock(&mut tx, new.user).await?;
        let replaced: Option<(LoginId,)> =
            sql("SELECT id FROM logins WHERE user_id = ? AND device_id = ?")
                .bind(new.user)
                .bind(new.device_id)
                .optional(&mut tx)
                .await?;
        if let Some((old,)) = replaced {
            sql("DELETE FROM logins WHERE id = ?").bind(old).run(&mut tx).await?;
        }
        sql("INSERT INTO logins (id, user_id, device_id, device_kind, device_name, address, access_hash,
                                 access_expires_at, refresh_hash, refresh_expires_at, created_at, last_seen_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(new.id)
            .bind(new.user)
            .bind(new.device_id)
            .bind(new.device.kind)
            .bind(&new.device.name)
            .bind(&new.address)
            .bind(new.tokens.access_hash)
            .bind(new.tokens.access_expires_at)
            .bind(new.tokens.refresh_hash)
            .bind(new.tokens.refresh_expires_at)
            .bind(new.at)
            .bind(new.at)
            .run(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(replaced.map(|(old,)| old))
    })
    .await
}

pub async fn holder(db: &Db, login: LoginId) -> Result<Option<Holder>> {
    sql("SELECT l.id, l.user_id, u.app_id, u.disabled, l.last_seen_at, l.access_hash, l.access_expires_at,
                l.refresh_hash, l.refresh_expires_at
         FROM logins l JOIN users u ON u.id = l.user_id WHERE l.id = ?")
        .bind(login)
        .optional(db)
        .await
}

/// Replaces both tokens if the refresh token is still `used`; of two who use it at once, one wins.
pub async fn rotate(
    db: &Db,
    login: LoginId,
    used: TokenHash,
    new: &Tokens,
    at: i64,
) -> Result<bool> {
    let rows = sql(
        "UPDATE logins SET access_hash = ?, access_expires_at = ?, refresh_hash = ?, refresh_expires_at = ?,
                           last_seen_at = ?
         WHERE id = ? AND refresh_hash = ?",
    )
    .bind(new.access_hash)
    .bind(new.access_expires_at)
    .bind(new.refresh_hash)
    .bind(new.refresh_expires_at)
    .bind(at)
    .bind(login)
    .bind(used)
    .run(db)
    .await?;
    Ok(rows == 1)
}

pub async fn touch(db: &Db, login: LoginId, at: i64) -> Result<()> {
    sql("UPDATE logins SET last_seen_at = ? WHERE id = ?").bind(at).bind(login).run(db).await?;
    Ok(())
}

pub async fn list(db: &Db, user: UserId) -> Result<Vec<Listed>> {
    sql("SELECT id, device_id, device_kind, device_name, address, created_at, last_seen_at
         FROM logins WHERE user_id = ? ORDER BY last_seen_at DESC")
    .bind(user)
    .all(db)
    .await
}

/// Ends one login of this user; false when there is none.
pub async fn delete(db: &Db, user: UserId, login: LoginId) -> Result<bool> {
    let rows = sql("DELETE FROM logins WHERE id = ? AND user_id = ?")
        .bind(login)
        .bind(user)
        .run(db)
        .await?;
    Ok(rows > 0)
}

/// Ends every login of this user but one, and returns those.
pub async fn delete_all_but(db: &Db, user: UserId, keep: LoginId) -> Result<Vec<LoginId>> {
    retry(|| async {
        let mut tx = db.begin().await?;
        lock(&mut tx, user).await?;
        let others: Vec<(LoginId,)> = sql("SELECT id FROM logins WHERE user_id = ? AND id <> ?")
            .bind(user)
            .bind(keep)
            .all(&mut tx)
            .await?;
        sql("DELETE FROM logins WHERE user_id = ? AND id <> ?")
            .bind(user)
            .bind(keep)
            .run(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(others.into_iter().map(|(id,)| id).collect())
    })
    .await
}

/// Makes those who sign in and out as this user take turns, so that each is told of every login it ends.
async fn lock(tx: &mut Tx, user: UserId) -> Result<()> {
    let _: Option<(UserId,)> =
        sql("SELECT id FROM users WHERE id = ?").bind(user).locking().optional(tx).await?;
    Ok(())
}

impl Record for Holder {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Holder {
            login: row.get("id")?,
            user: row.get("user_id")?,
            app: row.get("app_id")?,
            disabled: row.get("disabled")?,
            last_seen_at: row.get("last_seen_at")?,
            access_hash: row.get("access_hash")?,
            access_expires_at: row.get("access_expires_at")?,
            refresh_hash: row.get("refresh_hash")?,
            refresh_expires_at: row.get("refresh_expires_at")?,
        })
    }
}

impl Record for Listed {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Listed {
            id: row.get("id")?,
            device: Device {
                id: Some(row.get("device_id")?),
                kind: row.get::<DeviceKind, _>("device_kind")?,
                name: row.get("device_name")?,
            },
            address: row.get("address")?,
            created_at: row.get("created_at")?,
            last_seen_at: row.get("last_seen_at")?,
        })
    }
}
