//! One line per cause and interval: a database that is away would otherwise fill the disk with what everybody's requests
//! say of it.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

/// How long one line speaks for all that follow it.
const INTERVAL: Duration = Duration::from_secs(10);

/// Causes that are told apart in an interval; beyond them, what comes is logged as it is.
const CAUSES_MAX: usize = 1000;

/// What says why, beside the place in the code. Ids and addresses differ from line to line.
const CAUSE_FIELDS: [&str; 4] = ["message", "code", "error", "reason"];

/// Where the summaries come from, which are never left out.
const SUMMARY: &str = "beckon::repeats";

/// Lets the first warning or error of each cause pass, and counts the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats(Arc<Mutex<HashMap<Cause, Seen>>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Cause {
    place: Identifier,
    words: u64,
}

#[derive(Debug)]
struct Seen {
    message: String,
    left_out: u64,
}

impl Repeats {
    /// Says at the end of each interval what was left out of it.
    pub(super) fn tell(self) {
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                for Seen { message, left_out } in self.close_interval() {
                    tracing::warn!(target: SUMMARY, left_out, cause = message, "repeated");
                }
            }
        });
    }

    fn close_interval(&self) -> Vec<Seen> {
        let seen = std::mem::take(&mut *self.lock());
        seen.into_values().filter(|seen| seen.left_out > 0).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Cause, Seen>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<S: Subscriber> Filter<S> for Repeats {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        // levels are ordered by how much they say
        if *metadata.level() > Level::WARN || metadata.target() == SUMMARY {
            return true;
        }
        let mut words = Words::default();
        event.record(&mut words);
        let cause = Cause { place: metadata.callsite(), words: words.hash.finish() };
        let mut seen = self.lock();
        if let Some(seen) = seen.get_mut(&cause) {
            seen.left_out += 1;
            return false;
        }
        if seen.len() < CAUSES_MAX {
            seen.insert(cause, Seen { message: words.message, left_out: 0 });
        }
        true
    }
}

#[derive(Default)]
struct Words {
    hash: DefaultHasher,
    message: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !CAUSE_FIELDS.contains(&field.name()) {
            return;
        }
        let text = format!("{value:?}");
        text.hash(&mut self.hash);
        if field.name() == "message" {
            self.message = text;
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::{Layer, SubscriberExt as _};

    use super::*;

    /// Counts what reaches a log.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<u32>>);

    impl<S: Subscriber> Layer<S> for Lines {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            *self.0.lock().unwrap() += 1;
        }
    }

    #[test]
    fn a_cause_is_told_once_in_an_interval_and_then_counted() {
        let (lines, repeats) = (Lines::default(), Repeats::default());
        let subscriber =
            tracing_subscriber::registry().with(lines.clone().with_filter(repeats.clone()));
        let told = || std::mem::take(&mut *lines.0.lock().unwrap());
        let fail = |error: &str, id: u32| tracing::error!(error, id, "a frame failed");
        tracing::subscriber::with_default(subscriber, || {
            (0..100).for_each(|id| fail("no database", id));
            (0..50).for_each(|id| fail("no space", id));
            assert_eq!(told(), 2, "one for each cause");
            let mut left_out: Vec<_> =
                repeats.close_interval().iter().map(|s| s.left_out).collect();
            left_out.sort_unstable();
            assert_eq!(left_out, [49, 99]);

            fail("no database", 100);
            assert_eq!(told(), 1, "a new interval");
            assert!(repeats.close_interval().is_empty(), "nothing was left out");
            (0..5).for_each(|id| tracing::info!(id, "refused"));
            assert_eq!(told(), 5, "what is no trouble is not counted");
        });
    }
}
