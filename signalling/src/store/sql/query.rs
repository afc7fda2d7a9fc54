//! One statement: its text, its values, and the verbs that run it.

use std::borrow::Cow;

use sqlx::mysql::MySqlArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, MySql, Sqlite};

use super::connection::Lease;
use super::row::{Record, Row};
use super::value::{Value, add_all};
use super::{Db, Error, On, Result, Tx};

/// The most rows one statement inserts; more are several statements.
const ROWS_MAX: usize = 128;

pub struct Query<'q> {
    mysql: Cow<'static, str>,
    sqlite: Cow<'static, str>,
    values: Vec<Value<'q>>,
    rows: Rows<'q>,
}

/// What fills `VALUES ..`: rows of `width` values, one after the other.
#[derive(Default)]
struct Rows<'q> {
    values: Vec<Value<'q>>,
    width: usize,
    upsert: bool,
}

/// The same text for both engines.
pub fn sql<'q>(text: &'static str) -> Query<'q> {
    per_engine(text, text)
}

/// For the few statements the engines spell differently.
pub fn per_engine<'q>(mysql: &'static str, sqlite: &'static str) -> Query<'q> {
    Query { mysql: mysql.into(), sqlite: sqlite.into(), values: Vec::new(), rows: Rows::default() }
}

impl<'q> Query<'q> {
    pub fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Locks the rows that a SELECT finds until commit. SQLite has one writer at a time and needs no more.
    pub fn locking(mut self) -> Self {
        self.mysql = format!("{} FOR UPDATE", self.mysql).into();
        self
    }

    /// Fills `IN (..)`. The list is padded with its last item to a power of two, so that the
    /// statement cache sees at most a dozen texts. An empty list matches nothing.
    pub fn list<V: Into<Value<'q>>>(mut self, items: impl IntoIterator<Item = V>) -> Self {
        let start = self.values.len();
        self.values.extend(items.into_iter().map(Into::into));
        let last = self.values[start..].last().cloned().unwrap_or(Value::Null);
        let len = (self.values.len() - start).next_power_of_two().max(1);
        self.values.resize(start + len, last);
        self.expand("(..)", &format!("({})", places(len)))
    }

    /// Fills `VALUES ..` with rows to insert. Their numbers are powers of two, as in [`Query::list`], so one
    /// insert can become several statements: run it in a transaction. No rows are no statement.
    pub fn rows<const N: usize>(mut self, rows: impl IntoIterator<Item = [Value<'q>; N]>) -> Self {
        self.rows.values.extend(rows.into_iter().flatten());
        self.rows.width = N;
        self
    }

    /// Like [`Query::rows`] for an upsert, which may see its last row twice: padding takes fewer statements.
    pub fn upserts<const N: usize>(self, rows: impl IntoIterator<Item = [Value<'q>; N]>) -> Self {
        let mut query = self.rows(rows);
        query.rows.upsert = true;
        query
    }

    fn expand(mut self, mark: &str, with: &str) -> Self {
        self.mysql = self.mysql.replacen(mark, with, 1).into();
        self.sqlite = self.sqlite.replacen(mark, with, 1).into();
        self
    }

    /// Executes and returns the number of rows touched. After an upsert that number differs
    /// between the engines: never branch on it.
    pub async fn run<'c>(mut self, on: impl Into<On<'c>>) -> Result<u64> {
        let mut on = on.into();
        let rows = std::mem::take(&mut self.rows);
        if rows.width == 0 {
            return self.run_once(on).await;
        }
        let mut touched = 0;
        for part in rows.parts() {
            let row = format!("({})", places(rows.width));
            let filled = vec![row; part.len() / rows.width].join(", ");
            let query = Query {
                mysql: self.mysql.clone(),
                sqlite: self.sqlite.clone(),
                values: part,
                rows: Rows::default(),
            };
            let query = query.expand("VALUES ..", &format!("VALUES {filled}"));
            touched += query.run_once(on.again()).await?;
        }
        Ok(touched)
    }

    async fn run_once(self, on: On<'_>) -> Result<u64> {
        match on {
            On::Db(Db::MySql(source)) => self.run_on_mysql(&mut source.lease().await?).await,
            On::Db(Db::Sqlite { write, .. }) => self.run_on_sqlite(&mut write.lease().await?).await,
            On::Tx(Tx::MySql(lease)) => self.run_on_mysql(lease).await,
            On::Tx(Tx::Sqlite(lease)) => self.run_on_sqlite(lease).await,
        }
    }

    pub(super) async fn run_on_mysql(self, lease: &mut Lease<MySql>) -> Result<u64> {
        Ok(Box::pin(lease.execute(self.mysql()?)).await?.rows_affected())
    }

    pub(super) async fn run_on_sqlite(self, lease: &mut Lease<Sqlite>) -> Result<u64> {
        Ok(Box::pin(lease.execute(self.sqlite()?)).await?.rows_affected())
    }

    pub async fn all<'c, T: Record>(self, on: impl Into<On<'c>>) -> Result<Vec<T>> {
        let rows = match on.into() {
            On::Db(Db::MySql(source)) => self.rows_of_mysql(&mut source.lease().await?).await?,
            On::Db(Db::Sqlite { read, .. }) => {
                self.rows_of_sqlite(&mut read.lease().await?).await?
            }
            On::Tx(Tx::MySql(lease)) => self.rows_of_mysql(lease).await?,
            On::Tx(Tx::Sqlite(lease)) => self.rows_of_sqlite(lease).await?,
        };
        rows.iter().map(T::from_row).collect()
    }

    pub(super) async fn rows_of_mysql(self, lease: &mut Lease<MySql>) -> Result<Vec<Row>> {
        Ok(Box::pin(lease.fetch_all(self.mysql()?)).await?.into_iter().map(Row::MySql).collect())
    }

    pub(super) async fn rows_of_sqlite(self, lease: &mut Lease<Sqlite>) -> Result<Vec<Row>> {
        Ok(Box::pin(lease.fetch_all(self.sqlite()?)).await?.into_iter().map(Row::Sqlite).collect())
    }

    /// For queries that find at most one row by a unique key.
    pub async fn optional<'c, T: Record>(self, on: impl Into<On<'c>>) -> Result<Option<T>> {
        Ok(self.all(on).await?.into_iter().next())
    }

    pub async fn one<'c, T: Record>(self, on: impl Into<On<'c>>) -> Result<T> {
        self.optional(on).await?.ok_or(Error::Missing)
    }

    fn mysql(self) -> Result<sqlx::query::Query<'static, MySql, MySqlArguments>> {
        #[cfg(test)]
        recorder::note(&self.mysql, &self.values);
        let mut arguments = MySqlArguments::default();
        add_all(&mut arguments, self.values)?;
        Ok(match self.mysql {
            Cow::Borrowed(text) => sqlx::query_with(text, arguments),
            Cow::Owned(text) => sqlx::query_with(AssertSqlSafe(text), arguments),
        })
    }

    fn sqlite(self) -> Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>> {
        #[cfg(test)]
        recorder::note(&self.sqlite, &self.values);
        let mut arguments = SqliteArguments::default();
        add_all(&mut arguments, self.values)?;
        Ok(match self.sqlite {
            Cow::Borrowed(text) => sqlx::query_with(text, arguments),
            Cow::Owned(text) => sqlx::query_with(AssertSqlSafe(text), arguments),
        })
    }
}

impl<'q> Rows<'q> {
    /// Values of rows whose number is a power of two.
    fn parts(&self) -> Vec<Vec<Value<'q>>> {
        let mut parts = Vec::new();
        let mut left = &self.values[..];
        while !left.is_empty() {
            let count = left.len() / self.width;
            let fits = match self.upsert {
                true => count.next_power_of_two(),
                false => 1 << count.ilog2(),
            };
            let size = fits.min(ROWS_MAX) * self.width;
            let (now, later) = left.split_at(size.min(left.len()));
            let last = &now[now.len() - self.width..];
            parts.push(now.iter().chain(last.iter().cycle()).take(size).cloned().collect());
            left = later;
        }
        parts
    }
}

fn places(n: usize) -> String {
    vec!["?"; n].join(", ")
}

/// Every query passes this file, so a test can ask which ones a function ran and have the
/// engine explain exactly those.
#[cfg(test)]
pub mod recorder {
    use super::*;
    use std::cell::RefCell;

    tokio::task_local! { static SEEN: RefCell<Vec<Query<'static>>>; }

    pub(super) fn note(text: &str, values: &[Value<'_>]) {
        let owned = values.iter().map(|value| match value {
            Value::Null => Value::Null,
            Value::Int(n) => Value::Int(*n),
            Value::Text(s) => Value::Text(s.to_string().into()),
            Value::Bytes(b) => Value::Bytes(b.to_vec().into()),
        });
        let text: Cow<'static, str> = text.to_owned().into();
        let values = owned.collect();
        let query = Query { mysql: text.clone(), sqlite: text, values, rows: Rows::default() };
        let _ = SEEN.try_with(|seen| seen.borrow_mut().push(query));
    }

    /// Runs `work` and returns the queries it sent.
    pub async fn queries_of<T>(work: impl Future<Output = Result<T>>) -> Vec<Query<'static>> {
        SEEN.scope(RefCell::default(), async {
            work.await.expect("the function under test succeeds");
            SEEN.with(|seen| seen.take())
        })
        .await
    }

    impl Query<'_> {
        pub fn explain(mut self) -> Self {
            self.mysql = format!("EXPLAIN {}", self.mysql).into();
            self.sqlite = format!("EXPLAIN QUERY PLAN {}", self.sqlite).into();
            self
        }

        pub fn text(&self) -> &str {
            &self.sqlite
        }
    }
}
