//! Where the next page of a list begins.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refusal::Refusal;

/// The last item of a page, in lists that are sorted by a time, the newest first: the time may be that of several
/// items, so the id tells them apart. Written `1700000000000_0198c0de-...`; without the id it stands behind all items
/// of its time, as former clients mean it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor {
    pub at: i64,
    pub id: Uuid,
}

impl Cursor {
    /// Before every item.
    pub const START: Cursor = Cursor { at: i64::MAX, id: Uuid::nil() };

    /// Whether whoever sent it may know times alone: nobody who has seen a whole cursor begins or goes on like this.
    pub fn is_only_a_time(&self) -> bool {
        self.id.is_nil()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.at, self.id)
    }
}

impl FromStr for Cursor {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Cursor, Refusal> {
        let (at, id) = match text.split_once('_') {
            Some((at, id)) => (at, id.parse().ok()),
            None => (text, Some(Uuid::nil())),
        };
        match (at.parse(), id) {
            (Ok(at), Some(id)) => Ok(Cursor { at, id }),
            _ => Err(Refusal::invalid("before")),
        }
    }
}

impl TryFrom<String> for Cursor {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Cursor, Refusal> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> String {
        cursor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written_and_as_former_clients_write_it() {
        let cursor = Cursor { at: 17, id: Uuid::from_u128(7) };
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        assert_eq!("17".parse::<Cursor>().unwrap(), Cursor { at: 17, id: Uuid::nil() });
        for odd in ["", "_", "17_", "x_00000000-0000-0000-0000-000000000000", "17_7_7", "1e3"] {
            assert!(odd.parse::<Cursor>().is_err(), "{odd}");
        }
    }
}
