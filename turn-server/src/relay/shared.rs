//! What the relays of all threads have in common.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::credentials::Credentials;
use crate::nonce::Nonces;
use crate::peers::{PeerPolicy, Peers};
use crate::quota::{Limits, Quotas};
use crate::revoked::{Mark, Revoked};

/// What one relay is made of.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Who may use it.
    pub credentials: Credentials,
    /// Whom it sends to.
    pub peers: PeerPolicy,
    /// How much of it there is.
    pub limits: Limits,
    /// Which families it has relayed addresses of.
    pub families: Families,
}

/// Address families of relayed addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    /// Whether there are IPv4 ones.
    pub ipv4: bool,
    /// Whether there are IPv6 ones.
    pub ipv6: bool,
}

impl Default for Families {
    fn default() -> Families {
        Families { ipv4: true, ipv6: true }
    }
}

/// What the relays of all threads have in common.
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

    /// Remembers who was sent away before.
    pub(crate) fn remembering(self, revoked: Revoked) -> Shared {
        Shared { revoked: Arc::new(Mutex::new(revoked)), ..self }
    }

    /// Takes the right to make allocations from the holder of a time-limited name, on all threads, until the name ends
    /// by itself. Both times are Unix seconds.
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
