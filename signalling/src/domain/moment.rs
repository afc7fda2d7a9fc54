//! What time it is, by two clocks.

use std::ops::Add;

/// A reading of both clocks: the wall's for what people are told and what is stored, the monotonic one, which nobody
/// can set, for every deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970 UTC.
    pub wall: i64,
    /// Milliseconds since some moment in the life of this process.
    pub ticks: i64,
}

/// That many milliseconds later, when nobody sets the clock meanwhile.
impl Add<i64> for Moment {
    type Output = Moment;

    fn add(self, ms: i64) -> Moment {
        Moment { wall: self.wall + ms, ticks: self.ticks + ms }
    }
}
