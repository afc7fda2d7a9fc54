//! Connections on loan: every wait for the database has a limit, and what may be broken is not used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::mysql::{MySqlArguments, MySqlQueryResult, MySqlRow};
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::sqlite::{SqliteArguments, SqliteQueryResult, SqliteRow};
use sqlx::{Connection, Database, Executor, MySql, Pool, Sqlite};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::turns::{Turn, Turns};
use super::{Error, Result};

/// Waiting for one's turn. Together with [`CONNECT_WITHIN`] the five seconds after which people and health checks give
/// up; a statement follows only where a connection answers.
const TURN_WITHIN: Duration = Duration::from_secs(3);
/// Waiting for a connection, the opening of one included.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// One statement, its locks and its way to the disk included.
const STATEMENT_WITHIN: Duration = Duration::from_secs(3);
/// A connection that was idle must answer within this time before it is used.
const PING_WITHIN: Duration = Duration::from_secs(1);

/// Connections of one kind, and turns at them.
pub struct Source<DB: Database> {
    pool: Pool<DB>,
    turns: Turns,
    silence: Arc<Silence>,
}

/// When a connection last went silent: what is older has most likely lost the same server, and is dropped without
/// asking. Milliseconds since `start`.
struct Silence {
    start: Instant,
    at_ms: AtomicI64,
}

/// A connection until dropped. It goes back to the others only if its last statement ended well, and no transaction
/// is open.
pub struct Lease<DB: Database> {
    /// None once it was handed on to be rolled back; declared before the turn, so that it is back before the next turn.
    held: Option<(PoolConnection<DB>, Turn)>,
    silence: Arc<Silence>,
    /// A transaction is open.
    open: bool,
    sound: bool,
}

impl<DB: Database> Clone for Source<DB> {
    fn clone(&self) -> Self {
        Source { pool: self.pool.clone(), turns: self.turns.clone(), silence: self.silence.clone() }
    }
}

impl<DB: Database> Source<DB> {
    /// `options` says how many connections there may be; they are opened when they are needed.
    pub(super) fn new(
        options: PoolOptions<DB>,
        connect: <DB::Connection as Connection>::Options,
    ) -> Source<DB> {
        let silence = Arc::new(Silence { start: Instant::now(), at_ms: AtomicI64::new(-1) });
        let turns = Turns::new(options.get_max_connections());
        let noticed = silence.clone();
        let pool = options
            .acquire_timeout(CONNECT_WITHIN)
            .test_before_acquire(false)
            .before_acquire(move |connection, idle| {
                let silence = noticed.clone();
                Box::pin(async move {
                    if silence.covers(idle.age) {
                        return Ok(false);
                    }
                    let answer = timeout(PING_WITHIN, connection.ping()).await;
                    if answer.is_err() {
                        silence.note();
                    }
                    Ok(matches!(answer, Ok(Ok(()))))
                })
            })
            .connect_lazy_with(connect);
        Source { pool, turns, silence }
    }

    pub(super) async fn lease(&self) -> Result<Lease<DB>> {
        // boxed: each statement has several places that may wait here, and futures hold room for all of them
        Box::pin(self.lend(self.turns.next())).await
    }

    /// A connection before everybody who waits for one.
    pub(super) async fn lease_first(&self) -> Result<Lease<DB>> {
        Box::pin(self.lend(self.turns.first())).await
    }

    async fn lend(
        &self,
        turn: impl Future<Output = Result<Turn, super::turns::Full>>,
    ) -> Result<Lease<DB>> {
        let waited = timeout(TURN_WITHIN, turn).await;
        let turn = waited.map_err(|_| Error::Silent)?.map_err(|_| Error::Crowded)?;
        let connection = self.pool.acquire().await?;
        let silence = self.silence.clone();
        Ok(Lease { held: Some((connection, turn)), silence, open: false, sound: true })
    }

    /// The pool behind, without limits: for migrations, before anything else runs.
    pub(crate) fn pool(&self) -> &Pool<DB> {
        &self.pool
    }
}

impl Silence {
    fn note(&self) {
        self.at_ms.store(self.start.elapsed().as_millis() as i64, Ordering::Relaxed);
    }

    /// Whether a connection of this age is older than the last silence.
    fn covers(&self, age: Duration) -> bool {
        let made_ms = self.start.elapsed().as_millis() as i64 - age.as_millis() as i64;
        made_ms <= self.at_ms.load(Ordering::Relaxed)
    }
}

impl<DB: Database> Lease<DB> {
    fn begin_statement(&mut self) -> &mut DB::Connection {
        self.sound = false;
        let (connection, _) = self.held.as_mut().expect("nothing runs on a lease that is over");
        connection
    }

    /// Takes note of how a statement ended: after a failure inside a transaction nobody knows what is left of it.
    fn judge<T>(&mut self, outcome: std::result::Result<sqlx::Result<T>, Elapsed>) -> Result<T> {
        match outcome {
            Ok(Ok(done)) => {
                self.sound = true;
                Ok(done)
            }
            Ok(Err(error)) => {
                let error = Error::from(error);
                // these fail alone, and leave their transaction as it was before them
                self.sound = match error {
                    Error::Taken(_) => true,
                    Error::Busy(_) => !self.open,
                    _ => false,
                };
                Err(error)
            }
            Err(_) => {
                self.silence.note();
                Err(Error::Silent)
            }
        }
    }
}

/// The same for both drivers; a generic one would need bounds that today's compiler cannot prove `Send`. A connection
/// counts as broken until its statement has ended, so that a future dropped in the middle costs the connection.
macro_rules! statements {
    ($Driver:ty, $Arguments:ty, $Done:ty, $Row:ty) => {
        impl Lease<$Driver> {
            pub(super) async fn execute(
                &mut self,
                query: sqlx::query::Query<'static, $Driver, $Arguments>,
            ) -> Result<$Done> {
                let connection = self.begin_statement();
                let done = timeout(STATEMENT_WITHIN, query.execute(connection)).await;
                self.judge(done)
            }

            pub(super) async fn fetch_all(
                &mut self,
                query: sqlx::query::Query<'static, $Driver, $Arguments>,
            ) -> Result<Vec<$Row>> {
                let connection = self.begin_statement();
                let rows = timeout(STATEMENT_WITHIN, query.fetch_all(connection)).await;
                self.judge(rows)
            }

            /// sqlx's own transactions count their depth in the connection, and the count stays behind when an engine
            /// rolls back by itself; so we say the words.
            async fn say(&mut self, word: &'static str) -> Result<()> {
                let connection = self.begin_statement();
                let said = timeout(STATEMENT_WITHIN, connection.execute(word)).await;
                self.judge(said).map(drop)
            }

            pub(super) async fn begin(&mut self, word: &'static str) -> Result<()> {
                self.say(word).await?;
                self.open = true;
                Ok(())
            }

            pub(super) async fn end(&mut self, word: &'static str) -> Result<()> {
                self.say(word).await?;
                self.open = false;
                Ok(())
            }

            /// Undoes an open transaction in a task of its own, where that is safe; else its connection is closed.
            pub(super) fn roll_back(&mut self) {
                if !self.open || !self.sound {
                    return;
                }
                let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                let (held, silence) = (self.held.take(), self.silence.clone());
                let mut undone = Lease { held, silence, open: true, sound: true };
                // a failure shows in what becomes of the connection
                runtime.spawn(async move { undone.end("ROLLBACK").await.is_ok() });
            }
        }
    };
}
statements!(MySql, MySqlArguments, MySqlQueryResult, MySqlRow);
statements!(Sqlite, SqliteArguments, SqliteQueryResult, SqliteRow);

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        let Some((connection, _)) = &mut self.held else { return };
        if !self.sound || self.open {
            metrics::counter!("beckon_database_connections_dropped_total").increment(1);
            connection.close_on_drop();
        }
    }
}
