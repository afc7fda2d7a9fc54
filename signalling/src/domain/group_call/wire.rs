//! Group calls as clients see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::user::Profile;

/// What a group call was started with; everybody may still do more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupMedia {
    Voice,
    Video,
}

/// What a moderator may mute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MuteSource {
    Microphone,
    Camera,
    ScreenShare,
}

/// A group call as everybody who may join it sees it. As it is one text for all, the profiles' `relation` is `none`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = GroupCall)]
pub struct GroupCallState {
    pub id: CallId,
    pub conversation_id: ConversationId,
    pub media: GroupMedia,
    pub started_by: UserId,
    pub started_at: i64,
    pub state: GroupCallPhase,
    /// Who is in it, longest first.
    pub participants: Vec<Profile>,
    /// Whom it rings.
    pub invited: Vec<Profile>,
    /// People at once.
    pub size_max: usize,
    pub moderators: Vec<UserId>,
    /// Not ended by anybody: the node that held it is gone, and whoever was in it may go on with it elsewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupCallPhase {
    Active,
    Over,
}

/// The way into a group call's room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallTicket {
    pub call: GroupCallState,
    /// Where the room is, for a LiveKit SDK.
    pub url: String,
    /// A LiveKit access token, good for 10 minutes to join.
    pub token: String,
    /// Signed by the server: whoever was in the call presents it to join the same call after the server restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
}
