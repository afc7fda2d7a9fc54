//! The two engines and their transactions.

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPool, MySqlPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Executor, MySql, Sqlite, Transaction};

use super::{Result, is_busy};

/// More than there are texts, with all their list lengths. On MySQL a statement that falls out of the cache
/// costs 40 ms: closing it gets no answer, and without TCP_NODELAY the next packet waits for the
/// acknowledgement of that one.
const STATEMENTS_CACHED: usize = 500;

#[derive(Clone)]
pub enum Db {
    MySql(MySqlPool),
    /// SQLite has one writer at a time, so we give it one writing connection and queue in
    /// the pool, in order, instead of in the engine, by sleeping.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
}

pub enum Tx {
    MySql(Transaction<'static, MySql>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Db {
    /// `mysql://user:password@host/database` or `sqlite:path`, migrated to the newest schema.
    pub async fn open(url: &str) -> Result<Db> {
        if url.starts_with("mysql:") {
            let options: MySqlConnectOptions = url.parse()?;
            let options = options.statement_cache_capacity(STATEMENTS_CACHED);
            let pool = MySqlPoolOptions::new()
                .max_connections(20)
                .after_connect(|connection, _| Box::pin(read_committed(connection)))
                .connect_with(options)
                .await?;
            sqlx::migrate!("../migrations/mysql").run(&pool).await.map_err(sqlx::Error::from)?;
            return Ok(Db::MySql(pool));
        }
        let options = url
            .parse::<SqliteConnectOptions>()?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new();
        let write = pool.clone().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!("../migrations/sqlite").run(&write).await.map_err(sqlx::Error::from)?;
        let read = pool.max_connections(8).connect_with(options.read_only(true)).await?;
        Ok(Db::Sqlite { read, write })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        super::sql("SELECT 1").one::<(i64,)>(self).await?;
        Ok(())
    }

    /// Begins a writing transaction. Dropped without [`Tx::commit`] it rolls back.
    /// Wrap the whole transaction in [`retry`].
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Db::MySql(pool) => Tx::MySql(pool.begin().await?),
            // A deferred transaction that reads first cannot become a writer: SQLITE_BUSY_SNAPSHOT.
            Db::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
        })
    }
}

/// With MySQL's default, a transaction that reads, waits for a lock and reads again sees the rows of before
/// the wait, and every insert locks the gap beside it. SQLite knows neither.
async fn read_committed(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    Ok(())
}

impl Tx {
    pub async fn commit(self) -> Result<()> {
        match self {
            Tx::MySql(tx) => tx.commit().await?,
            Tx::Sqlite(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Starts a transaction over when the engine says "try again" (deadlock, lock timeout).
/// The closure takes nothing and owns its transaction: a closure over `&mut Tx` would read as
/// well, but today's compiler cannot prove such futures `Send` ("not general enough").
pub async fn retry<T, E, F>(mut transaction: impl FnMut() -> F) -> Result<T, E>
where
    E: std::error::Error + 'static,
    F: Future<Output = Result<T, E>>,
{
    for attempt in 1..5 {
        match transaction().await {
            Err(error) if is_busy(&error) => {
                tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
            }
            outcome => return outcome,
        }
    }
    transaction().await
}

/// Where a query runs: `&Db` outside a transaction, `&mut Tx` inside one.
pub enum On<'c> {
    Db(&'c Db),
    Tx(&'c mut Tx),
}

impl On<'_> {
    /// The same place for another query.
    pub fn again(&mut self) -> On<'_> {
        match self {
            On::Db(db) => On::Db(db),
            On::Tx(tx) => On::Tx(tx),
        }
    }
}

impl<'c> From<&'c Db> for On<'c> {
    fn from(db: &'c Db) -> Self {
        On::Db(db)
    }
}

impl<'c> From<&'c mut Tx> for On<'c> {
    fn from(tx: &'c mut Tx) -> Self {
        On::Tx(tx)
    }
}
