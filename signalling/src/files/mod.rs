//! Files: resumable uploads, what becomes of them, and who may read them.
//!
//! The bytes of an upload are stored in parts as they arrive, each named by its offset, so that
//! any node over the same storage can go on where another stopped. When the last byte is in, the
//! parts are read once more and become the file.

mod avatars;
mod decoders;
mod disk;
mod finish;
pub mod images;
mod limited;
mod metadata;
pub mod names;
mod orphans;
mod parts;
mod piping;
mod reading;
mod storage;
mod sweeper;
mod turned;
mod uploads;
mod webp_tail;
mod writers;

use crate::config;
use crate::domain::file::Allowance;
use crate::domain::ids::UserId;
use crate::domain::network::Network;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::shares::{Bounds, Holder, Share, Shares};
use crate::store;
use crate::store::sql::Db;
pub use avatars::{AVATAR_UPLOAD_BYTES_MAX, remove_avatar, set_avatar};
use decoders::Decoders;
pub use reading::Bytestream;
pub use storage::{Opened, Storage};
use writers::Writers;

/// Pictures of people on their way in. Each holds [`AVATAR_UPLOAD_BYTES_MAX`] at most.
const AVATARS: Bounds = Bounds { all: 6, person: 1, network: 2 };

/// Files that are read at once. Each holds a descriptor and some kilobytes; a browser reads six at a time.
const READERS: Bounds = Bounds { all: 2048, person: 64, network: 512 };

/// The use case; clones share everything.
#[derive(Clone)]
pub struct Files {
    db: Db,
    storage: Storage,
    config: config::Files,
    writers: Writers,
    avatars: Shares,
    readers: Shares,
    decoders: Decoders,
}

/// Who brings or reads a file, and from where, if that is known.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub user: UserId,
    pub network: Option<Network>,
}

impl From<UserId> for Client {
    fn from(user: UserId) -> Self {
        Client { user, network: None }
    }
}

impl From<Client> for Holder {
    fn from(client: Client) -> Self {
        Holder { person: Some(client.user), network: client.network }
    }
}

impl Files {
    pub fn new(db: Db, storage: Storage, config: config::Files) -> Files {
        Files {
            db,
            storage,
            config,
            writers: Writers::default(),
            avatars: Shares::new(AVATARS),
            readers: Shares::new(READERS),
            decoders: Decoders::new(),
        }
    }

    /// How long an unfinished upload is kept, and a finished file that nobody sends.
    fn lifetime_ms(&self) -> i64 {
        i64::from(self.config.unfinished_hours) * 60 * 60 * 1000
    }

    /// Ends running uploads: what arrived counts, and their clients go on elsewhere from the offset they are told.
    pub(crate) fn drain(&self) {
        self.writers.drain();
    }

    /// Returns when no upload writes here.
    pub(crate) async fn idle(&self) {
        self.writers.idle().await;
    }

    pub(crate) fn observe(&self) {
        self.storage.disk.observe();
    }

    pub fn config(&self) -> &config::Files {
        &self.config
    }

    /// What somebody may upload, and how much room is left.
    pub async fn allowance(&self, user: UserId) -> Result<Allowance> {
        let used_bytes = store::files::used_bytes(&self.db, user).await?;
        let quota_bytes = (self.config.quota_bytes > 0).then_some(self.config.quota_bytes);
        Ok(Allowance {
            used_bytes: used_bytes.unsigned_abs(),
            quota_bytes,
            file_bytes_max: self.config.bytes_max,
            unfinished_max: self.config.unfinished_max,
            avatar_bytes_max: AVATAR_UPLOAD_BYTES_MAX as u64,
            image_bytes_max: images::IMAGE_BYTES_MAX,
            image_side_max: images::SIDE_MAX,
            image_memory_bytes_max: images::DECODE_BYTES_MAX,
        })
    }

    /// A place for a file that somebody reads, to be kept as long as they do.
    pub fn reader(&self, by: Client) -> Result<Share> {
        Ok(self.readers.take_now(by.into())?)
    }
}

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
