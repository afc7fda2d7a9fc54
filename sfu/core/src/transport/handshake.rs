//! The handshake, in either role: what of it reaches the DTLS endpoint and when, and what comes of it.

use std::time::Instant;

use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use super::client_hello::{self, Progress};
use super::fingerprint::fingerprint;
use super::{PEER, Role, State, Transport, TransportEvent, records, server_flight};
use crate::srtp::{Profile, Srtp};
use crate::stats::Discard;

/// The label of RFC 5764, 4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

impl Transport {
    /// Whether the endpoint must not hear what the peer repeats: it would stop repeating our own flight, which the peer
    /// has not got, or, as a client that is done, answer the server's last flight, which nobody answers (RFC 6347, 4.2.4).
    pub(super) fn is_repetition(&self, datagram: &[u8]) -> bool {
        match self.role {
            Role::Server => {
                self.is_answered && records::first_message(datagram) == Some(records::CLIENT_HELLO)
            }
            Role::Client if self.is_secure() => records::is_handshake(datagram),
            Role::Client => self.is_answered && records::is_clear_handshake(datagram),
        }
    }

    pub(super) fn hold(&mut self, datagram: &[u8], most: usize) -> Result<(), Discard> {
        if self.held.len() >= most {
            if self.fingerprint.is_none() {
                return Err(Discard::TooMany);
            }
            // Whatever these are, nothing whole can be made of them. The peer will repeat it.
            self.held.clear();
        }
        self.held.push(datagram.into());
        Ok(())
    }

    /// Whether our ClientHello is under way.
    pub(super) fn is_connecting(&self) -> bool {
        self.dtls.get_connection_state(PEER).is_some()
    }

    /// As the server: feeds what was held, if all is known that the handshake needs.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.fingerprint.is_none() {
            return;
        }
        match client_hello::read(&self.held) {
            Progress::Incomplete => return,
            Progress::Unsuitable => return self.fail(now, "no SRTP profile in common"),
            // The endpoint would take the first of the client's profiles that it has, so it gets one only.
            Progress::Chosen(profile) => {
                let config = self.identity.config(Role::Server, &[profile]);
                self.dtls.set_server_config(Some(config));
            }
        }
        for datagram in std::mem::take(&mut self.held) {
            self.feed(now, datagram);
        }
    }

    /// As the client: gives the endpoint what the server sent, a whole flight at a time. From a part of one it would
    /// stop repeating ours, or end the handshake if the first part is not the one that came first.
    pub(super) fn hear_server(&mut self, now: Instant) {
        let Some(flight) = server_flight::read(&self.held, self.taken) else { return };
        self.held.clear();
        self.taken += flight.messages;
        self.is_answered = flight.is_last;
        self.feed(now, flight.datagram);
    }

    /// When our flight is to be repeated.
    pub(super) fn flight_due(&self) -> Option<Instant> {
        self.dtls.poll_timeout(&PEER).map(|due| due + self.repeats.patience())
    }

    /// Takes the keys, if the peer's certificate is the one that its description promised.
    pub(super) fn secure(&mut self, now: Instant) {
        let Some(state) = self.dtls.get_connection_state(PEER) else { return };
        let seen = state.peer_certificates.first().map(|certificate| fingerprint(certificate));
        let is_promised = |seen: &String| {
            self.fingerprint.as_ref().is_some_and(|promised| promised.eq_ignore_ascii_case(seen))
        };
        if !seen.as_ref().is_some_and(is_promised) {
            return self.fail(now, "the certificate is not the promised one");
        }
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::AesCm128HmacSha1_80,
            _ => return self.fail(now, "no SRTP profile in common"),
        };
        let material = state.export_keying_material(EXPORTER_LABEL, &[], profile.material_len());
        let srtp = material.ok().and_then(|keys| Srtp::new(profile, keys.as_ref(), self.role));
        let Some(srtp) = srtp else { return self.fail(now, "DTLS exports no keys") };
        self.state = State::Secure;
        self.events.push_back(TransportEvent::Secure(Box::new(srtp)));
        if self.wants_association && self.role == Role::Client {
            self.channels.connect(now);
        }
    }
}
