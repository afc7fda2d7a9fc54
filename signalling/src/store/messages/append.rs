//! Sending: one dense `seq` per conversation, and each client id once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{body_text, selecting};
use crate::domain::contact::other_of_pair;
use crate::domain::conversation::Writing;
use crate::domain::ids::{ClientMsgId, ConversationId, MessageId, UserId};
use crate::domain::message::{Body, Message};
use crate::domain::refusal::Code;
use crate::store::conversations::put_cursors;
use crate::store::files;
use crate::store::sql::{Db, Error, Result, Tx, retry, sql};

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
    /// The same, about what only the sender may know: a call that rang nowhere.
    ServerInVain,
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

/// Appends messages of any conversations and answers in the same order. Locking comes first and lasts until
/// commit, so everything after it sees and numbers alone.
pub async fn append(tx: &mut Tx, batch: &[NewMessage]) -> Result<Vec<Sent>> {
    let mut heads = lock_heads(tx, batch).await?;
    let writers = writers(tx, batch).await?;
    let mut known = already_sent(tx, batch).await?;
    let files = files::held(tx, batch.iter().filter_map(|m| m.body.file_id()).collect()).await?;

    let mut sent = Vec::with_capacity(batch.len());
    let mut fresh = Vec::with_capacity(batch.len());
    for m in batch {
        let peer = |of: &Message, heads: &Heads| {
            let pair_key = heads.get(&of.conversation_id)?.pair_key.as_deref()?;
            other_of_pair(pair_key, m.sender)
        };
        if let Some(first) = known.get(&(m.client_msg_id, m.sender)) {
            sent.push(Sent::Again { peer: peer(first, &heads), message: first.clone() });
            continue;
        }
        let withheld = match becomes_of(m, &heads, &writers) {
            Ok(writing) => writing == Writing::Withheld,
            Err(code) => {
                sent.push(Sent::Refused(code));
                continue;
            }
        };
        // deleted since the sender asked
        if m.body.file_id().is_some_and(|file| !files.contains(&file)) {
            sent.push(Sent::Refused(Code::NotFound));
            continue;
        }
        let head = heads.get_mut(&m.conversation).expect("it may be written to");
        let message = Message { withheld, ..head.number(m) };
        known.insert((m.client_msg_id, m.sender), message.clone());
        sent.push(Sent::New { peer: peer(&message, &heads), message: message.clone() });
        fresh.push(message);
    }
    insert(tx, &fresh, &heads).await?;
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

/// Where a conversation's numbers stand.
struct Head {
    last_seq: i64,
    last_ver: i64,
    pair_key: Option<Vec<u8>>,
}

type Heads = HashMap<ConversationId, Head>;

impl Head {
    /// Gives a message the next numbers.
    fn number(&mut self, new: &NewMessage) -> Message {
        self.last_seq += 1;
        self.last_ver += 1;
        Message {
            id: new.id,
            conversation_id: new.conversation,
            seq: self.last_seq,
            ver: self.last_ver,
            sender_id: new.sender,
            client_msg_id: new.client_msg_id,
            at: new.at,
            body: new.body.clone(),
            recalled_at: None,
            withheld: false,
        }
    }
}

type Writers = HashMap<(ConversationId, UserId), Writing>;

fn becomes_of(m: &NewMessage, heads: &Heads, writers: &Writers) -> Result<Writing, Code> {
    match writers.get(&(m.conversation, m.sender)) {
        // a conversation that does not exist and one that is not mine look the same
        _ if !heads.contains_key(&m.conversation) => Err(Code::NotMember),
        _ if m.author == Author::Server => Ok(Writing::Open),
        _ if m.author == Author::ServerInVain => Ok(Writing::Withheld),
        None => Err(Code::NotMember),
        Some(Writing::Closed) => Err(Code::NotContacts),
        Some(writing) => Ok(*writing),
    }
}

/// All writers lock in the order of the ids, so they cannot wait for each other in a circle.
async fn lock_heads(tx: &mut Tx, batch: &[NewMessage]) -> Result<Heads> {
    let ids: BTreeSet<_> = batch.iter().map(|m| m.conversation).collect();
    let rows: Vec<(ConversationId, i64, i64, Option<Vec<u8>>)> = sql(
        "SELECT id, last_seq, last_ver, pair_key FROM conversations WHERE id IN (..) ORDER BY id",
    )
    .list(ids)
    .locking()
    .all(tx)
    .await?;
    let head = |(id, last_seq, last_ver, pair_key)| (id, Head { last_seq, last_ver, pair_key });
    Ok(rows.into_iter().map(head).collect())
}

/// Lets the counters of locked conversations follow their newest message.
async fn move_heads(tx: &mut Tx, ids: impl IntoIterator<Item = ConversationId>) -> Result<()> {
    sql("UPDATE conversations SET
             last_seq = (SELECT m.seq FROM messages m WHERE m.conversation_id = conversations.id
                         ORDER BY m.seq DESC LIMIT 1),
             last_ver = (SELECT m.ver FROM messages m WHERE m.conversation_id = conversations.id
                         ORDER BY m.seq DESC LIMIT 1),
             updated_at = CASE WHEN updated_at < (SELECT m.sent_at FROM messages m
                                   WHERE m.conversation_id = conversations.id ORDER BY m.seq DESC LIMIT 1)
                          THEN (SELECT m.sent_at FROM messages m
                                   WHERE m.conversation_id = conversations.id ORDER BY m.seq DESC LIMIT 1)
                          ELSE updated_at END
         WHERE id IN (..)")
    .list(ids)
    .run(tx)
    .await?;
    Ok(())
}

/// Membership is read under the conversations' locks: nobody who was removed can still write.
async fn writers(tx: &mut Tx, batch: &[NewMessage]) -> Result<Writers> {
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
    let rows: Vec<(ConversationId, UserId, Writing)> =
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
    let found: Vec<Message> = sql(selecting!("FROM messages WHERE client_msg_id IN (..)"))
        .list(batch.iter().map(|m| m.client_msg_id))
        .all(tx)
        .await?;
    Ok(found.into_iter().map(|m| ((m.client_msg_id, m.sender_id), m)).collect())
}

async fn insert(tx: &mut Tx, fresh: &[Message], heads: &Heads) -> Result<()> {
    sql("INSERT INTO messages (conversation_id, seq, ver, id, sender_id, client_msg_id, body, sent_at, withheld) VALUES ..")
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
                m.withheld.into(),
            ]
        }))
        .run(&mut *tx)
        .await?;
    let conversations: BTreeSet<_> = fresh.iter().map(|m| m.conversation_id).collect();
    if !conversations.is_empty() {
        move_heads(tx, conversations).await?;
    }
    // whoever writes, calls or changes the group has read what is above
    let newest: BTreeMap<_, _> =
        fresh.iter().map(|m| ((m.conversation_id, m.sender_id), m.seq)).collect();
    // and what is withheld from the other one is nothing they could still read
    let passed: BTreeMap<_, _> = fresh
        .iter()
        .filter(|m| m.withheld)
        .filter_map(|m| {
            let pair_key = heads.get(&m.conversation_id)?.pair_key.as_deref()?;
            Some(((m.conversation_id, other_of_pair(pair_key, m.sender_id)?), m.seq))
        })
        .collect();
    let rows = newest
        .iter()
        .chain(&passed)
        .map(|((c, user), seq)| [(*c).into(), (*user).into(), (*seq).into(), (*seq).into()]);
    put_cursors(&mut *tx, rows).await?;
    let carried = fresh.iter().filter_map(|m| Some((m.body.file_id()?, m.conversation_id, m.seq)));
    files::link(tx, carried).await
}
