//! Files: resumable uploads, what becomes of them, and who may read them.
//!
//! The bytes of an upload are stored in parts as they arrive, each named by its offset, so that
//! any node over the same storage can go on where another stopped. When the last byte is in, the
//! parts are read once more and become the file.

mod avatars;
mod client;
mod decoders;
mod disk;
mod finish;
mod holders;
pub mod images;
mod limited;
mod metadata;
pub mod names;
mod orphans;
mod parts;
mod piping;
mod reading;
pub(crate) mod state;
mod storage;
mod sweeper;
mod turned;
mod uploads;
mod webp_tail;
mod writers;

use crate::domain::refusal::{Code, Refusal};

pub use avatars::{remove_avatar, set_avatar};
pub use client::Client;
pub use reading::Bytestream;
pub use state::{AVATAR_UPLOAD_BYTES_MAX, Files};
pub use storage::{Opened, Storage};

impl From<object_store::Error> for Refusal {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Code::NotFound.into(),
            error => Refusal::unavailable(error),
        }
    }
}

#[cfg(test)]
mod tests;
