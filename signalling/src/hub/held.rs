//! Work that goes on under a login, such as a long download: it hears when the login is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::domain::ids::LoginId;

#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<HashMap<LoginId, Hold>>);

#[derive(Debug, Default)]
struct Hold {
    over: CancellationToken,
    works: usize,
}

/// One piece of work under a login.
#[derive(Debug)]
pub struct Held {
    holds: Arc<Holds>,
    login: LoginId,
    over: CancellationToken,
}

/// A stream was cut off because the login it was read or written under is over.
#[derive(Debug, thiserror::Error)]
#[error("the login is over")]
pub struct LoginOver;

impl Holds {
    pub(super) fn hold(self: &Arc<Self>, login: LoginId) -> Held {
        let mut all = self.lock();
        let hold = all.entry(login).or_default();
        hold.works += 1;
        let over = hold.over.clone();
        drop(all);
        Held { holds: self.clone(), login, over }
    }

    pub(super) fn end(&self, logins: &[LoginId]) {
        let all = self.lock();
        logins.iter().filter_map(|login| all.get(login)).for_each(|hold| hold.over.cancel());
    }

    pub(super) fn logins(&self) -> Vec<LoginId> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LoginId, Hold>> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

impl Held {
    /// Ends when the login does.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }

    pub fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// The same items, until the login is over; then an error and nothing more.
    pub fn guard<T, E>(
        self,
        items: impl Stream<Item = Result<T, E>> + Send + 'static,
    ) -> BoxStream<'static, Result<T, axum::Error>>
    where
        T: Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let over = self.over.clone();
        let cut = futures_util::stream::once(async move {
            let held = self; // until here
            match held.is_over() {
                true => Some(Err(axum::Error::new(LoginOver))),
                false => None,
            }
        });
        items
            .map(|item| item.map_err(axum::Error::new))
            .take_until(over.cancelled_owned())
            .chain(cut.filter_map(std::future::ready))
            .boxed()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.holds.lock();
        if let Some(hold) = all.get_mut(&self.login) {
            hold.works -= 1;
            if hold.works == 0 {
                all.remove(&self.login);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Items = Vec<Result<u8, std::io::Error>>;

    #[tokio::test]
    async fn a_stream_ends_with_its_login_and_not_with_another() {
        let holds = Arc::new(Holds::default());
        let (mine, other) = (LoginId::fresh(), LoginId::fresh());
        let endless = || futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(1));
        let mut stream = holds.hold(mine).guard(endless());
        holds.end(&[other]);
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        holds.end(&[mine]);
        assert!(stream.next().await.unwrap().is_err());
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn what_is_done_is_forgotten() {
        let holds = Arc::new(Holds::default());
        let items: Items = vec![Ok(1), Ok(2)];
        let stream = holds.hold(LoginId::fresh()).guard(futures_util::stream::iter(items));
        assert_eq!(stream.filter_map(|item| async { item.ok() }).collect::<Vec<_>>().await, [1, 2]);
        assert!(holds.logins().is_empty());
    }
}
