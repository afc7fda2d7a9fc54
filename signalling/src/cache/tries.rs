//! Tries that all nodes count together, so that nobody gains by asking another one.

use std::time::Duration;

use super::Cache;

/// What becomes of a try that was to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Yes,
    /// One of the counters has had its most; it begins anew after this time. Nothing was counted.
    Refused(Duration),
    /// There is no Redis, or it is away: whoever asks knows what they have counted themselves.
    Nowhere,
}

/// Counts a try in all its counters or in none. A counter's window begins with its first try.
const COUNT: &str = "
    for i, key in ipairs(KEYS) do
        if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[i + 1]) then
            return math.max(redis.call('PTTL', key), 1)
        end
    end
    for _, key in ipairs(KEYS) do
        if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
    end
    return 0";

/// Takes a try back, where its window has not ended.
const FORGIVE: &str = "
    for _, key in ipairs(KEYS) do
        if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
    end";

impl Cache {
    /// Counts a try against some keys, each with its most tries in a window.
    pub async fn count_try(&self, against: &[(u128, u32)], window: Duration) -> Counted {
        let Some(redis) = &self.redis else { return Counted::Nowhere };
        let mut count = script(COUNT, against.iter().map(|(key, _)| *key));
        count.arg(window.as_millis() as u64);
        for (_, most) in against {
            count.arg(*most);
        }
        match redis.ask::<u64>(count).await {
            Ok(0) => Counted::Yes,
            Ok(wait_ms) => Counted::Refused(Duration::from_millis(wait_ms)),
            Err(_) => Counted::Nowhere,
        }
    }

    /// Takes back a try that was counted against these.
    pub async fn forgive_try(&self, keys: impl ExactSizeIterator<Item = u128>) {
        let Some(redis) = &self.redis else { return };
        let _ = redis.ask::<()>(script(FORGIVE, keys)).await; // or its window ends
    }
}

fn script(text: &str, keys: impl ExactSizeIterator<Item = u128>) -> ::redis::Cmd {
    let mut eval = ::redis::cmd("EVAL");
    eval.arg(text).arg(keys.len());
    for key in keys {
        eval.arg(format!("beckon:tries:{key:032x}"));
    }
    eval
}
