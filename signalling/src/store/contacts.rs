//! Contacts and blocks: one row per side, versioned per owner for incremental sync.

use super::sql::{Db, On, Record, Result, Row, Tx, per_engine, sql};
use crate::domain::contact::{Bond, Side};
use crate::domain::ids::UserId;

/// One row of somebody's contact list.
#[derive(Clone, Debug)]
pub struct Entry {
    pub peer: UserId,
    pub side: Side,
    pub remark: Option<String>,
    pub ver: i64,
}

/// What `me` and `peer` are to each other.
pub async fn bond<'c>(on: impl Into<On<'c>>, me: UserId, peer: UserId) -> Result<Bond> {
    let sides: Vec<(UserId, bool, bool)> = sql("SELECT user_id, contact, blocked FROM contacts
         WHERE user_id = ? AND peer_id = ?
         UNION ALL SELECT user_id, contact, blocked FROM contacts WHERE user_id = ? AND peer_id = ?")
    .bind(me)
    .bind(peer)
    .bind(peer)
    .bind(me)
    .all(on)
    .await?;
    let mut bond = Bond::default();
    for (user, contact, blocked) in sides {
        let side = if user == me { &mut bond.mine } else { &mut bond.theirs };
        *side = Side { contact, blocked };
    }
    Ok(bond)
}

/// My sides towards many people; those without a row are strangers.
pub async fn sides(
    db: &Db,
    me: UserId,
    peers: impl IntoIterator<Item = UserId>,
) -> Result<Vec<Entry>> {
    sql("SELECT peer_id, contact, blocked, remark, ver FROM contacts
         WHERE user_id = ? AND peer_id IN (..)")
    .bind(me)
    .list(peers)
    .all(db)
    .await
}

/// Sets one side, gives it the owner's next version and returns that.
pub async fn set_side(tx: &mut Tx, owner: UserId, peer: UserId, side: Side) -> Result<i64> {
    let ver = next_ver(tx, owner).await?;
    per_engine(
        "INSERT INTO contacts (user_id, peer_id, contact, blocked, ver) VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE contact = VALUES(contact), blocked = VALUES(blocked), ver = VALUES(ver)",
        "INSERT INTO contacts (user_id, peer_id, contact, blocked, ver) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (user_id, peer_id) DO UPDATE
         SET contact = excluded.contact, blocked = excluded.blocked, ver = excluded.ver",
    )
    .bind(owner)
    .bind(peer)
    .bind(side.contact)
    .bind(side.blocked)
    .bind(ver)
    .run(tx)
    .await?;
    Ok(ver)
}

/// False when they are no contact of `owner`.
pub async fn set_remark(
    tx: &mut Tx,
    owner: UserId,
    peer: UserId,
    remark: Option<&str>,
) -> Result<bool> {
    let ver = next_ver(tx, owner).await?;
    let rows = sql("UPDATE contacts SET remark = ?, ver = ?
                    WHERE user_id = ? AND peer_id = ? AND contact = 1")
    .bind(remark)
    .bind(ver)
    .bind(owner)
    .bind(peer)
    .run(tx)
    .await?;
    Ok(rows > 0)
}

/// Gives the entry of `peer` a new version in the lists of `owners`, because what it shows has changed.
pub async fn touch(tx: &mut Tx, peer: UserId, owners: &[UserId]) -> Result<()> {
    sql("UPDATE users SET contacts_ver = contacts_ver + 1 WHERE id IN (..)")
        .list(owners.iter().copied())
        .run(&mut *tx)
        .await?;
    sql("UPDATE contacts
         SET ver = (SELECT contacts_ver FROM users WHERE users.id = contacts.user_id)
         WHERE peer_id = ? AND user_id IN (..)")
    .bind(peer)
    .list(owners.iter().copied())
    .run(tx)
    .await?;
    Ok(())
}

/// What `peer` is in the lists of `owners`.
pub async fn about(db: &Db, peer: UserId, owners: &[UserId]) -> Result<Vec<(UserId, Entry)>> {
    let found: Vec<About> =
        sql("SELECT user_id, peer_id, contact, blocked, remark, ver FROM contacts
             WHERE user_id IN (..) AND peer_id = ?")
        .list(owners.iter().copied())
        .bind(peer)
        .all(db)
        .await?;
    Ok(found.into_iter().map(|About(owner, entry)| (owner, entry)).collect())
}

/// What changed in a contact list after `after_ver`, oldest change first.
pub async fn since(db: &Db, owner: UserId, after_ver: i64, limit: i64) -> Result<Vec<Entry>> {
    sql("SELECT peer_id, contact, blocked, remark, ver FROM contacts
         WHERE user_id = ? AND ver > ? ORDER BY ver LIMIT ?")
    .bind(owner)
    .bind(after_ver)
    .bind(limit)
    .all(db)
    .await
}

/// Whom `owner` has blocked before that `ver`, which is unique in a list, the last first.
pub async fn blocked(
    db: &Db,
    owner: UserId,
    before_ver: i64,
    limit: i64,
) -> Result<Vec<(UserId, i64)>> {
    sql("SELECT peer_id, ver FROM contacts
         WHERE user_id = ? AND blocked = 1 AND ver < ? ORDER BY ver DESC LIMIT ?")
    .bind(owner)
    .bind(before_ver)
    .bind(limit)
    .all(db)
    .await
}

/// Everybody whose bond with `me` is open on both sides: those who may see my presence, and I theirs.
pub async fn open_bonds<'c>(on: impl Into<On<'c>>, me: UserId) -> Result<Vec<UserId>> {
    let ids: Vec<(UserId,)> = sql("SELECT a.peer_id FROM contacts a
         JOIN contacts b ON b.user_id = a.peer_id AND b.peer_id = a.user_id
         WHERE a.user_id = ? AND a.contact = 1 AND a.blocked = 0 AND b.contact = 1 AND b.blocked = 0")
    .bind(me)
    .all(on)
    .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Those in whose lists `me` is, and who may know what `me` looks like now: all contacts who have not blocked `me`.
/// Whoever is blocked is among them, for a name and a picture are no secret, and silence would tell.
pub async fn listed_by<'c>(on: impl Into<On<'c>>, me: UserId) -> Result<Vec<UserId>> {
    let ids: Vec<(UserId,)> = sql("SELECT a.peer_id FROM contacts a
         JOIN contacts b ON b.user_id = a.peer_id AND b.peer_id = a.user_id
         WHERE a.user_id = ? AND a.contact = 1 AND b.contact = 1 AND b.blocked = 0")
    .bind(me)
    .all(on)
    .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

async fn next_ver(tx: &mut Tx, owner: UserId) -> Result<i64> {
    sql("UPDATE users SET contacts_ver = contacts_ver + 1 WHERE id = ?")
        .bind(owner)
        .run(&mut *tx)
        .await?;
    let (ver,) = sql("SELECT contacts_ver FROM users WHERE id = ?").bind(owner).one(tx).await?;
    Ok(ver)
}

struct About(UserId, Entry);

impl Record for About {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(About(row.get("user_id")?, Entry::from_row(row)?))
    }
}

impl Record for Entry {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Entry {
            peer: row.get("peer_id")?,
            side: Side { contact: row.get("contact")?, blocked: row.get("blocked")? },
            remark: row.get("remark")?,
            ver: row.get("ver")?,
        })
    }
}
