//! Room for connections beyond the limit: they are told so, and answered if they are an operator's probes. Without them a
//! balancer would take a node for dead that is only full, or whose own address somebody else uses, too.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use beckon_signalling::shares::{Bounds, Holder, Share, Shares};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long one of these connections has for its request and its answer. A probe takes a few milliseconds.
pub(super) const TIME: Duration = Duration::from_secs(2);

/// The newest connections of one network, and of all, that may go on.
const NETWORK_MAX: usize = 4;
const ALL_MAX: usize = 32;

/// How long a connection that was told to go may take for it; its task has only to be run once more.
const GO_WITHIN: Duration = Duration::from_millis(50);

/// Those, and the older ones that have been told to go and are not gone yet.
const OPEN: Bounds = Bounds { all: 4 * ALL_MAX, person: 4 * ALL_MAX, network: 4 * NETWORK_MAX };

/// Places in which the newest take the place of the oldest: whoever fills them with half a request keeps nobody out.
#[derive(Clone)]
pub(super) struct Reserve {
    open: Shares,
    newest: Arc<Mutex<VecDeque<(Holder, CancellationToken)>>>,
}

/// A place for a connection.
pub(super) struct Slot {
    _share: Share,
    /// Cancelled when a newer connection needs it.
    pub(super) claimed: CancellationToken,
}

impl From<Share> for Slot {
    /// A place that nobody claims.
    fn from(share: Share) -> Slot {
        Slot { _share: share, claimed: CancellationToken::new() }
    }
}

impl Reserve {
    pub(super) fn new() -> Reserve {
        Reserve { open: Shares::new(OPEN), newest: Arc::default() }
    }

    /// A place for the newest connection, as soon as those before are out; `None` if they do not go.
    pub(super) fn take(&self, holder: Holder) -> impl Future<Output = Option<Slot>> + use<> {
        let (open, claimed) = (self.open.clone(), self.claim(holder));
        async move {
            let share = timeout(GO_WITHIN, open.take(holder)).await.ok()?.ok()?;
            Some(Slot { _share: share, claimed })
        }
    }

    /// Claims the oldest place, if there are too many, for the newest connection.
    fn claim(&self, holder: Holder) -> CancellationToken {
        let mut newest = self.lock();
        let of_holder = || newest.iter().enumerate().filter(|(_, (other, _))| *other == holder);
        // a proxy's are those of many people
        let most = if holder == Holder::default() { ALL_MAX } else { NETWORK_MAX };
        let oldest = match of_holder().count() < most {
            true => (newest.len() >= ALL_MAX).then_some(0),
            false => of_holder().next().map(|(at, _)| at),
        };
        if let Some((_, claimed)) = oldest.and_then(|at| newest.remove(at)) {
            claimed.cancel();
        }
        let claimed = CancellationToken::new();
        newest.push_back((holder, claimed.clone()));
        claimed
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Holder, CancellationToken)>> {
        self.newest.lock().expect("no panic while locked")
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use beckon_signalling::domain::network::Network;

    use super::*;

    fn of(n: u8) -> Holder {
        Holder::network(Network::of(IpAddr::from([203, 0, 113, n])))
    }

    #[tokio::test]
    async fn the_newest_connection_of_a_network_takes_the_place_of_its_oldest() {
        let reserve = Reserve::new();
        let other = reserve.take(of(2)).await.unwrap();
        let mut slots = Vec::new();
        for _ in 0..5 {
            slots.push(reserve.take(of(1)).await.unwrap());
        }
        let gone: Vec<_> = slots.iter().map(|slot| slot.claimed.is_cancelled()).collect();
        assert_eq!(gone, [true, false, false, false, false]);
        assert!(!other.claimed.is_cancelled(), "others keep theirs");
    }

    #[tokio::test]
    async fn connections_that_do_not_go_are_bounded() {
        let reserve = Reserve::new();
        let mut slots = Vec::new();
        for _ in 0..OPEN.network {
            slots.push(reserve.take(of(1)).await.unwrap());
        }
        assert!(reserve.take(of(1)).await.is_none());
        assert!(reserve.take(of(2)).await.is_some(), "others have room");
        slots.remove(0);
        assert!(reserve.take(of(1)).await.is_some(), "one has gone");
    }
}
