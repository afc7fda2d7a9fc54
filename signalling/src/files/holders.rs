//! Who may read what somebody holds: asked of the holder, each kind in its own way.

use uuid::Uuid;

use super::Files;
use crate::domain::file::FileHolder;
use crate::domain::ids::UserId;
use crate::domain::refusal::Result;
use crate::store;

impl Files {
    /// Whether anybody who holds this, a file or a picture, shows it to `reader`.
    pub(super) async fn is_shown(&self, object: Uuid, reader: UserId) -> Result<bool> {
        let mut conversations = vec![];
        for holder in store::files::holders(&self.db, object).await? {
            match holder {
                FileHolder::Conversation(id) => conversations.push(id), // to its members
                FileHolder::User(_) => return Ok(true), // whoever is signed in sees what people look like
            }
        }
        Ok(!conversations.is_empty()
            && store::members::is_in_any(&self.db, reader, conversations).await?)
    }

    /// Whether anybody holds this.
    pub(super) async fn is_held(&self, object: Uuid) -> Result<bool> {
        Ok(!store::files::held_of(&self.db, [object]).await?.is_empty())
    }
}
