//! Cutting lists into pages.

use crate::domain::cursor::Cursor;

/// Items of one time beyond the limit of a page that still belong to it. A millisecond in which more changed is one of
/// an import, and only former clients miss what is behind.
const TIES_MAX: i64 = 400;

/// A page of `limit` items behind `before`, and the cursor that leads to what remains. `find` looks for so many behind a
/// cursor. Former clients go on behind the last item's time, so their pages do not end in the midst of one.
pub async fn page<T, E, F>(
    before: Cursor,
    limit: i64,
    cursor: impl Fn(&T) -> Cursor,
    find: impl Fn(Cursor, i64) -> F,
) -> Result<(Vec<T>, Option<Cursor>), E>
where
    F: Future<Output = Result<Vec<T>, E>>,
{
    let (mut found, next) = cut(find(before, limit + 1).await?, limit, &cursor);
    let (Some(last), Some(next)) = (found.last().map(&cursor), next) else {
        return Ok((found, None));
    };
    if !before.is_only_a_time() || next.at != last.at {
        return Ok((found, Some(last)));
    }
    let (mut ties, next) = cut(find(last, TIES_MAX + 1).await?, TIES_MAX, &cursor);
    let tied = ties.iter().take_while(|item| cursor(item).at == last.at).count();
    let more = tied < ties.len() || next.is_some();
    ties.truncate(tied);
    found.append(&mut ties);
    let last = found.last().map(cursor).filter(|_| more);
    Ok((found, last))
}

/// At most `limit` of what was found, and where the first of the rest stands.
fn cut<T>(
    mut found: Vec<T>,
    limit: i64,
    cursor: impl Fn(&T) -> Cursor,
) -> (Vec<T>, Option<Cursor>) {
    let rest = found.get(limit as usize).map(cursor);
    found.truncate(limit as usize);
    (found, rest)
}
