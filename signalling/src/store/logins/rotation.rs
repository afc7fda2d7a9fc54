//! Trades of refresh tokens: what replaced what, and what still works for a moment.

use super::{TokenHash, Tokens};
use crate::domain::ids::LoginId;
use crate::store::sql::{Db, On, Record, Result, Row, sql};

/// The trade of a refresh token: which one, and what the current tokens were derived with.
#[derive(Clone, Debug)]
pub struct Rotation {
    pub former_refresh_hash: Option<Vec<u8>>,
    pub salt: Option<Vec<u8>>,
    pub rotated_at: Option<i64>,
    pub access_hash: Vec<u8>,
    pub access_expires_at: i64,
    pub refresh_hash: Vec<u8>,
    pub refresh_expires_at: i64,
}

/// A refresh token and what it is to be replaced by.
#[derive(Clone, Copy, Debug)]
pub struct Trade {
    pub used: TokenHash,
    pub new: Tokens,
    /// What the new tokens were derived with.
    pub salt: [u8; 32],
    /// In milliseconds since 1970.
    pub at: i64,
    /// The access token that is replaced works until then, unless it ends before.
    pub former_access_until: i64,
}

/// Replaces both tokens if the refresh token is still the one used; of two who use it at once, one wins. The other
/// finds in [`rotation`] what it was replaced by.
pub async fn rotate(db: &Db, login: LoginId, trade: &Trade) -> Result<bool> {
    // MySQL assigns in this order, so what is former comes first
    let rows = sql("UPDATE logins SET
             former_access_until = CASE WHEN access_expires_at < ? THEN access_expires_at ELSE ? END,
             former_access_hash = access_hash, access_hash = ?, access_expires_at = ?, refresh_hash = ?,
             refresh_expires_at = ?, former_refresh_hash = ?, rotation_salt = ?, rotated_at = ?, last_seen_at = ?
         WHERE id = ? AND refresh_hash = ?")
    .bind(trade.former_access_until)
    .bind(trade.former_access_until)
    .bind(trade.new.access_hash)
    .bind(trade.new.access_expires_at)
    .bind(trade.new.refresh_hash)
    .bind(trade.new.refresh_expires_at)
    .bind(trade.used)
    .bind(trade.salt)
    .bind(trade.at)
    .bind(trade.at)
    .bind(login)
    .bind(trade.used)
    .run(db)
    .await?;
    Ok(rows == 1)
}

/// Lets nobody in any more with the access token before the current one.
pub async fn end_grace<'c>(on: impl Into<On<'c>>, login: LoginId) -> Result<()> {
    sql("UPDATE logins SET former_access_hash = NULL, former_access_until = NULL WHERE id = ?")
        .bind(login)
        .run(on)
        .await?;
    Ok(())
}

pub async fn rotation(db: &Db, login: LoginId) -> Result<Option<Rotation>> {
    sql("SELECT former_refresh_hash, rotation_salt, rotated_at, access_hash, access_expires_at, refresh_hash,
                refresh_expires_at
         FROM logins WHERE id = ?")
    .bind(login)
    .optional(db)
    .await
}

impl Record for Rotation {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Rotation {
            former_refresh_hash: row.get("former_refresh_hash")?,
            salt: row.get("rotation_salt")?,
            rotated_at: row.get("rotated_at")?,
            access_hash: row.get("access_hash")?,
            access_expires_at: row.get("access_expires_at")?,
            refresh_hash: row.get("refresh_hash")?,
            refresh_expires_at: row.get("refresh_expires_at")?,
        })
    }
}
