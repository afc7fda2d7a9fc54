//! What the demultiplexer knows of one connection.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::demux::{Demux, Owner};
use crate::ice::Ice;
use crate::outgoing::Path;

/// Addresses one connection may have proved itself from; the oldest is forgotten. Clients try each of their interfaces.
const ADDRESSES_MAX: usize = 16;

/// The entries of one connection in the demultiplexer.
#[derive(Debug, Default)]
pub(super) struct Entries {
    addresses: Vec<Path>,
    /// Our ufrags that a request may name: the newest, and the one in use before an ICE restart.
    ufrags: Vec<String>,
}

impl Entries {
    /// Lets STUN requests with the ufrags that are valid now find the connection.
    pub(super) fn expect(&mut self, ice: &Ice, owner: Owner, demux: &mut Demux) {
        self.ufrags.retain(|ufrag| {
            let accepted = ice.accepts(ufrag);
            if !accepted {
                demux.forget_ufrag(ufrag);
            }
            accepted
        });
        let ufrag = &ice.local().ufrag;
        if !self.ufrags.contains(ufrag) {
            demux.expect(ufrag, owner);
            self.ufrags.push(ufrag.clone());
        }
    }

    /// An authentic check came from there.
    pub(super) fn learn(
        &mut self,
        now: Instant,
        ice: &Ice,
        from: Path,
        owner: Owner,
        demux: &mut Demux,
    ) {
        if let Some(known) = self.addresses.iter_mut().find(|known| known.remote == from.remote) {
            *known = from;
        } else {
            if self.addresses.len() >= ADDRESSES_MAX {
                let unused =
                    self.addresses.iter().position(|entry| Some(entry.remote) != ice.path());
                let oldest = self.addresses.remove(unused.unwrap_or(0));
                demux.forget_address(&oldest.remote, owner);
            }
            self.addresses.push(from);
        }
        demux.learn(now, from.remote, owner);
    }

    /// Our address as it was asked from there.
    pub(super) fn local(&self, remote: SocketAddr) -> Option<IpAddr> {
        self.addresses.iter().find(|entry| entry.remote == remote)?.local
    }

    pub(super) fn forget(&self, owner: Owner, demux: &mut Demux) {
        for ufrag in &self.ufrags {
            demux.forget_ufrag(ufrag);
        }
        for address in &self.addresses {
            demux.forget_address(&address.remote, owner);
        }
    }
}
