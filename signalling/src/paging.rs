//! Cutting lists into pages.

use crate::domain::cursor::Cursor;

/// Items of one time beyond the limit of a page that still belong to it. A millisecond in which more changed is one of
/// an import, and only former clients miss what is behind.
const TIES_MAX: i64 = 400;

/// How many items behind `before` to look for, to [`cut`] a page of `limit`.
pub fn wanted(before: Cursor, limit: i64) -> i64 {
    limit + 1 + if before.is_only_a_time() { TIES_MAX } else { 0 }
}

/// The page out of what was found, and the cursor that leads to what remains. Former clients go on behind the last
/// item's time, so their pages do not end in the midst of one.
pub fn cut<T>(
    before: Cursor,
    limit: i64,
    mut found: Vec<T>,
    cursor: impl Fn(&T) -> Cursor,
) -> (Vec<T>, Option<Cursor>) {
    let (shown, rest) = found.split_at(found.len().min(limit as usize));
    let Some(last) = shown.last().map(&cursor).filter(|_| !rest.is_empty()) else {
        return (found, None);
    };
    let most = if before.is_only_a_time() { TIES_MAX as usize } else { 0 };
    let ties = rest.iter().take(most).take_while(|item| cursor(item).at == last.at).count();
    let (more, len) = (rest.len() > ties, shown.len() + ties);
    found.truncate(len);
    let last = found.last().map(cursor).filter(|_| more);
    (found, last)
}
