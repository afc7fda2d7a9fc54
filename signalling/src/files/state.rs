//! What a node has for files: where they are kept, and how much may go on at once.

use super::client::Client;
use super::decoders::Decoders;
use super::images;
use super::storage::Storage;
use super::writers::Writers;
use crate::config;
use crate::domain::file::Allowance;
use crate::domain::ids::UserId;
use crate::domain::refusal::Result;
use crate::shares::{Bounds, Share, Shares};
use crate::store;
use crate::store::sql::Db;

/// Largest picture accepted as an avatar, before it is cropped.
pub const AVATAR_UPLOAD_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Pictures of people on their way in. Each holds [`AVATAR_UPLOAD_BYTES_MAX`] at most.
pub(super) const AVATARS: Bounds = Bounds { all: 6, person: 1, network: 2 };

/// Files that are read at once. Each holds a descriptor and some kilobytes; a browser reads six at a time.
pub(super) const READERS: Bounds = Bounds { all: 2048, person: 64, network: 512 };

/// The use case; clones share everything.
#[derive(Clone)]
pub struct Files {
    pub(super) db: Db,
    pub(super) storage: Storage,
    pub(super) config: config::Files,
    pub(super) writers: Writers,
    pub(super) avatars: Shares,
    pub(super) readers: Shares,
    pub(super) decoders: Decoders,
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
    pub(super) fn lifetime_ms(&self) -> i64 {
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
