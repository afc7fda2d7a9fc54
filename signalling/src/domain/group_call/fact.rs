//! What somebody in a group call carries, signed by the server: enough to go on with it on a node that has never heard of
//! it.

use serde::{Deserialize, Serialize};

use super::Origin;
use crate::domain::ids::UserId;

/// That somebody was let into a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCallFact {
    pub origin: Origin,
    /// Who may present it.
    pub holder: UserId,
    /// Was asked in from outside the conversation.
    pub guest: bool,
    /// As all times here in milliseconds since 1970 UTC: the next process knows no other clock.
    pub issued_at: i64,
    pub expires_at: i64,
}
