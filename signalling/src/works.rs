//! Works: acts that write. What is begun is finished, whether or not anybody still waits for the answer: between a
//! commit and its notices nobody can be cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::domain::network::Network;
use crate::domain::refusal::Result;
use crate::shares::{Bounds, Holder, Share, Shares};
/// Who asks something of the store, which is taken in turns: set at the doors.
pub use crate::store::sql::Asker;

/// Works under way of all together, each a task and a request body of some KiB; and of one network: far more than an
/// office behind one address begins at once, so that a client that asks and hangs up cannot pile them up.
const UNDER_WAY: Bounds = Bounds { all: 8192, person: 8192, network: 256 };

/// The works of one node.
#[derive(Clone)]
pub struct Works {
    tracker: TaskTracker,
    shares: Shares,
    begun: Arc<AtomicU64>,
}

impl Default for Works {
    fn default() -> Self {
        Works { tracker: TaskTracker::new(), shares: Shares::new(UNDER_WAY), begun: Arc::default() }
    }
}

impl Works {
    /// Runs `work` to its end in a task of its own, in the current span and for the current asker. Dropping this future ends the waiting only.
    /// A panic in the work goes on here.
    pub async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let work = Asker::current().asks(work.in_current_span());
        match self.tracker.spawn(work).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // only a runtime that shuts down cancels a work, and then nobody is left to hear of it
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// A place for a work that somebody from this network asks for, or `busy`. It belongs to the work, not to whoever
    /// waits for it.
    pub fn admit(&self, network: Network) -> Result<Share> {
        let share = self.shares.take_now(Holder::network(network));
        Ok(share.inspect_err(|_| {
            metrics::counter!("beckon_limited_total", "what" => "works").increment(1);
        })?)
    }

    /// How many works have begun since the start.
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Waits until no work is under way.
    pub async fn wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_work_goes_on_when_nobody_waits_for_it() {
        let works = Works::default();
        let (go, gone) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel();
        let waiting = works.finish(async move {
            let _ = gone.await;
            let _ = done.send(());
        });
        let waited = tokio::time::timeout(Duration::from_millis(1), waiting).await;
        assert!(waited.is_err(), "the waiting is over before the work");
        go.send(()).unwrap();
        finished.await.unwrap();
        works.wait().await;
    }

    #[tokio::test]
    async fn a_panic_reaches_whoever_waits() {
        let waiting = async { Works::default().finish(async { panic!("a bug") }).await };
        assert!(tokio::spawn(waiting).await.unwrap_err().is_panic());
    }

    #[test]
    fn one_network_cannot_take_every_place() {
        let works = Works::default();
        let from = |text: &str| works.admit(Network::of(text.parse().unwrap()));
        let held: Vec<_> =
            (0..UNDER_WAY.network).map(|n| from(&format!("2001:db8::{n:x}")).unwrap()).collect();
        assert!(from("2001:db8::ffff:1").is_err());
        assert!(from("2001:db8:0:1::1").is_ok(), "the next network");
        drop(held);
        assert!(from("2001:db8::1").is_ok());
    }
}
