//! Logins: signed-in devices and the hashes of their tokens.

mod rotation;

pub use self::rotation::{Rotation, Trade, end_grace, rotate, rotation};
use serde_json::json;

use super::sql::{Db, On, Record, Result, Row, Tx, retry, sql};
use super::{audit, users};
use crate::domain::audit::{Act, Action, Actor, Target};
use crate::domain::ids::{AppId, DeviceId, LoginId, UserId};
use crate::domain::login::{Device, DeviceKind};
use crate::domain::user::{AccountRole, User};

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
    pub role: AccountRole,
    pub last_seen_at: i64,
    pub access_hash: Vec<u8>,
    pub access_expires_at: i64,
    pub refresh_hash: Vec<u8>,
    pub refresh_expires_at: i64,
    /// The access token before the current one, and when it ends in milliseconds since 1970.
    pub former_access: Option<(Vec<u8>, i64)>,
}

#[derive(Clone, Debug)]
pub struct NewLogin {
    pub id: LoginId,
    pub user: UserId,
    pub device: Device,
    pub device_id: DeviceId,
    pub address: String,
    pub tokens: Tokens,
    /// Where it was made, for [`knows`].
    pub marks: Vec<Mark>,
    pub at: i64,
}

/// The hash of a device or network that somebody signs in from.
pub type Mark = [u8; 32];

/// Devices and networks remembered of one person; those not seen for longest are forgotten.
const MARKS_MAX: usize = 64;

/// What a password was found right against, and what must still be stored when its login is made.
#[derive(Clone, Debug)]
pub struct Proof {
    pub stored_hash: String,
    /// Takes its place in the same transaction.
    pub renewed_hash: Option<String>,
}

/// What became of a login that was to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It took the place of the same device's former one, if there was one.
    Replacing(Option<LoginId>),
    /// The password has changed, or the account was disabled, since it was verified.
    Disproved,
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

/// Creates a login, if the password it was asked for with is still the one stored.
pub async fn create(db: &Db, new: &NewLogin, proof: &Proof) -> Result<Made> {
    retry(|| async {
        let mut tx = db.begin().await?;
        match lock(&mut tx, new.user).await? {
            Some(holds) if holds.password_hash == proof.stored_hash && !holds.disabled => {}
            _ => return Ok(Made::Disproved),
        }
        if let Some(hash) = &proof.renewed_hash {
            users::set_password_hash(&mut tx, new.user, hash).await?;
        }
        let replaced = insert(&mut tx, new).await?;
        tx.commit().await?;
        Ok(Made::Replacing(replaced))
    })
    .await
}

/// Creates an account and its first login. Fails with `taken` like [`users::create`].
pub async fn create_with_account(
    db: &Db,
    user: &User,
    password_hash: &str,
    new: &NewLogin,
) -> Result<()> {
    retry(|| async {
        let mut tx = db.begin().await?;
        users::create(&mut tx, user, password_hash).await?;
        insert(&mut tx, new).await?;
        tx.commit().await
    })
    .await
}

/// Inserts a login and returns the one of the same device that it replaces.
async fn insert(tx: &mut Tx, new: &NewLogin) -> Result<Option<LoginId>> {
    let replaced: Option<(LoginId,)> =
        sql("SELECT id FROM logins WHERE user_id = ? AND device_id = ?")
            .bind(new.user)
            .bind(new.device_id)
            .optional(&mut *tx)
            .await?;
    if let Some((old,)) = replaced {
        sql("DELETE FROM logins WHERE id = ?").bind(old).run(&mut *tx).await?;
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
    .run(&mut *tx)
    .await?;
    remember(tx, new).await?;
    Ok(replaced.map(|(old,)| old))
}

async fn remember(tx: &mut Tx, new: &NewLogin) -> Result<()> {
    for mark in &new.marks {
        let statement = match knows_mark(&mut *tx, new.user, mark).await? {
            true => sql("UPDATE known_devices SET seen_at = ? WHERE user_id = ? AND mark = ?"),
            false => sql("INSERT INTO known_devices (seen_at, user_id, mark) VALUES (?, ?, ?)"),
        };
        statement.bind(new.at).bind(new.user).bind(*mark).run(&mut *tx).await?;
    }
    let all: Vec<(Vec<u8>,)> =
        sql("SELECT mark FROM known_devices WHERE user_id = ? ORDER BY seen_at DESC, mark")
            .bind(new.user)
            .all(&mut *tx)
            .await?;
    for (old,) in all.into_iter().skip(MARKS_MAX) {
        sql("DELETE FROM known_devices WHERE user_id = ? AND mark = ?")
            .bind(new.user)
            .bind(&old[..])
            .run(&mut *tx)
            .await?;
    }
    Ok(())
}

async fn knows_mark<'c>(on: impl Into<On<'c>>, user: UserId, mark: &Mark) -> Result<bool> {
    let found: Option<(i64,)> =
        sql("SELECT seen_at FROM known_devices WHERE user_id = ? AND mark = ?")
            .bind(user)
            .bind(*mark)
            .optional(on)
            .await?;
    Ok(found.is_some())
}

/// Whether this person has signed in from there before.
pub async fn knows(db: &Db, user: UserId, mark: &Mark) -> Result<bool> {
    knows_mark(db, user, mark).await
}

pub async fn holder(db: &Db, login: LoginId) -> Result<Option<Holder>> {
    sql("SELECT l.id, l.user_id, u.app_id, u.disabled, u.role, l.last_seen_at, l.access_hash,
                l.access_expires_at, l.refresh_hash, l.refresh_expires_at, l.former_access_hash, l.former_access_until
         FROM logins l JOIN users u ON u.id = l.user_id WHERE l.id = ?")
        .bind(login)
        .optional(db)
        .await
}

/// Those of some logins that still let their holders in.
pub async fn valid(db: &Db, logins: &[LoginId], now: i64) -> Result<Vec<LoginId>> {
    let found: Vec<(LoginId,)> = sql("SELECT l.id FROM logins l JOIN users u ON u.id = l.user_id
         WHERE l.id IN (..) AND l.refresh_expires_at > ? AND u.disabled = 0")
    .list(logins.iter().copied())
    .bind(now)
    .all(db)
    .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
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

/// Ends one login of this user; false when there is none. It is noted if another login than itself asked for it.
pub async fn delete(db: &Db, user: UserId, login: LoginId, asks: LoginId, at: i64) -> Result<bool> {
    retry(|| async {
        let mut tx = db.begin().await?;
        let device: Option<(String,)> =
            sql("SELECT device_name FROM logins WHERE id = ? AND user_id = ?")
                .bind(login)
                .bind(user)
                .locking()
                .optional(&mut tx)
                .await?;
        let Some((device,)) = device else { return Ok(false) };
        sql("DELETE FROM logins WHERE id = ?").bind(login).run(&mut tx).await?;
        if login != asks {
            let (actor, target) = (Actor::User(user), Target::Login(login));
            let detail = json!({ "device": device });
            let act = Act { actor, action: Action::RevokeLogin, target, detail, at };
            audit::note(&mut tx, &act).await?;
        }
        tx.commit().await?;
        Ok(true)
    })
    .await
}

/// Stores a new password hash and ends every login of this user but the one that asks; returns those. Nothing
/// happens, and there is nothing to return, when the asking login is over or the password is not `proven` any more.
pub async fn change_password(
    db: &Db,
    user: UserId,
    keep: LoginId,
    proven: &str,
    hash: &str,
    at: i64,
) -> Result<Option<Vec<LoginId>>> {
    retry(|| async {
        let mut tx = db.begin().await?;
        let holds = lock(&mut tx, user).await?;
        if holds.is_none_or(|holds| holds.password_hash != proven || holds.disabled) {
            return Ok(None);
        }
        let all: Vec<(LoginId,)> =
            sql("SELECT id FROM logins WHERE user_id = ?").bind(user).all(&mut tx).await?;
        if !all.contains(&(keep,)) {
            return Ok(None);
        }
        users::set_password_hash(&mut tx, user, hash).await?;
        sql("DELETE FROM logins WHERE user_id = ? AND id <> ?")
            .bind(user)
            .bind(keep)
            .run(&mut tx)
            .await?;
        end_grace(&mut tx, keep).await?;
        let ended: Vec<_> = all.into_iter().map(|(id,)| id).filter(|id| *id != keep).collect();
        let (actor, target) = (Actor::User(user), Target::User(user));
        let detail = json!({ "logins_ended": ended.len() });
        let act = Act { actor, action: Action::ChangePassword, target, detail, at };
        audit::note(&mut tx, &act).await?;
        tx.commit().await?;
        Ok(Some(ended))
    })
    .await
}

/// What a login of this user depends on.
struct Holds {
    password_hash: String,
    disabled: bool,
}

/// Makes those who sign in and out as this user take turns, so that each is told of every login it ends.
async fn lock(tx: &mut Tx, user: UserId) -> Result<Option<Holds>> {
    let found: Option<(String, bool)> =
        sql("SELECT password_hash, disabled FROM users WHERE id = ?")
            .bind(user)
            .locking()
            .optional(tx)
            .await?;
    Ok(found.map(|(password_hash, disabled)| Holds { password_hash, disabled }))
}

impl Record for Holder {
    fn from_row(row: &Row) -> Result<Self> {
        let former: Option<Vec<u8>> = row.get("former_access_hash")?;
        Ok(Holder {
            login: row.get("id")?,
            user: row.get("user_id")?,
            app: row.get("app_id")?,
            disabled: row.get("disabled")?,
            role: row.get("role")?,
            last_seen_at: row.get("last_seen_at")?,
            access_hash: row.get("access_hash")?,
            access_expires_at: row.get("access_expires_at")?,
            refresh_hash: row.get("refresh_hash")?,
            refresh_expires_at: row.get("refresh_expires_at")?,
            former_access: former.zip(row.get("former_access_until")?),
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
