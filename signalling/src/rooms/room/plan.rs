//! How a room is to be, as the token of whoever opens it says.

use std::time::Duration;

use super::super::token::RoomConfig;

/// How long a room without anybody stays, if nobody said otherwise.
const EMPTY_FOR: Duration = Duration::from_secs(20);
/// The longest that may be asked for: an empty room costs a place.
const EMPTY_FOR_MAX_S: u64 = 60 * 60;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rooms) struct Plan {
    pub participants_max: usize,
    pub metadata: String,
    /// How long it stays without anybody.
    pub empty_for: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Plan { participants_max: 0, metadata: String::new(), empty_for: EMPTY_FOR }
    }
}

impl Plan {
    /// What is asked for, within `participants_max`.
    pub fn of(asked: Option<&RoomConfig>, participants_max: usize) -> Plan {
        let Some(asked) = asked else { return Plan { participants_max, ..Plan::default() } };
        Plan {
            participants_max: match asked.max_participants {
                0 => participants_max,
                max => max.min(participants_max),
            },
            metadata: asked.metadata.clone(),
            empty_for: match asked.departure_timeout {
                0 => EMPTY_FOR,
                seconds => Duration::from_secs(seconds.min(EMPTY_FOR_MAX_S)),
            },
        }
    }
}
