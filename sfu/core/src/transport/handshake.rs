//! The handshake, in either role: what of it reaches the DTLS endpoint and when, and what comes of it.

use std::time::Instant;

use bytes::BytesMut;
use rtc_dtls::endpoint::Endpoint;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use super::client_hello::{self, Progress};
use super::fingerprint;
use super::flight::Flight;
use super::peer::PEER;
use super::{State, Transport, TransportEvent, records, server_flight};
use crate::role::Role;
use crate::srtp::{Profile, Srtp};
use crate::stats::Discard;

/// The label of RFC 5764, 4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// What the endpoint wants to be sent.
fn transmits(dtls: &mut Endpoint) -> impl Iterator<Item = BytesMut> {
    std::iter::from_fn(|| dtls.poll_transmit().map(|transmit| transmit.message))
}

impl Transport {
    /// Whether the endpoint has already processed all of a datagram. A client that is done would answer the server's last
    /// flight again, to which no reply follows (RFC 6347, 4.2.4).
    pub(super) fn is_repetition(&self, datagram: &[u8]) -> bool {
        match self.role {
            Role::Server => {
                self.is_answered && records::first_message(datagram) == Some(records::CLIENT_HELLO)
            }
            Role::Client if self.is_secure() => records::is_handshake(datagram),
            Role::Client => self.is_answered && records::is_clear_handshake(datagram),
        }
    }

    /// What the peer repeats asks for what we answered (RFC 6347, 4.2.4), once for all its datagrams.
    pub(super) fn answer_repetition(
        &mut self,
        now: Instant,
        datagram: &[u8],
    ) -> Result<(), Discard> {
        if self.flight.is_none() {
            return Err(Discard::Stale);
        }
        let last = match self.role {
            Role::Server => records::CLIENT_HELLO,
            Role::Client => records::SERVER_HELLO_DONE,
        };
        if records::ends_message(datagram, last) {
            self.repeat(now);
        }
        Ok(())
    }

    /// Retransmits our flight. The endpoint builds it again as long as it can, since a server that has received our Finished
    /// discards the same record as a replay and does not retransmit its own.
    pub(super) fn repeat(&mut self, now: Instant) {
        let Some(flight) = &mut self.flight else { return };
        if flight.repeat(now) && self.dtls.handle_timeout(PEER, now).is_ok() {
            let remade: Vec<_> = transmits(&mut self.dtls).collect();
            if !remade.is_empty() {
                flight.datagrams = remade;
            }
        }
        self.outgoing.extend(flight.datagrams.iter().cloned());
    }

    /// Takes the endpoint's datagrams. A flight that needs an answer is retransmitted until that arrives, except a
    /// HelloVerifyRequest (RFC 6347, 4.2.4).
    pub(super) fn take_flight(&mut self, now: Instant) {
        let datagrams: Vec<_> = transmits(&mut self.dtls).collect();
        let message = datagrams.first().and_then(|datagram| records::first_message(datagram));
        self.is_answered |= message == Some(records::SERVER_HELLO);
        if message.is_some_and(|message| message != records::HELLO_VERIFY_REQUEST) {
            self.flight = Some(Flight::sent(now, datagrams.clone()));
        }
        self.outgoing.extend(datagrams);
    }

    pub(super) fn hold(&mut self, datagram: &[u8], most: usize) -> Result<(), Discard> {
        if self.held.len() >= most {
            if self.fingerprint.is_none() {
                return Err(Discard::TooMany);
            }
            // No complete message can be made of these. The peer will retransmit it.
            self.held.clear();
        }
        self.held.push(datagram.into());
        Ok(())
    }

    /// Whether our ClientHello has been sent.
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

    /// As the client: gives the endpoint what the server sent, a whole flight at a time. It would end the handshake if the
    /// first part of one is not the one that came first.
    pub(super) fn hear_server(&mut self, now: Instant) {
        let Some(flight) = server_flight::read(&self.held, self.taken) else { return };
        self.held.clear();
        self.taken += flight.messages;
        self.is_answered = flight.is_last;
        self.feed(now, flight.datagram);
    }

    /// Takes the keys, if the peer's certificate is the one that its description promised.
    pub(super) fn secure(&mut self, now: Instant) {
        let Some(state) = self.dtls.get_connection_state(PEER) else { return };
        let seen = state.peer_certificates.first();
        let promised = self.fingerprint.as_ref();
        if !seen.zip(promised).is_some_and(|(seen, promised)| fingerprint::is_of(promised, seen)) {
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
        self.flight = None;
        self.events.push_back(TransportEvent::Secure(Box::new(srtp)));
        if self.wants_association && self.role == Role::Client {
            self.channels.connect(now);
        }
    }
}
