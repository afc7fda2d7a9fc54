//! Bringing a schema up to date.
//!
//! MySQL commits each statement that changes a schema at once, and a process may be killed between any two. So every
//! statement of a migration can be repeated (what it makes may be there already), and a migration is noted as applied
//! after its last one. The table of applied migrations is sqlx's, as former versions wrote it.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection, SqlitePool};
use tokio::time::timeout;

use super::{Error, Result};

static MYSQL: Migrator = sqlx::migrate!("../migrations/mysql");

/// A server that does not let us in by then is taken to be away.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How long one question for the lock waits, in seconds; a migration of another node may take many of these.
const LOCK_ASKED_S: i64 = 2;

const APPLIED: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
)";

/// A migration runs in a transaction here: a process that is killed in its middle has changed nothing.
pub(super) async fn sqlite(pool: &SqlitePool) -> Result<()> {
    let mut migrator = sqlx::migrate!("../migrations/sqlite");
    // a newer version was here: its schema serves us too
    migrator.set_ignore_missing(true);
    Ok(migrator.run(pool).await.map_err(sqlx::Error::from)?)
}

pub(super) async fn mysql(options: &MySqlConnectOptions) -> Result<()> {
    let mut connection =
        timeout(CONNECT_WITHIN, options.connect()).await.map_err(|_| Error::Silent)??;
    lock(&mut connection).await?;
    let done = apply_missing(&mut connection, &MYSQL).await;
    // the server gives the lock back with the connection
    let _ = timeout(CONNECT_WITHIN, connection.close()).await;
    done
}

/// Waits until no other node migrates this database. sqlx asks for the lock without an end, which MariaDB answers with
/// NULL, and goes on without it.
async fn lock(connection: &mut MySqlConnection) -> Result<()> {
    loop {
        // a name holds for the whole server, and has 64 characters at most
        let (taken,): (Option<i64>,) =
            sqlx::query_as("SELECT GET_LOCK(CONCAT('beckon.migrate.', MD5(DATABASE())), ?)")
                .bind(LOCK_ASKED_S)
                .fetch_one(&mut *connection)
                .await?;
        match taken {
            Some(1) => return Ok(()),
            Some(_) => tracing::info!("another node brings the schema up to date; waiting for it"),
            None => return Err(sqlx::Error::Protocol("GET_LOCK failed".into()).into()),
        }
    }
}

async fn apply_missing(connection: &mut MySqlConnection, migrator: &Migrator) -> Result<()> {
    connection.execute(APPLIED).await?;
    // what a former version began and did not end is done again
    connection.execute("DELETE FROM _sqlx_migrations WHERE success = 0").await?;
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations")
            .fetch_all(&mut *connection)
            .await?;
    let applied: HashMap<_, _> = applied.into_iter().collect();
    for migration in migrator.iter() {
        match applied.get(&migration.version) {
            Some(checksum) if **checksum == *migration.checksum => {}
            Some(_) => {
                let changed = sqlx::migrate::MigrateError::VersionMismatch(migration.version);
                return Err(sqlx::Error::from(changed).into());
            }
            None => apply(connection, migration).await?,
        }
    }
    Ok(())
}

async fn apply(connection: &mut MySqlConnection, migration: &Migration) -> Result<()> {
    let begun = std::time::Instant::now();
    for statement in statements(migration.sql.as_str()) {
        match connection.execute(AssertSqlSafe(statement)).await {
            Err(error) if is_there_already(&error) => {}
            outcome => {
                outcome?;
            }
        }
    }
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (?, ?, TRUE, ?, ?)",
    )
    .bind(migration.version)
    .bind(&*migration.description)
    .bind(&*migration.checksum)
    .bind(begun.elapsed().as_nanos() as i64)
    .execute(&mut *connection)
    .await?;
    tracing::info!(version = migration.version, "the schema was brought up to date");
    Ok(())
}

/// The statements of a migration, without its comments.
fn statements(script: &str) -> Vec<String> {
    let lines = script.lines().filter(|line| !line.trim_start().starts_with("--"));
    let script = lines.collect::<Vec<_>>().join("\n");
    let statements = script.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.map(str::to_owned).collect()
}

/// Whether an interrupted run of the same migration has made what this statement makes: a table, a column, a key, or
/// a key that is gone.
fn is_there_already(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|e| e.try_downcast_ref::<MySqlDatabaseError>());
    error.is_some_and(|error| matches!(error.number(), 1050 | 1060 | 1061 | 1091))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_a_migration_can_be_repeated() {
        let verbs = ["CREATE TABLE ", "ALTER TABLE ", "CREATE INDEX ", "INSERT IGNORE ", "UPDATE "];
        for migration in MYSQL.iter() {
            for statement in statements(migration.sql.as_str()) {
                let known = verbs.iter().any(|verb| statement.starts_with(verb));
                assert!(known, "not known to be repeatable: {statement}");
            }
        }
    }
}
