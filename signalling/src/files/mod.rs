//! Files: resumable uploads, what becomes of them, and who may read them.
//!
//! The bytes of an upload are stored in parts as they arrive, each named by its offset, so that
//! any node over the same storage can go on where another stopped. When the last byte is in, the
//! parts are read once more and become the file.

mod avatars;
mod finish;
pub mod images;
mod metadata;
pub mod names;
mod reading;
mod storage;
mod sweeper;
mod uploads;
mod writers;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config;
use crate::domain::refusal::{Code, Refusal};
use crate::store::sql::Db;
pub use avatars::{AVATAR_UPLOAD_BYTES_MAX, remove_avatar, set_avatar};
pub use reading::Bytestream;
pub use storage::Storage;
use writers::Writers;

/// The use case; clones share everything.
#[derive(Clone)]
pub struct Files {
    db: Db,
    storage: Storage,
    config: config::Files,
    writers: Writers,
    image_workers: Arc<Semaphore>,
}

impl Files {
    pub fn new(db: Db, storage: Storage, config: config::Files) -> Files {
        // A decoded image may take a few hundred MiB, and decoding leaves no core to others.
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let image_workers = Arc::new(Semaphore::new((cores / 2).max(1)));
        Files { db, storage, config, writers: Writers::default(), image_workers }
    }

    /// How long an unfinished upload is kept, and a finished file that nobody sends.
    fn lifetime_ms(&self) -> i64 {
        i64::from(self.config.unfinished_hours) * 60 * 60 * 1000
    }

    pub fn config(&self) -> &config::Files {
        &self.config
    }

    /// Runs image work off the async threads, a few at a time. `None` when a decoder panicked over
    /// its input: the image is broken then.
    async fn on_image_worker<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _permit = self.image_workers.acquire().await.expect("never closed");
        tokio::task::spawn_blocking(work).await.ok()
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
