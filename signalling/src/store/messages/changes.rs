//! Changes: everything that happened in a conversation, numbered densely by `ver`.

use std::collections::HashMap;

use super::{body_text, page_after};
use crate::domain::ids::ConversationId;
use crate::domain::message::{Body, Change, ChangeKind, Message};
use crate::store::files;
use crate::store::sql::{Db, Result, Tx, sql};

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
    if let Some(file) = message.body.file_id() {
        files::unlink(tx, file, conversation, message.seq, at).await?;
    }
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
        "SELECT conversation_id, seq, ver, id, sender_id, client_msg_id, body, sent_at, recalled_at, withheld
             FROM messages WHERE conversation_id = ? AND seq IN (..)",
    )
    .bind(conversation)
    .list(seqs)
    .all(db)
    .await?;
    Ok(found.into_iter().map(|m| (m.seq, m)).collect())
}
