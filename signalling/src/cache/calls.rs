//! Where one-to-one calls live: two nodes must not start calls with the same person at once.

use super::Cache;
use super::claims::{Claim, Claimed, HeldCall, TakeUp};
use crate::domain::call::{Parties, Snapshot};
use crate::domain::ids::{CallId, NodeId, UserId};

/// What another node knows of the two people of a new call.
#[derive(Clone, Debug, Default)]
pub struct CallClaim {
    pub caller_in: Option<Snapshot>,
    pub callee_in: Option<Snapshot>,
    /// The live call that has this id already.
    pub same_id: Option<Snapshot>,
    /// Nothing stood in the way, and the two are claimed for the new call.
    pub taken: bool,
}

impl Claimed for Snapshot {
    const KIND: &'static str = "call";

    fn id(&self) -> CallId {
        self.parties.call_id
    }

    fn occupied(&self) -> Vec<String> {
        // whoever must not hear of a call is not claimed for it: nobody has the id of a call
        people(match self.in_vain {
            true => Parties { callee: UserId(self.parties.call_id.0), ..self.parties },
            false => self.parties,
        })
    }
}

impl Cache {
    /// Claims both people of a call against all other nodes. Nothing stands in the way when there is no Redis,
    /// or none that answers: then this node's own calls are all it knows.
    pub async fn claim_call(&self, call: &Snapshot) -> CallClaim {
        match self.claim(call).await {
            Claim::Taken => CallClaim { taken: true, ..CallClaim::default() },
            Claim::Unknown => CallClaim::default(),
            Claim::InTheWay { occupied_by, same_id } => {
                let call = |held: Option<HeldCall<Snapshot>>| held.map(|held| held.call);
                let mut found = occupied_by.into_iter().map(call);
                let (caller_in, callee_in) = (found.next().flatten(), found.next().flatten());
                let same_id = call(same_id);
                CallClaim { caller_in, callee_in, same_id, taken: false }
            }
        }
    }

    /// Claims an answered call that this node has been shown the fact of: one node takes it, whoever asks where.
    pub async fn take_up_call(&self, call: &Snapshot) -> TakeUp<Snapshot> {
        self.take_up(call).await
    }

    /// Keeps a claim alive and says how the call stands now; false when the call is another node's by now.
    pub async fn renew_call(&self, call: &Snapshot) -> bool {
        self.renew(call).await
    }

    pub async fn release_call(&self, parties: &Parties) {
        self.release::<Snapshot>(parties.call_id, people(*parties)).await;
    }

    /// A call and where it lives, if a node that lives has told.
    pub async fn held_call(&self, id: CallId) -> Option<HeldCall<Snapshot>> {
        self.find([id.to_string()]).await.pop()
    }

    /// The live call somebody is in on any node.
    pub async fn call_of(&self, user: UserId) -> Option<HeldCall<Snapshot>> {
        let ids = self.ids_under(vec![user_key(user)]).await;
        self.find(ids).await.pop()
    }

    /// The calls that a node held when it was last heard of, but for those that are another's by now.
    pub async fn calls_left_by(&self, node: NodeId) -> Vec<Snapshot> {
        self.left_by(node).await
    }
}

fn people(parties: Parties) -> Vec<String> {
    vec![user_key(parties.caller), user_key(parties.callee)]
}

fn user_key(user: UserId) -> String {
    format!("beckon:call_of:{user}")
}
