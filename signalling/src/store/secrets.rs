//! What all nodes over one database share and nobody else knows.

use super::sql::{Db, Error, Result, sql};

/// The secret of this name; `fresh` becomes it if there is none yet, whichever node comes first.
pub async fn obtain(db: &Db, name: &str, fresh: &str) -> Result<String> {
    if let Some(value) = find(db, name).await? {
        return Ok(value);
    }
    let made = sql("INSERT INTO secrets (name, value) VALUES (?, ?)").bind(name).bind(fresh);
    match made.run(db).await {
        Ok(_) => Ok(fresh.to_owned()),
        // another node was faster
        Err(Error::Taken(_)) => Ok(find(db, name).await?.unwrap_or_else(|| fresh.to_owned())),
        Err(error) => Err(error),
    }
}

async fn find(db: &Db, name: &str) -> Result<Option<String>> {
    let found: Option<(String,)> =
        sql("SELECT value FROM secrets WHERE name = ?").bind(name).optional(db).await?;
    Ok(found.map(|(value,)| value))
}
