//! Messages: one dense `seq` per conversation, each client id once, and every change numbered by `ver`.

use std::collections::{BTreeMap, HashMap};

use super::conversations::put_cursors;
use super::sql::{Db, Error, On, Record, Result, Row, Tx, retry, sql};
use crate::domain::contact::other_of_pair;
use crate::domain::ids::{ClientMsgId, ConversationId, MessageId, UserId};
use crate::domain::message::{Body, Change, ChangeKind, Message};
use crate::domain::refusal::Code;

/// A message on its way into the store.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub id: MessageId,
    pub conversation: ConversationId,
    pub sender: UserId,
    pub client_msg_id: ClientMsgId,
    pub body: Body,
    pub at: i64,
    pub author: Author,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// A person, who must be a member that may write.
    Member,
    /// The server itself, on behalf of the sender: system lines and call records.
    Server,
}

/// What became of one message of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    New {
        message: Message,
        peer: Option<UserId>,
    },
    /// Stored before, perhaps in another conversation: the first time's numbers.
    Again {
        message: Message,
        peer: Option<UserId>,
    },
    Refused(Code),
}

/// Appends messages of any conversations and answers in the same order. The updates come first: each locks
/// its conversation until commit, so everything after them sees and numbers alone.
pub async fn append(tx: &mut Tx, batch: &[NewMessage]) -> Result<Vec<Sent>> {
    let mut unused = BTreeMap::new(); // sorted: all writers lock in one order, so no deadlock
    for m in batch {
        let (count, latest) = unused.entry(m.conversation).or_insert((0, m.at));
        *count += 1;
        *latest = m.at.max(*latest);
    }
    for (&conversation, &(n, at)) in &unused {
        move_counters(tx, conversation, n, at).await?;
    }
    let heads = heads(tx, unused.keys().copied()).await?;
    let writers = writers(tx, batch).await?;
    let mut known = already_sent(tx, batch).await?;

    let mut sent = Vec::with_capacity(batch.len());
    let mut fresh = Vec::with_capacity(batch.len());
    for m in batch {
        let peer = |of: &Message| {
            heads
                .get(&of.conversation_id)
                .and_then(|h| other_of_pair(h.pair_key.as_deref()?, m.sender))
        };
        if let Some(first) = known.get(&(m.client_msg_id, m.sender)) {
            sent.push(Sent::Again { peer: peer(first), message: first.clone() });
            continue;
        }
        let head = match may_write(m, &heads, &writers) {
            Ok(head) => head,
            Err(code) => {
                sent.push(Sent::Refused(code));
                continue;
            }
        };
        let (left, _) = unused.get_mut(&m.conversation).expect("counted above");
        let back = *left - 1;
        *left -= 1;
        let message = m.numbered(head.last_seq - back, head.last_ver - back);
        known.insert((m.client_msg_id, m.sender), message.clone());
        sent.push(Sent::New { peer: peer(&message), message: message.clone() });
        fresh.push(message);
    }
    for (&conversation, &(unused, at)) in unused.iter().filter(|(_, (unused, _))| *unused > 0) {
        move_counters(tx, conversation, -unused, at).await?; // refused and duplicate ones leave no gap
    }
    insert(tx, &fresh).await?;
    Ok(sent)
}

/// [`append`] in a transaction of its own.
pub async fn append_all(db: &Db, batch: &[NewMessage]) -> Result<Vec<Sent>> {
    let append_once = || async {
        let mut tx = db.begin().await?;
        let sent = append(&mut tx, batch).await?;
        tx.commit().await?;
        Ok::<_, Error>(sent)
    };
    match retry(append_once).await {
        // the same message came for another conversation at the same moment: by now it is found
        Err(error) if error.taken("client_msg_id") => retry(append_once).await,
        outcome => outcome,
    }
}

impl NewMessage {
    fn numbered(&self, seq: i64, ver: i64) -> Message {
        Message {
            id: self.id,
            conversation_id: self.conversation,
            seq,
            ver,
            sender_id: self.sender,
            client_msg_id: self.client_msg_id,
            at: self.at,
            body: self.body.clone(),
            recalled_at: None,
        }
    }
}

struct Head {
    last_seq: i64,
    last_ver: i64,
    pair_key: Option<Vec<u8>>,
}

fn may_write<'h>(
    m: &NewMessage,
    heads: &'h HashMap<ConversationId, Head>,
    writers: &HashMap<(ConversationId, UserId), bool>,
) -> Result<&'h Head, Code> {
    // a conversation that does not exist and one that is not mine look the same
    let head = heads.get(&m.conversation).ok_or(Code::NotMember)?;
    match writers.get(&(m.conversation, m.sender)) {
        _ if m.author == Author::Server => Ok(head),
        None => Err(Code::NotMember),
        Some(false) => Err(Code::NotContacts),
        Some(true) => Ok(head),
    }
}

async fn move_counters(tx: &mut Tx, id: ConversationId, by: i64, at: i64) -> Result<u64> {
    // MySQL assigns left to right, so the comparison must not follow the assignment of the same column
    sql("UPDATE conversations SET last_seq = last_seq + ?, last_ver = last_ver + ?,
                updated_at = CASE WHEN updated_at < ? THEN ? ELSE updated_at END
         WHERE id = ?")
    .bind(by)
    .bind(by)
    .bind(at)
    .bind(at)
    .bind(id)
    .run(tx)
    .await
}

async fn heads(
    tx: &mut Tx,
    ids: impl Iterator<Item = ConversationId>,
) -> Result<HashMap<ConversationId, Head>> {
    let rows: Vec<(ConversationId, i64, i64, Option<Vec<u8>>)> =
        sql("SELECT id, last_seq, last_ver, pair_key FROM conversations WHERE id IN (..)")
            .list(ids)
            .all(tx)
            .await?;
    let head = |(id, last_seq, last_ver, pair_key)| (id, Head { last_seq, last_ver, pair_key });
    Ok(rows.into_iter().map(head).collect())
}

/// Membership is read under the conversations' locks: nobody who was removed can still write.
async fn writers(
    tx: &mut Tx,
    batch: &[NewMessage],
) -> Result<HashMap<(ConversationId, UserId), bool>> {
    let people = batch.iter().filter(|m| m.author == Author::Member);
    let mut conversations: Vec<_> = people.clone().map(|m| m.conversation).collect();
    let mut senders: Vec<_> = people.map(|m| m.sender).collect();
    conversations.sort();
    conversations.dedup();
    senders.sort();
    senders.dedup();
    if senders.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(ConversationId, UserId, bool)> =
        sql("SELECT conversation_id, user_id, writable FROM members
             WHERE conversation_id IN (..) AND user_id IN (..)")
        .list(conversations)
        .list(senders)
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|(c, user, writable)| ((c, user), writable)).collect())
}

/// Asks by client id alone. With `conversation_id = ?` beside the list, SQLite (no statistics unless
/// ANALYZEd) walks the whole conversation by its primary key and slows down as it grows.
async fn already_sent(
    tx: &mut Tx,
    batch: &[NewMessage],
) -> Result<HashMap<(ClientMsgId, UserId), Message>> {
    let found: Vec<Message> = sql(
        "SELECT conversation_id, seq, ver, id, sender_id, client_msg_id, body, sent_at, recalled_at
         FROM messages WHERE client_msg_id IN (..)",
    )
    .list(batch.iter().map(|m| m.client_msg_id))
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|m| ((m.client_msg_id, m.sender_id), m)).collect())
}

async fn insert(tx: &mut Tx, fresh: &[Message]) -> Result<()> {
    if fresh.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO messages (conversation_id, seq, ver, id, sender_id, client_msg_id, body, sent_at) VALUES ..")
        .rows(fresh.iter().map(|m| {
            [
                m.conversation_id.into(),
                m.seq.into(),
                m.ver.into(),
                m.id.into(),
                m.sender_id.into(),
                m.client_msg_id.into(),
                body_text(&m.body).into(),
                m.at.into(),
            ]
        }))
        .run(&mut *tx)
        .await?;
    // whoever writes, calls or changes the group has read what is above
    let newest: BTreeMap<_, _> =
        fresh.iter().map(|m| ((m.conversation_id, m.sender_id), m.seq)).collect();
    let rows = newest
        .iter()
        .map(|((c, user), seq)| [(*c).into(), (*user).into(), (*seq).into(), (*seq).into()]);
    put_cursors(&mut *tx, rows).await?;
    let links = fresh.iter().filter_map(|m| match m.body {
        Body::Image { file_id, .. } | Body::File { file_id, .. } => {
            Some((file_id, m.conversation_id))
        }
        _ => None,
    });
    super::files::link(tx, links).await
}

/// Up to `limit` messages with `seq < before`, newest first.
pub async fn page_before(
    db: &Db,
    conversation: ConversationId,
    before: i64,
    limit: i64,
) -> Result<Vec<Message>> {
    sql("SELECT conversation_id, seq, ver, id, sender_id, client_msg_id, body, sent_at, recalled_at
         FROM messages WHERE conversation_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?")
    .bind(conversation)
    .bind(before)
    .bind(limit)
    .all(db)
    .await
}

/// Up to `limit` messages with `seq > after`, oldest first.
pub async fn page_after<'c>(
    on: impl Into<On<'c>>,
    conversation: ConversationId,
    after: i64,
    limit: i64,
) -> Result<Vec<Message>> {
    sql("SELECT conversation_id, seq, ver, id, sender_id, client_msg_id, body, sent_at, recalled_at
         FROM messages WHERE conversation_id = ? AND seq > ? ORDER BY seq LIMIT ?")
    .bind(conversation)
    .bind(after)
    .bind(limit)
    .all(on)
    .await
}

pub async fn by_seq<'c>(
    on: impl Into<On<'c>>,
    conversation: ConversationId,
    seq: i64,
) -> Result<Option<Message>> {
    sql("SELECT conversation_id, seq, ver, id, sender_id, client_msg_id, body, sent_at, recalled_at
         FROM messages WHERE conversation_id = ? AND seq = ?")
    .bind(conversation)
    .bind(seq)
    .optional(on)
    .await
}

/// The newest message of each conversation.
pub async fn newest(
    db: &Db,
    conversations: impl IntoIterator<Item = ConversationId>,
) -> Result<Vec<Message>> {
    sql("SELECT m.conversation_id, m.seq, m.ver, m.id, m.sender_id, m.client_msg_id, m.body, m.sent_at, m.recalled_at
         FROM conversations c JOIN messages m ON m.conversation_id = c.id AND m.seq = c.last_seq
         WHERE c.id IN (..)")
        .list(conversations)
        .all(db)
        .await
}

/// Replaces a message by its tombstone and returns the change; the conversation must be locked.
pub async fn recall(tx: &mut Tx, mut message: Message, at: i64) -> Result<Change> {
    let conversation = message.conversation_id;
    sql("UPDATE conversations SET last_ver = last_ver + 1 WHERE id = ?")
        .bind(conversation)
        .run(&mut *tx)
        .await?;
    let (last_seq, ver): (i64, i64) =
        sql("SELECT last_seq, last_ver FROM conversations WHERE id = ?")
            .bind(conversation)
            .one(&mut *tx)
            .await?;
    message.body = Body::Recalled;
    message.recalled_at = Some(at);
    sql("UPDATE messages SET body = ?, recalled_at = ? WHERE conversation_id = ? AND seq = ?")
        .bind(body_text(&message.body))
        .bind(at)
        .bind(conversation)
        .bind(message.seq)
        .run(&mut *tx)
        .await?;
    sql("INSERT INTO changes (conversation_id, ver, last_seq, kind, seq, changed_at)
         VALUES (?, ?, ?, 'recall', ?, ?)")
    .bind(conversation)
    .bind(ver)
    .bind(last_seq)
    .bind(message.seq)
    .bind(at)
    .run(tx)
    .await?;
    Ok(Change { ver, at, what: ChangeKind::Recall { seq: message.seq, message } })
}

/// Up to `limit` changes after `after_ver`, in order and without a hole.
///
/// Every `ver` is either a new message or a row of `changes`, which notes the `last_seq` of its moment. So the
/// first message after `after_ver` follows from the newest such row at or before it.
pub async fn changes(
    db: &Db,
    conversation: ConversationId,
    after_ver: i64,
    limit: i64,
) -> Result<Vec<Change>> {
    let after_ver = after_ver.max(0);
    let before: Option<(i64, i64)> = sql("SELECT ver, last_seq FROM changes
         WHERE conversation_id = ? AND ver <= ? ORDER BY ver DESC LIMIT 1")
    .bind(conversation)
    .bind(after_ver)
    .optional(db)
    .await?;
    let after_seq = before.map_or(after_ver, |(ver, seq)| seq + (after_ver - ver));
    let others: Vec<(i64, i64, i64)> = sql("SELECT ver, seq, changed_at FROM changes
         WHERE conversation_id = ? AND ver > ? ORDER BY ver LIMIT ?")
    .bind(conversation)
    .bind(after_ver)
    .bind(limit)
    .all(db)
    .await?;
    let mut changes: Vec<Change> = page_after(db, conversation, after_seq, limit)
        .await?
        .into_iter()
        .map(|message| Change {
            ver: message.ver,
            at: message.at,
            what: ChangeKind::Message { message },
        })
        .collect();
    let seqs: Vec<i64> = others.iter().map(|(_, seq, _)| *seq).collect();
    let recalled = by_seqs(db, conversation, seqs).await?;
    changes.extend(others.into_iter().filter_map(|(ver, seq, at)| {
        let message = recalled.get(&seq)?.clone();
        Some(Change { ver, at, what: ChangeKind::Recall { seq, message } })
    }));
    changes.sort_by_key(|change| change.ver);
    // what was committed between the queries above may stand behind a hole: it comes with the next call
    let dense = changes.iter().zip(1..).take_while(|(change, n)| change.ver - after_ver == *n);
    let dense = dense.count().min(limit as usize);
    changes.truncate(dense);
    Ok(changes)
}

async fn by_seqs(
    db: &Db,
    conversation: ConversationId,
    seqs: Vec<i64>,
) -> Result<HashMap<i64, Message>> {
    if seqs.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Message> = sql(
        "SELECT conversation_id, seq, ver, id, sender_id, client_msg_id, body, sent_at, recalled_at
             FROM messages WHERE conversation_id = ? AND seq IN (..)",
    )
    .bind(conversation)
    .list(seqs)
    .all(db)
    .await?;
    Ok(found.into_iter().map(|m| (m.seq, m)).collect())
}

fn body_text(body: &Body) -> String {
    serde_json::to_string(body).expect("a body has only text keys")
}

impl Record for Message {
    fn from_row(row: &Row) -> Result<Self> {
        let body: String = row.get("body")?;
        let body =
            serde_json::from_str(&body).map_err(|e| Error::Db(sqlx::Error::Decode(e.into())))?;
        Ok(Message {
            id: row.get("id")?,
            conversation_id: row.get("conversation_id")?,
            seq: row.get("seq")?,
            ver: row.get("ver")?,
            sender_id: row.get("sender_id")?,
            client_msg_id: row.get("client_msg_id")?,
            at: row.get("sent_at")?,
            body,
            recalled_at: row.get("recalled_at")?,
        })
    }
}
