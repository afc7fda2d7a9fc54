//! A group call on the board of this node: where it was started, because its room is here.

use std::collections::HashMap;

use crate::board::Entry;
use crate::domain::group_call::GroupCall;
use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::user::User;

pub(super) struct GroupCallEntry {
    pub(super) call: GroupCall,
    /// Everybody who came or was asked in, as they were then.
    pub(super) people: HashMap<UserId, User>,
    /// Something changed that not everybody has been told; whom it concerned until then.
    pub(super) untold: Option<Vec<UserId>>,
    /// In ticks.
    pub(super) told_at: i64,
}

impl Entry for GroupCallEntry {
    type Occupied = ConversationId;
    const MAX: usize = 2_000;
    const KIND: &'static str = "group_calls";

    fn id(&self) -> CallId {
        self.call.origin.id
    }

    fn occupied(&self) -> impl Iterator<Item = ConversationId> {
        [self.call.origin.conversation_id].into_iter()
    }

    fn is_live(&self) -> bool {
        self.call.is_live()
    }
}

impl GroupCallEntry {
    pub(super) fn new(call: GroupCall, people: Vec<User>) -> GroupCallEntry {
        let people = people.into_iter().map(|user| (user.id, user)).collect();
        GroupCallEntry { call, people, untold: None, told_at: i64::MIN / 2 }
    }
}
