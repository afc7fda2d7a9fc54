//! Who holds what. In `file_links`, `conversation_id` is the holder's id, whatever its kind.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::file::FileHolder;
use crate::domain::ids::{ConversationId, FileId, UserId};
use crate::store::sql::{Db, Result, Tx, per_engine, sql};

/// Notes that files or pictures are held. Noting it again changes nothing.
pub async fn hold(tx: &mut Tx, held: impl IntoIterator<Item = (Uuid, FileHolder)>) -> Result<()> {
    let held = held.into_iter().map(|(file, holder)| {
        let (kind, id) = columns(holder);
        [file.into(), id.into(), kind.into()]
    });
    per_engine(
        "INSERT INTO file_links (file_id, conversation_id, holder_kind) VALUES ..
         ON DUPLICATE KEY UPDATE file_id = VALUES(file_id)",
        "INSERT INTO file_links (file_id, conversation_id, holder_kind) VALUES ..
         ON CONFLICT (file_id, conversation_id) DO UPDATE SET file_id = excluded.file_id",
    )
    .upserts(held)
    .run(tx)
    .await?;
    Ok(())
}

/// Notes that somebody holds this no longer. If nobody else does, it is swept away like a file that was never sent.
/// `at` is in milliseconds since 1970.
pub async fn release(tx: &mut Tx, file: Uuid, holder: FileHolder, at: i64) -> Result<()> {
    let (kind, id) = columns(holder);
    sql("DELETE FROM file_links WHERE file_id = ? AND conversation_id = ? AND holder_kind = ?")
        .bind(file)
        .bind(id)
        .bind(kind)
        .run(&mut *tx)
        .await?;
    // the sweeper goes by uploads, and this one may have been forgotten
    per_engine(
        "INSERT IGNORE INTO uploads (id, user_id, name, length, received, parts, finished, expires_at)
         SELECT id, user_id, name, size, size, 0, 1, ? FROM files
         WHERE id = ? AND NOT EXISTS (SELECT 1 FROM file_links WHERE file_id = ?)",
        "INSERT OR IGNORE INTO uploads (id, user_id, name, length, received, parts, finished, expires_at)
         SELECT id, user_id, name, size, size, 0, 1, ? FROM files
         WHERE id = ? AND NOT EXISTS (SELECT 1 FROM file_links WHERE file_id = ?)",
    )
    .bind(at)
    .bind(file)
    .bind(file)
    .run(tx)
    .await?;
    Ok(())
}

/// Who holds this, a file or a picture. Those whose picture it is are asked too: nodes of former releases note it
/// there alone. A kind that a newer release knows is left out.
pub async fn holders(db: &Db, file: Uuid) -> Result<Vec<FileHolder>> {
    let found: Vec<(String, Uuid)> =
        sql("SELECT holder_kind AS kind, conversation_id AS id FROM file_links WHERE file_id = ?
             UNION ALL SELECT 'user' AS kind, id FROM users WHERE avatar_id = ?")
        .bind(file)
        .bind(file)
        .all(db)
        .await?;
    let holder = |(kind, id): (String, Uuid)| match kind.as_str() {
        "conversation" => Some(FileHolder::Conversation(ConversationId(id))),
        "user" => Some(FileHolder::User(UserId(id))),
        _ => None,
    };
    let once: BTreeSet<_> = found.into_iter().filter_map(holder).collect();
    Ok(once.into_iter().collect())
}

/// Which of these somebody holds, of whatever kind.
pub async fn held_of(db: &Db, ids: impl IntoIterator<Item = Uuid> + Clone) -> Result<Vec<Uuid>> {
    let held: Vec<(Uuid,)> = sql("SELECT file_id AS id FROM file_links WHERE file_id IN (..)
             UNION ALL SELECT avatar_id AS id FROM users WHERE avatar_id IN (..)")
    .list(ids.clone())
    .list(ids)
    .all(db)
    .await?;
    let once: BTreeSet<_> = held.into_iter().map(|(id,)| id).collect();
    Ok(once.into_iter().collect())
}

/// Lets the members of conversations read the files their messages carry: (file, conversation, seq). Belongs into the
/// transaction that stores these messages.
pub async fn link(
    tx: &mut Tx,
    carried: impl IntoIterator<Item = (FileId, ConversationId, i64)>,
) -> Result<()> {
    let carried: Vec<_> = carried.into_iter().collect();
    hold(tx, carried.iter().map(|(file, c, _)| (file.0, FileHolder::Conversation(*c)))).await?;
    sql("INSERT INTO file_messages (file_id, conversation_id, seq) VALUES ..")
        .rows(carried.iter().map(|(file, c, seq)| [(*file).into(), (*c).into(), (*seq).into()]))
        .run(tx)
        .await?;
    Ok(())
}

/// A message carries its file no longer. If no other message of the conversation does, its members cannot read it any
/// more, and if nobody holds it, it is swept away like one that was never sent. Belongs into the
/// transaction that recalls the message.
pub async fn unlink(
    tx: &mut Tx,
    file: FileId,
    conversation: ConversationId,
    seq: i64,
    at: i64,
) -> Result<()> {
    sql("DELETE FROM file_messages WHERE file_id = ? AND conversation_id = ? AND seq = ?")
        .bind(file)
        .bind(conversation)
        .bind(seq)
        .run(&mut *tx)
        .await?;
    let another: Option<(i64,)> =
        sql("SELECT seq FROM file_messages WHERE file_id = ? AND conversation_id = ? LIMIT 1")
            .bind(file)
            .bind(conversation)
            .locking() // as of now, and not as of the beginning of the transaction
            .optional(&mut *tx)
            .await?;
    if another.is_none() {
        release(tx, file.0, FileHolder::Conversation(conversation), at).await?;
    }
    Ok(())
}

/// The kind and the id of a holder.
fn columns(holder: FileHolder) -> (&'static str, Uuid) {
    match holder {
        FileHolder::Conversation(id) => ("conversation", id.0),
        FileHolder::User(id) => ("user", id.0),
    }
}
