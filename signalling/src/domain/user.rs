//! Users, as others and as they themselves see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{AppId, AvatarId, UserId};

/// A person as the store knows them, without secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub id: UserId,
    pub app: AppId,
    pub name: String,
    pub nickname: String,
    pub avatar: Option<AvatarId>,
    /// Others may become a contact without asking.
    pub direct_add: bool,
    pub disabled: bool,
    pub role: AccountRole,
    pub created_at: i64,
}

/// What somebody may do beyond their own account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    #[default]
    User,
    /// Work on everybody's accounts.
    Admin,
}

/// One's own account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    pub id: UserId,
    pub name: String,
    pub nickname: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    pub direct_add: bool,
    // nodes of former releases do not tell it
    #[serde(default)]
    #[schema(required = true)]
    pub role: AccountRole,
    pub created_at: i64,
}

/// Somebody as seen by somebody else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    pub id: UserId,
    pub name: String,
    pub nickname: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    pub relation: Relation,
}

/// What the other person is to me.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    #[serde(rename = "self")]
    Oneself,
    Contact,
    /// I asked and wait.
    Requested,
    /// They asked and wait.
    AsksMe,
    /// I blocked them.
    Blocked,
    None,
}

impl Presence {
    /// How strangers see somebody.
    pub fn unknown(user_id: UserId) -> Presence {
        Presence { user_id, state: Availability::Offline, last_seen_at: None }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    Online,
    Away,
    #[default]
    Offline,
}

impl Availability {
    /// Of two devices, the one that is nearer to answering.
    pub fn nearest(self, other: Availability) -> Availability {
        use Availability::*;
        match (self, other) {
            (Online, _) | (_, Online) => Online,
            (Away, _) | (_, Away) => Away,
            (Offline, Offline) => Offline,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Presence {
    pub user_id: UserId,
    pub state: Availability,
    /// When the last device went away; only while offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<i64>,
}

impl User {
    pub fn to_me(&self) -> Me {
        Me {
            id: self.id,
            name: self.name.clone(),
            nickname: self.nickname.clone(),
            avatar: self.avatar_url(),
            direct_add: self.direct_add,
            role: self.role,
            created_at: self.created_at,
        }
    }

    pub fn to_profile(&self, relation: Relation) -> Profile {
        Profile {
            id: self.id,
            name: self.name.clone(),
            nickname: self.nickname.clone(),
            avatar: self.avatar_url(),
            relation,
        }
    }

    fn avatar_url(&self) -> Option<String> {
        self.avatar.map(|id| format!("/api/v1/avatars/{id}"))
    }
}
