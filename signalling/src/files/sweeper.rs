//! Removes uploads that were never finished, and files that were never sent.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Files;
use crate::clock::now_ms;
use crate::domain::ids::FileId;
use crate::domain::refusal::Result;
use crate::store;

const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);

/// Uploads looked at in one go, so that sweeping never holds up anything else for long.
const BATCH: i64 = 100;

/// Time after expiry in which a request that began just before may still end.
const GRACE_MS: i64 = 10 * 60 * 1000;

impl Files {
    /// Sweeps until the node stops. Every node may do it; they do not disturb each other.
    pub async fn sweep_forever(self, stop: CancellationToken) {
        let mut clock = tokio::time::interval(SWEEP_EVERY);
        while stop.run_until_cancelled(clock.tick()).await.is_some() {
            if let Err(error) = self.sweep(now_ms()).await {
                tracing::warn!(%error, "expired uploads could not be removed; trying again later");
            }
        }
    }

    /// Removes what had expired at `now`; tells how many.
    pub async fn sweep(&self, now: i64) -> Result<usize> {
        let mut swept = 0;
        loop {
            let expired = store::files::expired_uploads(&self.db, now - GRACE_MS, BATCH).await?;
            if expired.is_empty() {
                return Ok(swept);
            }
            for id in expired {
                self.sweep_one(id).await?;
                swept += 1;
            }
        }
    }

    /// A file that was sent stays, and only its upload is forgotten.
    async fn sweep_one(&self, id: FileId) -> Result<()> {
        match store::files::remove_unsent(&self.db, id).await? {
            true => self.discard(id).await,
            false => {
                self.storage.remove_parts(id).await?;
                Ok(store::files::remove_upload(&self.db, id).await?)
            }
        }
    }
}
