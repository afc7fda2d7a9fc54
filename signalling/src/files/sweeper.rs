//! Removes uploads that were never finished, and files that were never sent; now and then what a crash left.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Files;
use crate::clock::now_ms;
use crate::domain::ids::FileId;
use crate::domain::refusal::Result;
use crate::store;

const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);

/// Objects that nothing refers to are looked for each so many times: all objects are listed for it.
const ORPHANS_EVERY: u64 = 6;

/// Uploads looked at in one go, so that sweeping never holds up anything else for long.
const BATCH: i64 = 100;

/// Time after expiry in which a request that began just before may still end.
pub(super) const GRACE_MS: i64 = 10 * 60 * 1000;

impl Files {
    /// Sweeps until the node stops. Every node may do it; they do not disturb each other.
    pub async fn sweep_forever(self, stop: CancellationToken) {
        let mut clock = tokio::time::interval(SWEEP_EVERY);
        let mut round = 0;
        while stop.run_until_cancelled(clock.tick()).await.is_some() {
            if let Err(error) = self.sweep_round(round, now_ms()).await {
                tracing::warn!(%error, "expired uploads could not be removed; trying again later");
            }
            round += 1;
        }
    }

    async fn sweep_round(&self, round: u64, now: i64) -> Result<()> {
        self.sweep(now).await?;
        if round.is_multiple_of(ORPHANS_EVERY) {
            self.sweep_orphans(now).await?;
        }
        Ok(())
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
