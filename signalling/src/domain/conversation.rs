//! Conversations and their members.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::Array;

use super::ids::{ConversationId, UserId};
use super::message::Message;
use super::schema;
use super::user::{Presence, Profile};

/// Fan-out and the members list are sized for this.
pub const GROUP_MEMBERS_MAX: usize = 500;
/// In larger groups every receipt would go to everybody: they see only their own.
pub const SHARED_RECEIPTS_MEMBERS_MAX: i64 = 50;

/// The members of a new group, besides oneself.
pub fn other_members_schema() -> Array {
    schema::people(0, GROUP_MEMBERS_MAX - 1)
}

/// People who are added to a group.
pub fn invited_members_schema() -> Array {
    schema::people(1, GROUP_MEMBERS_MAX - 1)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Direct,
    Group,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Member,
    Owner,
}

/// What becomes of what a member writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Refused: the two are no contacts any more, or this member has blocked the other.
    Closed,
    Open,
    /// The other one has blocked this member, who is not told: it is kept, and only its sender ever reads it.
    Withheld,
}

impl Writing {
    /// What the member may know of it.
    pub fn is_allowed(self) -> bool {
        self != Writing::Closed
    }
}

/// A conversation as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    pub id: ConversationId,
    pub kind: Kind,
    /// Groups only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// One-to-one only: the other person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Profile>,
    pub role: Role,
    /// False when I can read but not write (no longer contacts).
    pub writable: bool,
    pub member_count: i64,
    /// Number of the newest visible message.
    pub last_seq: i64,
    /// Number of the newest change of any kind.
    pub last_ver: i64,
    pub read_seq: i64,
    pub received_seq: i64,
    pub unread: i64,
    /// One-to-one only: how far the other person has read and received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_read_seq: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_received_seq: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<Presence>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub user: Profile,
    pub role: Role,
    pub joined_at: i64,
    pub read_seq: i64,
    pub received_seq: i64,
}

/// How far somebody has received and read a conversation; cumulative, `read <= received <= last seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    pub received_seq: i64,
    pub read_seq: i64,
}

/// What a client reports: either or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    #[serde(default)]
    pub received_seq: i64,
    #[serde(default)]
    pub read_seq: i64,
}

impl Progress {
    /// Reading implies receiving; nobody gets ahead of what exists.
    pub fn clamped(self, last_seq: i64) -> Progress {
        let read_seq = self.read_seq.clamp(0, last_seq);
        Progress { read_seq, received_seq: self.received_seq.clamp(read_seq, last_seq) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn read_is_never_ahead_of_received_nor_of_what_exists(
            received_seq in any::<i64>(), read_seq in any::<i64>(), last in 0..i64::MAX
        ) {
            let p = Progress { received_seq, read_seq }.clamped(last);
            prop_assert!(0 <= p.read_seq && p.read_seq <= p.received_seq && p.received_seq <= last);
        }
    }
}
