//! Numbers that make sense.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Reads a number that makes sense. Zero would lock everybody out, and memory that no machine has would end the process.
pub fn within<'de, D, T, const LEAST: u64, const MOST: u64>(value: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let number = i64::deserialize(value)?;
    u64::try_from(number)
        .ok()
        .filter(|number| (LEAST..=MOST).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| D::Error::custom(format!("expected {LEAST} to {MOST}, not {number}")))
}
