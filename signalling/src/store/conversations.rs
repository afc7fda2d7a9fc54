//! Conversations, their members, and how far each has read.

use super::sql::{Db, On, Record, Result, Row, Tx, per_engine, sql};
use crate::domain::contact::{other_of_pair, pair_key};
use crate::domain::conversation::{Kind, Progress, Role, Writing};
use crate::domain::cursor::Cursor;
use crate::domain::ids::{AppId, ConversationId, UserId};

/// A conversation as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub id: ConversationId,
    pub kind: Kind,
    pub title: Option<String>,
    pub pair_key: Option<Vec<u8>>,
    pub member_count: i64,
    pub last_seq: i64,
    pub last_ver: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Stored {
    /// One-to-one only: the other person, seen from `me`.
    pub fn peer_of(&self, me: UserId) -> Option<UserId> {
        other_of_pair(self.pair_key.as_deref()?, me)
    }
}

/// A conversation with one member's place in it.
#[derive(Clone, Debug)]
pub struct Place {
    pub member: UserId,
    pub conversation: Stored,
    pub role: Role,
    pub writing: Writing,
    pub read_seq: i64,
    pub received_seq: i64,
}

#[derive(Clone, Debug)]
pub struct MemberRow {
    pub user: UserId,
    pub role: Role,
    pub joined_at: i64,
    pub read_seq: i64,
    pub received_seq: i64,
}

pub async fn create_group(
    tx: &mut Tx,
    id: ConversationId,
    app: AppId,
    title: &str,
    at: i64,
) -> Result<()> {
    sql("INSERT INTO conversations (id, app_id, kind, title, member_count, created_at, updated_at)
         VALUES (?, ?, ?, ?, 0, ?, ?)")
    .bind(id)
    .bind(app)
    .bind(Kind::Group)
    .bind(title)
    .bind(at)
    .bind(at)
    .run(tx)
    .await?;
    Ok(())
}

/// Opens the one conversation of two people; the caller adds them as members if it is new.
/// Fails with `taken("pair_key")` when somebody opened it at the same time.
pub async fn create_direct(
    tx: &mut Tx,
    id: ConversationId,
    app: AppId,
    a: UserId,
    b: UserId,
    at: i64,
) -> Result<()> {
    sql("INSERT INTO conversations (id, app_id, kind, pair_key, member_count, created_at, updated_at)
         VALUES (?, ?, ?, ?, 0, ?, ?)")
    .bind(id)
    .bind(app)
    .bind(Kind::Direct)
    .bind(pair_key(a, b))
    .bind(at)
    .bind(at)
    .run(tx)
    .await?;
    Ok(())
}

pub async fn direct_of<'c>(
    on: impl Into<On<'c>>,
    a: UserId,
    b: UserId,
) -> Result<Option<ConversationId>> {
    let found: Option<(ConversationId,)> = sql("SELECT id FROM conversations WHERE pair_key = ?")
        .bind(pair_key(a, b))
        .optional(on)
        .await?;
    Ok(found.map(|(id,)| id))
}

/// The one-to-one conversations of `me` with any of `peers`.
pub async fn directs_of(
    db: &Db,
    me: UserId,
    peers: &[UserId],
) -> Result<Vec<(UserId, ConversationId)>> {
    let found: Vec<(ConversationId, Vec<u8>)> =
        sql("SELECT id, pair_key FROM conversations WHERE pair_key IN (..)")
            .list(peers.iter().map(|peer| pair_key(me, *peer)))
            .all(db)
            .await?;
    Ok(found.into_iter().filter_map(|(id, key)| Some((other_of_pair(&key, me)?, id))).collect())
}

pub async fn by_id<'c>(on: impl Into<On<'c>>, id: ConversationId) -> Result<Option<Stored>> {
    sql("SELECT id, kind, title, pair_key, member_count, last_seq, last_ver, created_at, updated_at
         FROM conversations WHERE id = ?")
    .bind(id)
    .optional(on)
    .await
}

/// Locks a conversation for the rest of the transaction, so that membership and numbering change one
/// after the other.
pub async fn lock(tx: &mut Tx, id: ConversationId) -> Result<Option<Stored>> {
    sql("SELECT id, kind, title, pair_key, member_count, last_seq, last_ver, created_at, updated_at
         FROM conversations WHERE id = ?")
    .bind(id)
    .locking()
    .optional(tx)
    .await
}

pub async fn set_title(tx: &mut Tx, id: ConversationId, title: &str) -> Result<()> {
    sql("UPDATE conversations SET title = ? WHERE id = ?").bind(title).bind(id).run(tx).await?;
    Ok(())
}

/// Adds members who are not in yet; the conversation must be locked.
pub async fn add_members(
    tx: &mut Tx,
    id: ConversationId,
    members: &[(UserId, Role)],
    at: i64,
) -> Result<()> {
    sql("INSERT INTO members (conversation_id, user_id, role, writable, joined_at) VALUES ..")
        .rows(members.iter().map(|(user, role)| {
            [id.into(), (*user).into(), (*role).into(), true.into(), at.into()]
        }))
        .run(&mut *tx)
        .await?;
    count_members(tx, id, members.len() as i64).await
}

/// False when they were no member.
pub async fn remove_member(tx: &mut Tx, id: ConversationId, user: UserId) -> Result<bool> {
    let rows = sql("DELETE FROM members WHERE conversation_id = ? AND user_id = ?")
        .bind(id)
        .bind(user)
        .run(&mut *tx)
        .await?;
    if rows > 0 {
        count_members(tx, id, -1).await?;
    }
    Ok(rows > 0)
}

pub async fn remove_all_members(tx: &mut Tx, id: ConversationId) -> Result<()> {
    sql("DELETE FROM members WHERE conversation_id = ?").bind(id).run(&mut *tx).await?;
    sql("UPDATE conversations SET member_count = 0 WHERE id = ?").bind(id).run(tx).await?;
    Ok(())
}

async fn count_members(tx: &mut Tx, id: ConversationId, by: i64) -> Result<()> {
    sql("UPDATE conversations SET member_count = member_count + ? WHERE id = ?")
        .bind(by)
        .bind(id)
        .run(tx)
        .await?;
    Ok(())
}

pub async fn role_of<'c>(
    on: impl Into<On<'c>>,
    id: ConversationId,
    user: UserId,
) -> Result<Option<Role>> {
    let found: Option<(Role,)> =
        sql("SELECT role FROM members WHERE conversation_id = ? AND user_id = ?")
            .bind(id)
            .bind(user)
            .optional(on)
            .await?;
    Ok(found.map(|(role,)| role))
}

pub async fn set_role(tx: &mut Tx, id: ConversationId, user: UserId, role: Role) -> Result<()> {
    sql("UPDATE members SET role = ? WHERE conversation_id = ? AND user_id = ?")
        .bind(role)
        .bind(id)
        .bind(user)
        .run(tx)
        .await?;
    Ok(())
}

/// What becomes of what a member of a one-to-one conversation writes.
pub async fn set_writing(
    tx: &mut Tx,
    id: ConversationId,
    user: UserId,
    writing: Writing,
) -> Result<()> {
    sql("UPDATE members SET writable = ? WHERE conversation_id = ? AND user_id = ?")
        .bind(writing)
        .bind(id)
        .bind(user)
        .run(tx)
        .await?;
    Ok(())
}

/// Who has been in longest, `but` aside.
pub async fn eldest(tx: &mut Tx, id: ConversationId, but: UserId) -> Result<Option<UserId>> {
    let found: Option<(UserId,)> = sql("SELECT user_id FROM members
         WHERE conversation_id = ? AND user_id <> ? ORDER BY joined_at, user_id LIMIT 1")
    .bind(id)
    .bind(but)
    .optional(tx)
    .await?;
    Ok(found.map(|(user,)| user))
}

pub async fn member_ids<'c>(on: impl Into<On<'c>>, id: ConversationId) -> Result<Vec<UserId>> {
    let ids: Vec<(UserId,)> =
        sql("SELECT user_id FROM members WHERE conversation_id = ?").bind(id).all(on).await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Members after `after` in order of id.
pub async fn members(
    db: &Db,
    id: ConversationId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<MemberRow>> {
    sql("SELECT m.user_id, m.role, m.joined_at, COALESCE(k.read_seq, 0) AS read_seq,
                COALESCE(k.received_seq, 0) AS received_seq
         FROM members m
         LEFT JOIN cursors k ON k.conversation_id = m.conversation_id AND k.user_id = m.user_id
         WHERE m.conversation_id = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?")
    .bind(id)
    .bind(after.map_or(uuid::Uuid::nil(), |user| user.0))
    .bind(limit)
    .all(db)
    .await
}

/// The conversations a user is in, whatever their number: what a socket listens to.
pub async fn ids_of(db: &Db, user: UserId) -> Result<Vec<ConversationId>> {
    let ids: Vec<(ConversationId,)> =
        sql("SELECT conversation_id FROM members WHERE user_id = ?").bind(user).all(db).await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Conversations of `user` behind `before`, newest first.
pub async fn places_of(db: &Db, user: UserId, before: Cursor, limit: i64) -> Result<Vec<Place>> {
    sql("SELECT m.user_id, m.role, m.writable, COALESCE(k.read_seq, 0) AS read_seq,
                COALESCE(k.received_seq, 0) AS received_seq, c.id, c.kind, c.title, c.pair_key, c.member_count,
                c.last_seq, c.last_ver, c.created_at, c.updated_at
         FROM members m
         JOIN conversations c ON c.id = m.conversation_id
         LEFT JOIN cursors k ON k.conversation_id = m.conversation_id AND k.user_id = m.user_id
         WHERE m.user_id = ? AND (c.updated_at < ? OR (c.updated_at = ? AND c.id < ?))
         ORDER BY c.updated_at DESC, c.id DESC LIMIT ?")
        .bind(user)
        .bind(before.at)
        .bind(before.at)
        .bind(before.id)
        .bind(limit)
        .all(db)
        .await
}

pub async fn place<'c>(
    on: impl Into<On<'c>>,
    id: ConversationId,
    user: UserId,
) -> Result<Option<Place>> {
    sql("SELECT m.user_id, m.role, m.writable, COALESCE(k.read_seq, 0) AS read_seq,
                COALESCE(k.received_seq, 0) AS received_seq, c.id, c.kind, c.title, c.pair_key, c.member_count,
                c.last_seq, c.last_ver, c.created_at, c.updated_at
         FROM members m
         JOIN conversations c ON c.id = m.conversation_id
         LEFT JOIN cursors k ON k.conversation_id = m.conversation_id AND k.user_id = m.user_id
         WHERE m.conversation_id = ? AND m.user_id = ?")
        .bind(id)
        .bind(user)
        .optional(on)
        .await
}

/// Every member's place in one conversation.
pub async fn places_in(db: &Db, id: ConversationId) -> Result<Vec<Place>> {
    sql("SELECT m.user_id, m.role, m.writable, COALESCE(k.read_seq, 0) AS read_seq,
                COALESCE(k.received_seq, 0) AS received_seq, c.id, c.kind, c.title, c.pair_key, c.member_count,
                c.last_seq, c.last_ver, c.created_at, c.updated_at
         FROM members m
         JOIN conversations c ON c.id = m.conversation_id
         LEFT JOIN cursors k ON k.conversation_id = m.conversation_id AND k.user_id = m.user_id
         WHERE m.conversation_id = ?")
        .bind(id)
        .all(db)
        .await
}

/// Moves a member's cursors forward; they never move back. Both must be clamped to what exists.
pub async fn advance(db: &Db, id: ConversationId, user: UserId, to: Progress) -> Result<()> {
    put_cursors(db, [[id.into(), user.into(), to.received_seq.into(), to.read_seq.into()]]).await
}

/// Upserts rows of (conversation, user, received, read), each keeping its maximum.
pub(super) async fn put_cursors<'c, 'q>(
    on: impl Into<On<'c>>,
    rows: impl IntoIterator<Item = [super::sql::Value<'q>; 4]>,
) -> Result<()> {
    per_engine(
        "INSERT INTO cursors (conversation_id, user_id, received_seq, read_seq) VALUES ..
         ON DUPLICATE KEY UPDATE received_seq = GREATEST(received_seq, VALUES(received_seq)),
                                 read_seq = GREATEST(read_seq, VALUES(read_seq))",
        "INSERT INTO cursors (conversation_id, user_id, received_seq, read_seq) VALUES ..
         ON CONFLICT (conversation_id, user_id) DO UPDATE
         SET received_seq = MAX(received_seq, excluded.received_seq), read_seq = MAX(read_seq, excluded.read_seq)",
    )
    .upserts(rows)
    .run(on)
    .await?;
    Ok(())
}

/// Cursors of everybody in some conversations: (conversation, user, received, read).
pub async fn cursors_in(
    db: &Db,
    ids: impl IntoIterator<Item = ConversationId>,
) -> Result<Vec<(ConversationId, UserId, i64, i64)>> {
    sql("SELECT conversation_id, user_id, received_seq, read_seq FROM cursors
         WHERE conversation_id IN (..)")
    .list(ids)
    .all(db)
    .await
}

impl Record for Stored {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Stored {
            id: row.get("id")?,
            kind: row.get("kind")?,
            title: row.get("title")?,
            pair_key: row.get("pair_key")?,
            member_count: row.get("member_count")?,
            last_seq: row.get("last_seq")?,
            last_ver: row.get("last_ver")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

impl Record for Place {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Place {
            member: row.get("user_id")?,
            conversation: Stored::from_row(row)?,
            role: row.get("role")?,
            writing: row.get("writable")?,
            read_seq: row.get("read_seq")?,
            received_seq: row.get("received_seq")?,
        })
    }
}

impl Record for MemberRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(MemberRow {
            user: row.get("user_id")?,
            role: row.get("role")?,
            joined_at: row.get("joined_at")?,
            read_seq: row.get("read_seq")?,
            received_seq: row.get("received_seq")?,
        })
    }
}
