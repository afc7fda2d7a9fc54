//! How far a test goes: a slice in `./test`, all of it in `./test long`.

/// Set by `./test long`.
const LONG: &str = "BECKON_TEST_LONG";

/// Returns how many seeds, rounds or seconds this run covers: `long` in `./test long`, else `slice`, which should take
/// at most two minutes.
pub fn extent<T>(slice: T, long: T) -> T {
    if std::env::var(LONG).as_deref() == Ok("1") { long } else { slice }
}
