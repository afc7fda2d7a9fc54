//! Contacts and the requests that make them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::conversation::Writing;
use super::ids::{ConversationId, RequestId, UserId};
use super::refusal::{Code, Result};
use super::user::{Presence, Profile, Relation};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    pub user: Profile,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// True in incremental sync for somebody who is no longer a contact.
    pub deleted: bool,
    pub ver: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    pub presence: Presence,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ContactRequest {
    pub id: RequestId,
    pub from: Profile,
    pub to: Profile,
    pub message: String,
    pub way: Way,
    pub status: RequestStatus,
    pub at: i64,
    pub updated_at: i64,
    pub read: bool,
}

/// How somebody found the person they ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    #[default]
    Name,
    Id,
    Group,
    Qr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestStatus {
    Pending,
    Accepted,
    Refused,
    Blocked,
}

/// One person's side of a relation, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    pub contact: bool,
    pub blocked: bool,
}

/// What becomes of words and calls to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Them,
    /// They have blocked me: nothing reaches them, and nothing tells me.
    InVain,
}

/// Both sides of a relation; everything two people may do with each other follows from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bond {
    pub mine: Side,
    pub theirs: Side,
}

impl Bond {
    /// May I write to and call them? To whoever is blocked, the blocker looks like a contact who is away.
    pub fn may_reach(self) -> Result<Reach> {
        let Bond { mine, theirs } = self;
        match (mine.contact && theirs.contact, theirs.blocked) {
            _ if mine.blocked => Err(Code::Blocked.into()),
            (true, true) => Ok(Reach::InVain),
            (true, false) => Ok(Reach::Them),
            (false, _) => Err(Code::NotContacts.into()),
        }
    }

    /// Whether presence flows between the two.
    pub fn is_open(self) -> bool {
        matches!(self.may_reach(), Ok(Reach::Them))
    }

    /// What becomes of what I write to them.
    pub fn my_writing(self) -> Writing {
        match self.may_reach() {
            Ok(Reach::Them) => Writing::Open,
            Ok(Reach::InVain) => Writing::Withheld,
            Err(_) => Writing::Closed,
        }
    }

    /// The same two, seen from the other side.
    pub fn reversed(self) -> Bond {
        Bond { mine: self.theirs, theirs: self.mine }
    }

    pub fn relation(self, requested: bool, asks_me: bool) -> Relation {
        match self {
            Bond { mine: Side { blocked: true, .. }, .. } => Relation::Blocked,
            Bond { mine: Side { contact: true, .. }, .. } => Relation::Contact,
            _ if asks_me => Relation::AsksMe,
            _ if requested => Relation::Requested,
            _ => Relation::None,
        }
    }
}

/// The two ids of a one-to-one conversation in one order, whoever opens it: its unique key.
pub fn pair_key(a: UserId, b: UserId) -> [u8; 32] {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    let mut key = [0; 32];
    key[..16].copy_from_slice(low.0.as_bytes());
    key[16..].copy_from_slice(high.0.as_bytes());
    key
}

/// The other id of a [`pair_key`].
pub fn other_of_pair(key: &[u8], me: UserId) -> Option<UserId> {
    let half = |range| uuid::Uuid::from_slice(key.get(range)?).ok().map(UserId);
    let (low, high) = (half(0..16)?, half(16..32)?);
    Some(if low == me { high } else { low })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTACT: Side = Side { contact: true, blocked: false };
    const BLOCKER: Side = Side { contact: true, blocked: true };

    #[test]
    fn a_block_stops_both_and_is_not_told_to_the_blocked() {
        let open = Bond { mine: CONTACT, theirs: CONTACT };
        assert_eq!(open.may_reach().unwrap(), Reach::Them);
        let blocked_by_me = Bond { mine: BLOCKER, theirs: CONTACT };
        assert_eq!(blocked_by_me.may_reach().unwrap_err().code, Code::Blocked);
        let blocked_by_them = Bond { mine: CONTACT, theirs: BLOCKER };
        assert_eq!(blocked_by_them.may_reach().unwrap(), Reach::InVain);
        assert_eq!(blocked_by_them.my_writing(), Writing::Withheld);
        assert_eq!(blocked_by_them.reversed().my_writing(), Writing::Closed);
        assert!(!blocked_by_them.is_open());
        assert_eq!(blocked_by_them.relation(false, false), Relation::Contact);
    }

    #[test]
    fn a_pair_has_one_key() {
        let (a, b) = (UserId::fresh(), UserId::fresh());
        assert_eq!(pair_key(a, b), pair_key(b, a));
        assert_eq!(other_of_pair(&pair_key(a, b), a), Some(b));
        assert_eq!(other_of_pair(&pair_key(a, b), b), Some(a));
        assert_eq!(other_of_pair(&[1, 2], a), None);
    }
}
