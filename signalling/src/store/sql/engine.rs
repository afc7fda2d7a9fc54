//! The two engines and their transactions.

use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Executor, MySql, Sqlite};

use super::connection::{Lease, Source};
use super::{Result, is_busy, migrations};

/// More than there are texts, with all their list lengths. On MySQL a statement that falls out of the cache
/// costs 40 ms: closing it gets no answer, and without TCP_NODELAY the next packet waits for the
/// acknowledgement of that one.
const STATEMENTS_CACHED: usize = 500;

/// Each is a thread of the server; more of them do not make a database faster.
const MYSQL_CONNECTIONS: u32 = 20;
/// Each is a thread of ours; reads of SQLite rarely wait for anything.
const SQLITE_READERS: u32 = 8;
/// Another process may hold SQLite's lock this long: less than a statement may take, so that the engine tells us.
const SQLITE_BUSY: Duration = Duration::from_secs(2);
/// What the write-ahead log shrinks to, 64 MiB, after a reader that took its time has let it grow.
const WAL_BYTES_KEPT: &str = "67108864";
/// A transaction is not started over later than this after its first begin.
const RETRY_WITHIN: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub enum Db {
    MySql(Source<MySql>),
    /// SQLite has one writer at a time, so we give it one writing connection and wait for it
    /// in turns, instead of in the engine, by sleeping.
    Sqlite {
        read: Source<Sqlite>,
        write: Source<Sqlite>,
    },
}

/// A transaction. Dropped without [`Tx::commit`] it is rolled back, or its connection is closed if a statement failed
/// or was cut off.
pub enum Tx {
    MySql(Lease<MySql>),
    Sqlite(Lease<Sqlite>),
}

impl Db {
    /// `mysql://user:password@host/database` or `sqlite:path`, migrated to the newest schema.
    pub async fn open(url: &str) -> Result<Db> {
        if url.starts_with("mysql:") {
            let options = url.parse::<MySqlConnectOptions>()?;
            let options = options.statement_cache_capacity(STATEMENTS_CACHED);
            migrations::mysql(&options).await?;
            let pool = MySqlPoolOptions::new()
                .max_connections(MYSQL_CONNECTIONS)
                .after_connect(|connection, _| Box::pin(prepare(connection)));
            return Ok(Db::MySql(Source::new(pool, options)));
        }
        let options = url
            .parse::<SqliteConnectOptions>()?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY)
            // a full /tmp must not fail our queries
            .pragma("temp_store", "MEMORY")
            .pragma("journal_size_limit", WAL_BYTES_KEPT);
        let writer = SqlitePoolOptions::new().max_connections(1);
        let readers = SqlitePoolOptions::new().max_connections(SQLITE_READERS);
        let write = Source::new(writer, options.clone());
        migrations::sqlite(write.pool()).await?;
        let read = Source::new(readers, options.read_only(true));
        Ok(Db::Sqlite { read, write })
    }

    /// Shows how many connections there are, and how many of them do nothing.
    pub(crate) fn observe(&self) {
        let show = |pool: &'static str, size: u32, idle: usize| {
            let gauge = |state| metrics::gauge!("beckon_database_connections", "pool" => pool, "state" => state);
            gauge("idle").set(idle as f64);
            gauge("busy").set(f64::from(size) - idle as f64);
        };
        match self {
            Db::MySql(source) => show("all", source.pool().size(), source.pool().num_idle()),
            Db::Sqlite { read, write } => {
                show("read", read.pool().size(), read.pool().num_idle());
                show("write", write.pool().size(), write.pool().num_idle());
            }
        }
    }

    /// Begins a writing transaction. Wrap the whole transaction in [`retry`].
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Db::MySql(source) => {
                let mut lease = source.lease().await?;
                lease.begin("BEGIN").await?;
                Tx::MySql(lease)
            }
            // A deferred transaction that reads first cannot become a writer: SQLITE_BUSY_SNAPSHOT.
            Db::Sqlite { write, .. } => {
                let mut lease = write.lease().await?;
                lease.begin("BEGIN IMMEDIATE").await?;
                Tx::Sqlite(lease)
            }
        })
    }
}

/// With MySQL's default, a transaction that reads, waits for a lock and reads again sees the rows of before
/// the wait, and every insert locks the gap beside it. SQLite knows neither. Locks are waited for less long than
/// a statement, so that the engine tells us.
async fn prepare(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    connection.execute("SET SESSION innodb_lock_wait_timeout = 2, lock_wait_timeout = 2").await?;
    Ok(())
}

impl Tx {
    pub async fn commit(mut self) -> Result<()> {
        let asked = Instant::now();
        let outcome = match &mut self {
            Tx::MySql(lease) => lease.end("COMMIT").await,
            Tx::Sqlite(lease) => lease.end("COMMIT").await,
        };
        metrics::histogram!("beckon_database_commit_seconds").record(asked.elapsed());
        outcome
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        match self {
            Tx::MySql(lease) => lease.roll_back(),
            Tx::Sqlite(lease) => lease.roll_back(),
        }
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
    let begun = Instant::now();
    for attempt in 1..5 {
        match transaction().await {
            Err(error) if is_busy(&error) && begun.elapsed() < RETRY_WITHIN => {
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
