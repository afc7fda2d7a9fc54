//! Where notices end on this node: in mailboxes of sockets, and with the tasks that look after calls.

use std::sync::Arc;

use crate::hub::Hub;
use crate::notice::Notice;
use crate::words::group_calls::Membership;
use crate::words::inbox::Inboxes;

#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) hub: Arc<Hub>,
    pub(super) inboxes: Arc<Inboxes>,
}

impl Delivery {
    pub(super) fn deliver(&self, notice: &Notice) {
        self.hub.deliver(notice);
        match notice {
            Notice::Calls(word) => self.inboxes.calls.put(word.clone()),
            Notice::GroupCalls(word) => self.inboxes.group_calls.put(word.as_ref().clone()),
            Notice::Members { conversation, joined, left } => {
                let (conversation, joined, left) = (*conversation, joined.clone(), left.clone());
                self.inboxes.memberships.put(Membership { conversation, joined, left });
            }
            _ => {}
        }
    }
}
