//! State that the relays of all threads share.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::credentials::Credentials;
use crate::nonce::Nonces;
use crate::peers::{PeerPolicy, Peers};
use crate::quota::{Limits, Quotas};
use crate::revoked::{Mark, Revoked};

/// The settings of a relay.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Who may use it.
    pub credentials: Credentials,
    /// Which peers it sends to.
    pub peers: PeerPolicy,
    /// Limits of allocations and bandwidth.
    pub limits: Limits,
    /// The families of its relayed addresses.
    pub families: Families,
}

/// Address families of relayed addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    pub ipv4: bool,
    pub ipv6: bool,
}

impl Default for Families {
    fn default() -> Families {
        Families { ipv4: true, ipv6: true }
    }
}

/// State that the relays of all threads share.
#[derive(Clone, Debug)]
pub struct Shared {
    pub(super) credentials: Arc<Credentials>,
    pub(super) peers: Arc<Peers>,
    pub(super) quotas: Arc<Quotas>,
    pub(super) nonces: Nonces,
    revoked: Arc<Mutex<Revoked>>,
    pub(super) families: Families,
}

impl Shared {
    /// Empty state.
    pub fn new(settings: Settings, now: Instant) -> Shared {
        Shared {
            credentials: Arc::new(settings.credentials),
            peers: Arc::new(Peers::new(settings.peers)),
            quotas: Quotas::new(settings.limits, now),
            nonces: Nonces::new(now),
            revoked: Arc::default(),
            families: settings.families,
        }
    }

    /// The same with names that were revoked before.
    pub(crate) fn remembering(self, revoked: Revoked) -> Shared {
        Shared { revoked: Arc::new(Mutex::new(revoked)), ..self }
    }

    /// Revokes the time-limited names of a holder on all threads, until they would have expired. Both times are Unix
    /// seconds.
    pub fn revoke(&self, holder: &str, until_s: u64, now_s: u64) {
        self.with_revoked(|revoked| revoked.add(Mark::of(holder), until_s, now_s));
    }

    pub(super) fn is_revoked(&self, holder: &str) -> bool {
        self.with_revoked(|revoked| revoked.contains(Mark::of(holder)))
    }

    pub(crate) fn with_revoked<T>(&self, act: impl FnOnce(&mut Revoked) -> T) -> T {
        // Nothing panics while it is held, and every change of it is complete.
        act(&mut self.revoked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this is a relayed address, or the media node.
    pub(crate) fn is_ours(&self, address: SocketAddr) -> bool {
        self.peers.is_ours(address)
    }

    /// Allocations of all threads.
    pub fn allocations(&self) -> usize {
        self.quotas.allocations()
    }
}
