//! The group calls that live on this node: where they were started, because their rooms are here.

use std::collections::HashMap;

use crate::domain::group_call::GroupCall;
use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::refusal::{Code, Result};
use crate::domain::user::User;

/// Group calls of one node, those just over among them; one more is refused with `busy`.
pub const GROUP_CALLS_MAX: usize = 2_000;

#[derive(Default)]
pub(super) struct Board {
    calls: HashMap<CallId, Entry>,
    /// The live call of a conversation.
    live_in: HashMap<ConversationId, CallId>,
}

pub(super) struct Entry {
    pub(super) call: GroupCall,
    /// Everybody who came or was asked in, as they were then.
    pub(super) people: HashMap<UserId, User>,
    /// Something changed that not everybody has been told; whom it concerned until then.
    pub(super) untold: Option<Vec<UserId>>,
    /// In ticks.
    pub(super) told_at: i64,
}

impl Board {
    /// Takes a new call in; the live call of its conversation if there is one.
    pub(super) fn insert(&mut self, call: GroupCall, people: Vec<User>) -> Result<Option<CallId>> {
        let (id, conversation) = (call.origin.id, call.origin.conversation_id);
        if let Some(live) = self.live_in.get(&conversation) {
            return Ok(Some(*live));
        }
        if self.calls.len() >= GROUP_CALLS_MAX {
            metrics::counter!("beckon_limited_total", "what" => "group_calls").increment(1);
            return Err(Code::Busy.into());
        }
        if self.calls.contains_key(&id) {
            return Err(Code::CallOver.into());
        }
        self.live_in.insert(conversation, id);
        let people = people.into_iter().map(|user| (user.id, user)).collect();
        self.calls.insert(id, Entry { call, people, untold: None, told_at: i64::MIN / 2 });
        Ok(None)
    }

    pub(super) fn get(&self, id: CallId) -> Option<&Entry> {
        self.calls.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: CallId) -> Option<&mut Entry> {
        self.calls.get_mut(&id)
    }

    pub(super) fn live_in(&self, conversation: ConversationId) -> Option<&Entry> {
        self.calls.get(self.live_in.get(&conversation)?)
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Entry> {
        self.calls.values().filter(|entry| entry.call.is_live())
    }

    pub(super) fn ids(&self) -> Vec<CallId> {
        self.calls.keys().copied().collect()
    }

    /// The call is over: its conversation may have another one.
    pub(super) fn release(&mut self, id: CallId) {
        let Some(entry) = self.calls.get(&id) else { return };
        let conversation = entry.call.origin.conversation_id;
        if self.live_in.get(&conversation) == Some(&id) {
            self.live_in.remove(&conversation);
        }
    }

    pub(super) fn forget(&mut self, id: CallId) {
        self.release(id);
        self.calls.remove(&id);
    }
}
