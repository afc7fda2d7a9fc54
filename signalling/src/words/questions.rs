//! What this node asks others, and the answers that come or do not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::domain::refusal::{Code, Result};

/// What came of a request, or the code of the refusal.
pub type Outcome<T> = Result<T, String>;

/// Requests under way. Each brings a `T` if it is granted.
pub struct Questions<T> {
    next_request: AtomicU64,
    asked: Mutex<HashMap<u64, oneshot::Sender<Outcome<T>>>>,
}

impl<T> Default for Questions<T> {
    fn default() -> Self {
        Questions { next_request: AtomicU64::default(), asked: Mutex::default() }
    }
}

impl<T> Questions<T> {
    /// Gives the request a number, with which `say` says it, and waits for the answer; one that takes longer will not
    /// come.
    pub async fn ask(&self, within: Duration, say: impl FnOnce(u64)) -> Result<T> {
        let request = self.next_request.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.asked().insert(request, answer);
        say(request);
        let answer = tokio::time::timeout(within, answered).await;
        self.asked().remove(&request);
        match answer {
            Ok(Ok(Ok(granted))) => Ok(granted),
            Ok(Ok(Err(code))) => Err(Code::named(&code).unwrap_or(Code::Internal).into()),
            _ => Err(Code::Unavailable.into()),
        }
    }

    /// An answer has come.
    pub fn answer(&self, request: u64, outcome: Outcome<T>) {
        if let Some(asker) = self.asked().remove(&request) {
            let _ = asker.send(outcome); // they may have given up
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Outcome<T>>>> {
        self.asked.lock().expect("nothing panics under this lock")
    }
}
