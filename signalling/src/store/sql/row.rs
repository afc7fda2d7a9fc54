//! Rows on their way out.

use sqlx::mysql::MySqlRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, MySql, Row as _, Sqlite, Type};
use uuid::Uuid;

use super::{Error, Result};

pub enum Row {
    MySql(MySqlRow),
    Sqlite(SqliteRow),
}

impl Row {
    /// A column by name, or by position in a tuple.
    pub fn get<T: Column, I>(&self, index: I) -> Result<T>
    where
        I: ColumnIndex<MySqlRow> + ColumnIndex<SqliteRow>,
    {
        Ok(match self {
            Row::MySql(row) => T::from_raw(row.try_get(index)?)?,
            Row::Sqlite(row) => T::from_raw(row.try_get(index)?)?,
        })
    }
}

/// A type one row becomes: by hand for domain types, ready-made for tuples.
pub trait Record: Sized + Send {
    fn from_row(row: &Row) -> Result<Self>;
}

/// What both drivers can decode; the bounds are written here and nowhere else.
pub trait Raw:
    Type<MySql> + Type<Sqlite> + for<'r> Decode<'r, MySql> + for<'r> Decode<'r, Sqlite>
{
}
impl<T> Raw for T where
    T: Type<MySql> + Type<Sqlite> + for<'r> Decode<'r, MySql> + for<'r> Decode<'r, Sqlite>
{
}

/// A type one column becomes: the types both drivers know, and ids ([`column_ids`]).
pub trait Column: Sized + Send {
    type Raw: Raw;
    fn from_raw(raw: Self::Raw) -> Result<Self>;
}

macro_rules! plain_columns {
    ($($T:ty),*) => {$(
        impl Column for $T {
            type Raw = $T;
            fn from_raw(raw: $T) -> Result<$T> {
                Ok(raw)
            }
        }
    )*};
}
plain_columns!(
    i64,
    bool,
    String,
    Vec<u8>,
    Uuid,
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<Uuid>
);

/// Lets `struct UserId(pub Uuid)` go in and out without the domain knowing about SQL.
macro_rules! column_ids {
    ($($Id:path),* $(,)?) => {$(
        impl $crate::store::sql::Column for $Id {
            type Raw = uuid::Uuid;
            fn from_raw(raw: uuid::Uuid) -> $crate::store::sql::Result<Self> {
                Ok($Id(raw))
            }
        }
        impl $crate::store::sql::Column for Option<$Id> {
            type Raw = Option<uuid::Uuid>;
            fn from_raw(raw: Option<uuid::Uuid>) -> $crate::store::sql::Result<Self> {
                Ok(raw.map($Id))
            }
        }
        impl From<$Id> for $crate::store::sql::Value<'_> {
            fn from(id: $Id) -> Self {
                id.0.into()
            }
        }
    )*};
}
pub(crate) use column_ids;

/// Stores a closed enum as one word a variant.
macro_rules! column_words {
    ($($Type:ident { $($Variant:ident = $word:literal),* $(,)? })*) => {$(
        impl $crate::store::sql::Column for $Type {
            type Raw = String;
            fn from_raw(raw: String) -> $crate::store::sql::Result<Self> {
                match raw.as_str() {
                    $($word => Ok($Type::$Variant),)*
                    _ => Err($crate::store::sql::unknown_word(stringify!($Type), &raw)),
                }
            }
        }
        impl From<$Type> for $crate::store::sql::Value<'_> {
            fn from(value: $Type) -> Self {
                match value { $($Type::$Variant => $word,)* }.into()
            }
        }
    )*};
}
pub(crate) use column_words;

/// A word in the database that this version does not know.
pub fn unknown_word(kind: &str, word: &str) -> Error {
    Error::Db(sqlx::Error::Decode(format!("{word:?} is no {kind}").into()))
}

macro_rules! tuple_records {
    ($(($($T:ident $n:tt),*))*) => {$(
        impl<$($T: Column),*> Record for ($($T,)*) {
            fn from_row(row: &Row) -> Result<Self> {
                Ok(($(row.get::<$T, usize>($n)?,)*))
            }
        }
    )*};
}
tuple_records! { (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) }
