//! Files: an upload on its way, and what it becomes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{ConversationId, FileId, UserId};
use super::refusal::{Code, Result};

/// An upload: `received` of `length` bytes are stored. Its id becomes the file's.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    pub id: FileId,
    pub user: UserId,
    pub name: String,
    pub length: i64,
    pub received: i64,
    pub parts: i64,
    /// All bytes have arrived *and* the file stands.
    pub finished: bool,
    pub expires_at: i64,
}

impl Upload {
    pub fn is_complete(&self) -> bool {
        self.received == self.length
    }

    pub fn remaining(&self) -> i64 {
        self.length - self.received
    }

    /// May the bytes from `offset` on come now?
    pub fn may_continue(&self, offset: i64, now: i64) -> Result<()> {
        match self {
            _ if self.expires_at <= now => Err(Code::Gone.into()),
            _ if self.received != offset => Err(Code::OffsetMismatch.into()),
            _ => Ok(()),
        }
    }
}

/// A finished file.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFile {
    pub info: FileInfo,
    pub user: UserId,
    pub sha256: Vec<u8>,
    pub created_at: i64,
}

/// Who keeps a file, or a picture of a person. What nobody holds is swept away, and whoever holds something decides
/// who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileHolder {
    /// A message there carries it.
    Conversation(ConversationId),
    /// It is their picture.
    User(UserId),
}

/// What everybody who may read a file is told about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileInfo {
    pub id: FileId,
    pub name: String,
    pub size: i64,
    /// What the bytes are, whatever the uploader called them.
    pub mime: String,
    /// Images that can be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
}

impl FileInfo {
    /// Width and height of an image that can be shown.
    pub fn shown_size(&self) -> Option<(i64, i64)> {
        self.width.zip(self.height)
    }
}

/// What somebody may upload. All figures but `unfinished_max` and `image_side_max` are bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Allowance {
    /// What my files take, uploads on their way included.
    pub used_bytes: u64,
    /// What they may take; absent where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    pub file_bytes_max: u64,
    /// Unfinished uploads at once.
    pub unfinished_max: i64,
    pub avatar_bytes_max: u64,
    /// A larger image is sent as a plain file.
    pub image_bytes_max: u64,
    /// Pixels of the longer side; a longer image is sent as a plain file.
    pub image_side_max: u32,
    /// Memory that decoding may take, three bytes a pixel for most photos; what needs more is sent as a plain file.
    pub image_memory_bytes_max: u64,
}
