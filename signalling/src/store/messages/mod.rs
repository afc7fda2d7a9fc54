//! Messages: how they get their numbers, and how they are read back.

mod append;
mod changes;

pub use append::{Author, NewMessage, Sent, append, append_all};
pub use changes::{changes, recall};

use super::sql::{Db, Error, On, Record, Result, Row, sql};
use crate::domain::ids::{ClientMsgId, ConversationId, UserId};
use crate::domain::message::{Body, Message};

/// A query for whole messages: their columns are listed here alone.
macro_rules! selecting {
    ($from:literal) => {
        concat!(
            "SELECT messages.conversation_id, messages.seq, messages.ver, messages.id, messages.sender_id, ",
            "messages.client_msg_id, messages.body, messages.sent_at, messages.recalled_at, ",
            "messages.withheld ",
            $from
        )
    };
}
use selecting;

/// Up to `limit` messages with `seq < before`, newest first.
pub async fn page_before(
    db: &Db,
    conversation: ConversationId,
    before: i64,
    limit: i64,
) -> Result<Vec<Message>> {
    sql(selecting!("FROM messages WHERE conversation_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?"))
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
    sql(selecting!("FROM messages WHERE conversation_id = ? AND seq > ? ORDER BY seq LIMIT ?"))
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
    sql(selecting!("FROM messages WHERE conversation_id = ? AND seq = ?"))
        .bind(conversation)
        .bind(seq)
        .optional(on)
        .await
}

/// Whether `sender` has a message of this client id.
pub async fn is_stored(db: &Db, id: ClientMsgId, sender: UserId) -> Result<bool> {
    let found: Option<(i64,)> =
        sql("SELECT seq FROM messages WHERE client_msg_id = ? AND sender_id = ?")
            .bind(id)
            .bind(sender)
            .optional(db)
            .await?;
    Ok(found.is_some())
}

/// The newest message of each conversation.
pub async fn newest(
    db: &Db,
    conversations: impl IntoIterator<Item = ConversationId>,
) -> Result<Vec<Message>> {
    sql(selecting!(
        "FROM conversations c
         JOIN messages ON messages.conversation_id = c.id AND messages.seq = c.last_seq
         WHERE c.id IN (..)"
    ))
    .list(conversations)
    .all(db)
    .await
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
            withheld: row.get("withheld")?,
        })
    }
}
