//! The question whether the database does what readiness promises.

use super::query::sql;
use super::{Db, Result};

impl Db {
    /// Succeeds if the database reads and writes. It is asked before everything else that waits for it. The write is a committed
    /// one: only that reaches the disk.
    pub async fn check(&self, now_ms: i64) -> Result<()> {
        let read = sql("SELECT written_at FROM probes WHERE id = 1");
        let write = sql("UPDATE probes SET written_at = ? WHERE id = 1").bind(now_ms);
        match self {
            Db::MySql(source) => {
                let mut lease = source.lease_first().await?;
                read.rows_of_mysql(&mut lease).await?;
                write.run_on_mysql(&mut lease).await?;
            }
            Db::Sqlite { read: reading, write: writing } => {
                read.rows_of_sqlite(&mut reading.lease_first().await?).await?;
                write.run_on_sqlite(&mut writing.lease_first().await?).await?;
            }
        }
        Ok(())
    }
}
