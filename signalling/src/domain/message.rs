//! Messages: what they carry and what may be done to them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call_record::{CallMedia, CallOutcome};
use super::ids::{CallId, ClientMsgId, ConversationId, FileId, MessageId, UserId};
use super::refusal::{Code, Refusal, Result};
use super::{schema, text};

/// How long the sender may take a message back, in milliseconds.
pub const RECALL_MS: i64 = 2 * 60 * 1000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    pub id: MessageId,
    pub conversation_id: ConversationId,
    /// Dense over the conversation's visible messages, from 1.
    pub seq: i64,
    /// Dense over the conversation's changes of any kind, from 1.
    pub ver: i64,
    pub sender_id: UserId,
    pub client_msg_id: ClientMsgId,
    pub at: i64,
    pub body: Body,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalled_at: Option<i64>,
    /// Written by somebody whom the other one has blocked. Not on the wire: it is told by [`Message::seen_by`].
    #[serde(skip)]
    pub withheld: bool,
}

/// What a message carries, as everybody reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    Text {
        text: String,
    },
    Image {
        file_id: FileId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
        name: String,
        size: i64,
        mime: String,
        width: i64,
        height: i64,
    },
    File {
        file_id: FileId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
        name: String,
        size: i64,
        mime: String,
    },
    Call {
        call_id: CallId,
        media: CallMedia,
        outcome: CallOutcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_ms: Option<i64>,
    },
    System {
        event: SystemEvent,
    },
    /// What is left of a recalled message.
    Recalled,
    /// What I see of a message by somebody whom I had blocked. It stands for its number, and is not shown.
    Withheld,
}

impl Body {
    /// The file that a message carries.
    pub fn file_id(&self) -> Option<FileId> {
        match self {
            Body::Image { file_id, .. } | Body::File { file_id, .. } => Some(*file_id),
            _ => None,
        }
    }
}

/// What a client may send.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Draft {
    Text {
        #[schema(schema_with = schema::message_text)]
        text: String,
    },
    Image {
        file_id: FileId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(schema_with = schema::message_text, required = false)]
        caption: Option<String>,
    },
    File {
        file_id: FileId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(schema_with = schema::message_text, required = false)]
        caption: Option<String>,
    },
}

/// Something that happened to the conversation itself, told as a line in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemEvent {
    pub kind: SystemKind,
    pub actor_id: UserId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_ids: Vec<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SystemKind {
    Created,
    Invited,
    Left,
    Removed,
    Renamed,
    Owner,
    /// Two people became contacts.
    Contact,
}

/// Anything that happened in a conversation, numbered densely by `ver`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    pub ver: i64,
    pub at: i64,
    #[serde(flatten)]
    pub what: ChangeKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChangeKind {
    Message {
        message: Message,
    },
    Recall {
        seq: i64,
        /// Who took it back; changes of former versions do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
        /// What is left of it.
        message: Message,
    },
    /// Of a kind that this version does not know, because a newer one made it. Readers go on to the next `ver`.
    #[serde(other)]
    Unknown,
}

impl Change {
    /// The change as `user` may read it.
    pub fn seen_by(self, user: UserId) -> Change {
        let what = match self.what {
            ChangeKind::Message { message } => {
                ChangeKind::Message { message: message.seen_by(user) }
            }
            ChangeKind::Recall { seq, by, message } => {
                ChangeKind::Recall { seq, by, message: message.seen_by(user) }
            }
            ChangeKind::Unknown => ChangeKind::Unknown,
        };
        Change { what, ..self }
    }
}

/// The answer to a send, given only after the message is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ack {
    pub client_msg_id: ClientMsgId,
    pub msg_id: MessageId,
    pub conversation_id: ConversationId,
    pub seq: i64,
    pub ver: i64,
    pub at: i64,
    /// True when this `client_msg_id` was stored before; the rest tells of the first time.
    pub dup: bool,
    /// One-to-one only: whether any device of the other person is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_online: Option<bool>,
}

impl Draft {
    pub fn check(&self) -> Result<()> {
        match self {
            Draft::Text { text } => text::paragraph(text, text::TEXT_CHARS_MAX, "body.text"),
            Draft::Image { caption, .. } | Draft::File { caption, .. } => match caption {
                Some(caption) => text::paragraph(caption, text::TEXT_CHARS_MAX, "body.caption"),
                None => Ok(()),
            },
        }
    }

    pub fn file_id(&self) -> Option<FileId> {
        match self {
            Draft::Text { .. } => None,
            Draft::Image { file_id, .. } | Draft::File { file_id, .. } => Some(*file_id),
        }
    }
}

impl Message {
    /// The message as `user` may read it.
    pub fn seen_by(self, user: UserId) -> Message {
        match self.withheld && self.sender_id != user {
            true => Message { body: Body::Withheld, recalled_at: None, ..self },
            false => self,
        }
    }

    /// May `user` take this message back now?
    pub fn may_recall(&self, user: UserId, now: i64) -> Result<()> {
        match self.body {
            Body::Recalled => Err(Code::Gone.into()),
            Body::System { .. } | Body::Call { .. } | Body::Withheld => Err(Code::Denied.into()),
            _ if self.sender_id != user => Err(Code::Denied.into()),
            _ if now - self.at > RECALL_MS => Err(Refusal::from(Code::TooLate)),
            _ => Ok(()),
        }
    }
}
