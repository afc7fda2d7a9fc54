//! Membership, asked of many conversations at once.

use super::sql::{Db, Result, sql};
use crate::domain::ids::{ConversationId, UserId};

/// Whether somebody is a member of any of these.
pub async fn is_in_any(
    db: &Db,
    user: UserId,
    conversations: impl IntoIterator<Item = ConversationId>,
) -> Result<bool> {
    let found: Vec<(ConversationId,)> =
        sql("SELECT conversation_id FROM members WHERE user_id = ? AND conversation_id IN (..)")
            .bind(user)
            .list(conversations)
            .all(db)
            .await?;
    Ok(!found.is_empty())
}
