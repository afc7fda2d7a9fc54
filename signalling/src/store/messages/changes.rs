//! Changes: everything that happened in a conversation, numbered densely by `ver`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{body_text, page_after, selecting};
use crate::domain::ids::{ConversationId, UserId};
use crate::domain::message::{Body, Change, ChangeKind, Message};
use crate::store::files;
use crate::store::sql::{Db, Result, Tx, sql};

/// What the row of a recall says beyond its message.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RecallDetail {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<UserId>,
}

/// Replaces a message by its tombstone and returns the change; the conversation must be locked. `at` is in milliseconds
/// since 1970.
pub async fn recall(tx: &mut Tx, mut message: Message, by: UserId, at: i64) -> Result<Change> {
    let conversation = message.conversation_id;
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
    let about = About { kind: "recall", seq: message.seq };
    let ver = record_change(tx, conversation, about, &RecallDetail { by: Some(by) }, at).await?;
    Ok(Change { ver, at, what: ChangeKind::Recall { seq: message.seq, by: Some(by), message } })
}

/// What a change is about.
struct About {
    /// As it is stored, and as clients read it.
    kind: &'static str,
    /// The message.
    seq: i64,
}

/// Numbers a change of a locked conversation, writes it down, and returns its `ver`.
async fn record_change(
    tx: &mut Tx,
    conversation: ConversationId,
    about: About,
    detail: &impl Serialize,
    at: i64,
) -> Result<i64> {
    sql("UPDATE conversations SET last_ver = last_ver + 1 WHERE id = ?")
        .bind(conversation)
        .run(&mut *tx)
        .await?;
    let (last_seq, ver): (i64, i64) =
        sql("SELECT last_seq, last_ver FROM conversations WHERE id = ?")
            .bind(conversation)
            .one(&mut *tx)
            .await?;
    sql("INSERT INTO changes (conversation_id, ver, last_seq, kind, seq, changed_at, detail)
         VALUES (?, ?, ?, ?, ?, ?, ?)")
    .bind(conversation)
    .bind(ver)
    .bind(last_seq)
    .bind(about.kind.to_owned())
    .bind(about.seq)
    .bind(at)
    .bind(serde_json::to_string(detail).expect("details have only text keys"))
    .run(tx)
    .await?;
    Ok(ver)
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
    let others: Vec<Noted> = sql("SELECT ver, kind, seq, changed_at, detail FROM changes
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
    let seqs: Vec<i64> = others.iter().map(|(_, _, seq, _, _)| *seq).collect();
    let messages = by_seqs(db, conversation, seqs).await?;
    changes.extend(others.into_iter().map(|noted| change(noted, &messages)));
    changes.sort_by_key(|change| change.ver);
    // what was committed between the queries above may stand behind a hole: it comes with the next call
    let dense = changes.iter().zip(1..).take_while(|(change, n)| change.ver - after_ver == *n);
    let dense = dense.count().min(limit as usize);
    changes.truncate(dense);
    Ok(changes)
}

/// A row of `changes`: `ver`, kind, `seq`, time, detail.
type Noted = (i64, String, i64, i64, Option<String>);

/// One row, by its kind. What a newer version noted still counts, so that no `ver` is missing.
fn change((ver, kind, seq, at, detail): Noted, messages: &HashMap<i64, Message>) -> Change {
    let detail = detail.as_deref().unwrap_or("{}");
    let message = messages.get(&seq).cloned();
    let what = match (kind.as_str(), message) {
        ("recall", Some(message)) => {
            let RecallDetail { by } = serde_json::from_str(detail).unwrap_or_default();
            ChangeKind::Recall { seq, by, message }
        }
        _ => ChangeKind::Unknown,
    };
    Change { ver, at, what }
}

async fn by_seqs(
    db: &Db,
    conversation: ConversationId,
    seqs: Vec<i64>,
) -> Result<HashMap<i64, Message>> {
    if seqs.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Message> =
        sql(selecting!("FROM messages WHERE conversation_id = ? AND seq IN (..)"))
            .bind(conversation)
            .list(seqs)
            .all(db)
            .await?;
    Ok(found.into_iter().map(|m| (m.seq, m)).collect())
}
