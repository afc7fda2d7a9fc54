//! Values on their way into a statement.

use std::borrow::Cow;

use sqlx::{Arguments, Type};
use uuid::Uuid;

use super::{Error, Result};

#[derive(Clone, Debug)]
pub enum Value<'q> {
    Null,
    Int(i64),
    Text(Cow<'q, str>),
    Bytes(Cow<'q, [u8]>),
}

pub(super) fn add_all<A: Arguments>(arguments: &mut A, values: Vec<Value<'_>>) -> Result<()>
where
    Option<i64>: for<'t> sqlx::Encode<'t, A::Database> + Type<A::Database>,
    i64: for<'t> sqlx::Encode<'t, A::Database> + Type<A::Database>,
    for<'t> &'t str: sqlx::Encode<'t, A::Database> + Type<A::Database>,
    for<'t> &'t [u8]: sqlx::Encode<'t, A::Database> + Type<A::Database>,
{
    for value in values {
        match &value {
            Value::Null => arguments.add(None::<i64>),
            Value::Int(n) => arguments.add(*n),
            Value::Text(s) => arguments.add(s.as_ref()),
            Value::Bytes(b) => arguments.add(b.as_ref()),
        }
        .map_err(|e| Error::Db(sqlx::Error::Encode(e)))?;
    }
    Ok(())
}

impl From<i64> for Value<'_> {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}

impl From<bool> for Value<'_> {
    fn from(b: bool) -> Self {
        Value::Int(b.into())
    }
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(s: &'q str) -> Self {
        Value::Text(s.into())
    }
}

impl<'q> From<&'q String> for Value<'q> {
    fn from(s: &'q String) -> Self {
        Value::Text(s.into())
    }
}

impl From<String> for Value<'_> {
    fn from(s: String) -> Self {
        Value::Text(s.into())
    }
}

impl<'q> From<&'q [u8]> for Value<'q> {
    fn from(bytes: &'q [u8]) -> Self {
        Value::Bytes(bytes.into())
    }
}

impl<const N: usize> From<[u8; N]> for Value<'_> {
    fn from(bytes: [u8; N]) -> Self {
        Value::Bytes(bytes.to_vec().into())
    }
}

impl From<Uuid> for Value<'_> {
    fn from(id: Uuid) -> Self {
        Value::Bytes(id.as_bytes().to_vec().into())
    }
}

impl<'q, T: Into<Value<'q>>> From<Option<T>> for Value<'q> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
