//! Where group calls live: one a conversation over all nodes, found by conversation, by id and by whom it rings.

use super::claims::{Claim, Claimed, HeldCall};
use super::{CALL_LEASE, Cache};
use crate::domain::group_call::GroupCallState;
use crate::domain::ids::{CallId, ConversationId, NodeId, UserId};

impl Claimed for GroupCallState {
    const KIND: &'static str = "group_call";

    fn id(&self) -> CallId {
        self.id
    }

    fn occupied(&self) -> Vec<String> {
        vec![conversation_key(self.conversation_id)]
    }
}

impl Cache {
    /// Claims a conversation for a call against all other nodes; the call that is there already, if one is.
    /// Nothing stands in the way when there is no Redis, or none that answers.
    pub async fn claim_group_call(
        &self,
        call: &GroupCallState,
    ) -> Option<HeldCall<GroupCallState>> {
        match self.claim(call).await {
            Claim::Taken | Claim::Unknown => None,
            Claim::InTheWay { occupied_by, same_id } => {
                occupied_by.into_iter().flatten().next().or(same_id)
            }
        }
    }

    /// Keeps a claim alive, says how the call stands now, and from where `guests` may come to it; false when the call
    /// is another node's by now.
    pub async fn renew_group_call(&self, call: &GroupCallState, guests: &[UserId]) -> bool {
        if !self.renew(call).await {
            return false;
        }
        let Some(redis) = self.redis.as_ref().filter(|_| !guests.is_empty()) else { return true };
        let (id, lease) = (call.id.to_string(), CALL_LEASE.as_millis() as u64);
        let mut pipeline = ::redis::pipe();
        for guest in guests {
            pipeline.pset_ex(guest_key(*guest), &id, lease).ignore();
        }
        let _ = redis.ask_all::<()>(pipeline).await;
        true
    }

    pub async fn release_group_call(&self, id: CallId, conversation: ConversationId) {
        self.release::<GroupCallState>(id, vec![conversation_key(conversation)]).await;
    }

    /// A call and where it lives, if a node that lives has told.
    pub async fn group_call(&self, id: CallId) -> Option<HeldCall<GroupCallState>> {
        self.find([id.to_string()]).await.pop()
    }

    /// The calls of these conversations, and the one that `guest` was asked into, on whatever node they live.
    pub async fn group_calls(
        &self,
        conversations: impl IntoIterator<Item = ConversationId>,
        guest: Option<UserId>,
    ) -> Vec<HeldCall<GroupCallState>> {
        let keys = conversations.into_iter().map(conversation_key).chain(guest.map(guest_key));
        let ids = self.ids_under(keys.collect()).await;
        self.find(ids).await
    }

    /// The calls that a node held when it was last heard of, but for those that are another's by now.
    pub async fn group_calls_left_by(&self, node: NodeId) -> Vec<GroupCallState> {
        self.left_by(node).await
    }
}

fn conversation_key(conversation: ConversationId) -> String {
    format!("beckon:group_call_in:{conversation}")
}

fn guest_key(guest: UserId) -> String {
    format!("beckon:group_call_with:{guest}")
}
