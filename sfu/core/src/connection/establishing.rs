//! How a connection comes about: descriptions, checks and where it is found by.

use std::time::Instant;

use super::{Connection, PROFILES};
use crate::demux::{Demux, Owner};
use crate::negotiation::sdp::Session;
use crate::outgoing::Path;
use crate::role::Role;
use crate::stats::Discard;
use crate::stun::{self, Class};

impl Connection {
    /// Whether a description can be of this connection's client: its certificate and the DTLS roles are for life
    /// (RFC 8842, section 4).
    pub(crate) fn may_be_of(&self, remote: &Session) -> bool {
        self.transport.may_be(remote.setup.our_role(), &remote.fingerprint)
    }

    /// Takes the client's half of a description. A new ufrag in an offer is an ICE restart: then ours are new too, and
    /// the DTLS association stays.
    pub(crate) fn describe_remote(&mut self, now: Instant, remote: &Session, is_offer: bool) {
        let Session { ufrag, pwd, fingerprint, setup, .. } = remote;
        let role = self.transport.role().or(setup.our_role()).unwrap_or(Role::Server);
        self.transport.expect(now, role, fingerprint);
        if remote.has_data() {
            self.transport.associate(now);
        }
        if is_offer && self.ice.remote_ufrag().is_some_and(|known| known != ufrag) {
            self.ice.restart();
        }
        self.ice.set_remote(ufrag, pwd);
        self.start(now);
    }

    /// Which side of DTLS we are, once that is agreed on.
    pub(crate) fn role(&self) -> Option<Role> {
        self.transport.role()
    }

    /// As the DTLS client, begins as soon as a check has shown where the server is.
    fn start(&mut self, now: Instant) {
        if self.ice.path().is_some() {
            self.transport.connect(now, &PROFILES);
        }
    }

    /// A STUN message for this connection. Its answer goes back the way it came.
    pub(crate) fn handle_stun(
        &mut self,
        now: Instant,
        path: Path,
        message: &stun::Message<'_>,
        owner: Owner,
        demux: &mut Demux,
    ) -> Result<(), Discard> {
        if demux.is_taken(now, &path.remote, owner) {
            return Err(Discard::AddressTaken);
        }
        let ice = &mut self.ice;
        let mut result = Err(Discard::Malformed);
        // An error response may have to be sent too.
        self.outgoing.push(path, |bytes, start| {
            result = ice.handle(now, path.remote, message, bytes);
            (bytes.len() > start).then_some(())
        });
        if result?.chosen {
            self.local = path.local;
            self.start(now);
        }
        if message.class() == Class::Request {
            self.entries.learn(now, &self.ice, path, owner, demux);
        }
        self.check(now);
        Ok(())
    }

    /// Sends what checks of ours are due.
    pub(super) fn check(&mut self, now: Instant) {
        let mut request = std::mem::take(&mut self.rtcp);
        request.clear();
        while let Some(remote) = self.ice.poll_check(now, &mut request) {
            let path = Path { remote, local: self.entries.local(remote) };
            self.outgoing.push(path, |bytes, _| {
                bytes.extend_from_slice(&request);
                Some(())
            });
            request.clear();
        }
        self.rtcp = request;
    }

    /// Lets STUN requests with our ufrag find this connection.
    pub(crate) fn expect(&mut self, owner: Owner, demux: &mut Demux) {
        self.entries.expect(&self.ice, owner, demux);
    }

    /// Takes its entries out of the demultiplexer.
    pub(crate) fn forget(&self, owner: Owner, demux: &mut Demux) {
        self.entries.forget(owner, demux);
    }
}
