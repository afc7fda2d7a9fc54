//! The only place that knows there are two engines.
//!
//! Everything above it is written once, in plain functions:
//!
//! ```ignore
//! sql("SELECT id, name FROM users WHERE name_key = ?").bind(key).optional::<User>(db).await?
//! ```
//!
//! Both drivers take `?`. Three things go beyond a fixed text, and each has one spelling:
//! `IN (..)` takes a list ([`Query::list`]), `VALUES ..` takes rows ([`Query::rows`]),
//! and a statement the engines spell differently is given twice ([`per_engine`]).

mod connection;
mod engine;
mod exclusive;
mod migrations;
mod probe;
mod query;
mod row;
mod turns;
mod url;
mod value;

pub use engine::{Db, On, Tx, retry};
pub use exclusive::{Exclusive, claim};
pub use query::{Query, per_engine, sql};
pub use row::{Column, Record, Row, unknown_word};
pub(crate) use row::{column_ids, column_words};
pub use turns::Asker;
pub use url::{DatabaseFile, check_url, files};
pub use value::Value;

#[cfg(test)]
pub use query::recorder;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique key is already in use; ask [`Error::taken`] which.
    #[error("already taken: {0}")]
    Taken(String),
    /// Deadlock or lock timeout. [`retry`] starts these over, so callers rarely see it.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    #[error("no such row")]
    Missing,
    /// Nothing came within the limits of `connection.rs`.
    #[error("the database does not answer")]
    Silent,
    #[error("too many wait for the database")]
    Crowded,
    #[error("another process of Beckon uses this database: {0}")]
    InUse(String),
    #[error(transparent)]
    Db(sqlx::Error),
}

/// Why a database does not do what it is asked, as an operator has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    ReadOnly,
    Full,
    /// It cannot be reached, or does not answer.
    Away,
    Other,
}

impl Error {
    /// True when the unique key over `column` refused the row. SQLite names the columns
    /// (`users.name_key`), MySQL the key, so keys carry the name of their column.
    pub fn taken(&self, column: &str) -> bool {
        matches!(self, Error::Taken(key) if key.contains(column))
    }

    pub fn trouble(&self) -> Trouble {
        let error = match self {
            Error::Silent => return Trouble::Away,
            Error::Db(error) => error,
            _ => return Trouble::Other,
        };
        use sqlx::Error::*;
        let Some(db) = error.as_database_error() else {
            let away = matches!(error, Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | WorkerCrashed);
            return if away { Trouble::Away } else { Trouble::Other };
        };
        match db.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            Some(mysql) => match mysql.number() {
                // --read-only, a read-only transaction, innodb_read_only, a table or column that we may only read
                1290 | 1792 | 1836 | 1874 | 1036 | 1142 | 1143 => Trouble::ReadOnly,
                1021 | 1114 => Trouble::Full,
                // too many connections, server shutdown, killed
                1040 | 1053 | 1927 => Trouble::Away,
                _ => Trouble::Other,
            },
            None => match db.code().and_then(|code| code.parse::<i64>().ok()) {
                // SQLITE_IOERR_SHMSIZE: the index of the log cannot grow
                Some(4874) => Trouble::Full,
                // primary codes in the low byte: SQLITE_READONLY, SQLITE_FULL
                Some(code) if code & 0xff == 8 => Trouble::ReadOnly,
                Some(code) if code & 0xff == 13 => Trouble::Full,
                _ => Trouble::Other,
            },
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(db) if db.is_unique_violation() => Error::Taken(unique_key(db.message())),
            _ if is_busy(&error) => Error::Busy(error),
            _ if matches!(error, sqlx::Error::PoolTimedOut) => Error::Silent,
            _ => Error::Db(error),
        }
    }
}

/// `Duplicate entry 'ann' for key 'name_key'` or `UNIQUE constraint failed: users.name_key`:
/// the part that names the key, without the user's value.
fn unique_key(message: &str) -> String {
    let key = message.rsplit_once(" for key ").or(message.rsplit_once("failed: "));
    key.map_or("", |(_, key)| key).trim_matches('\'').to_owned()
}

/// Looks through whatever a use case wrapped around it for an error that says "try again":
/// MySQL lock wait timeout and deadlock, SQLite busy and locked with their extended codes.
fn is_busy(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |e| e.source());
    let Some(db) = chain.find_map(|e| e.downcast_ref::<sqlx::Error>()?.as_database_error()) else {
        return false;
    };
    match db.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(mysql) => matches!(mysql.number(), 1205 | 1213),
        None => matches!(db.code().as_deref(), Some("5" | "6" | "261" | "262" | "517")),
    }
}
