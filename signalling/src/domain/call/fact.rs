//! What both clients of an answered call carry, signed by the server: enough to take the call up again on a node that
//! has never heard of it.

use serde::{Deserialize, Serialize};

use super::{Parties, Snapshot};
use crate::domain::call_record::CallMedia;
use crate::domain::ids::ConversationId;

/// How long a fact can be presented: longer than people talk. Each time somebody comes back they get a newer one.
pub const FACT_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// An answered call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFact {
    pub parties: Parties,
    pub conversation_id: ConversationId,
    pub media: CallMedia,
    pub started_at: i64,
    pub accepted_at: i64,
    /// As all times here in milliseconds since 1970 UTC: the next process knows no other clock.
    pub issued_at: i64,
    pub expires_at: i64,
}

impl CallFact {
    /// The fact of a call as it stands; none before the answer.
    pub fn of(call: &Snapshot, now: i64) -> Option<CallFact> {
        Some(CallFact {
            parties: call.parties,
            conversation_id: call.conversation_id,
            media: call.media,
            started_at: call.started_at,
            accepted_at: call.accepted_at?,
            issued_at: now,
            expires_at: now + FACT_LIFE_MS,
        })
    }
}
