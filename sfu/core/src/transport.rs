//! One peer's secure transport: DTLS, the SRTP keys it exports, and data channels over SCTP in it.
//!
//! The only file that names webrtc-rs, of which it takes the sans-I/O parts. What stands around them is in the modules
//! below: bounds that the parts do not keep, the choice of the SRTP profile, and the data channels.

mod channels;
mod chunks;
pub mod client_hello;
pub mod dcep;
mod event;
mod fingerprint;
pub mod records;
mod role;

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use beckon_sfu_api::DataKind;
use bytes::{Bytes, BytesMut};
use rtc_crypto::{RTCCryptoProvider, default_provider};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_sctp as sctp;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use crate::srtp::{Profile, Srtp};
use crate::stats::Discard;
use channels::Channels;
pub use channels::DataError;
use client_hello::Progress;
pub use event::TransportEvent;
use fingerprint::fingerprint;
pub use role::Role;

/// The endpoints know their peer by its address. It always gets this one, so that a move of the ICE path goes unnoticed.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// DTLS that comes before the peer's fingerprint is known, or before its ClientHello is whole.
const HELD_DATAGRAMS_MAX: usize = 8;
/// From the peer's description to the keys.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(30);
/// Until a flight of the handshake is repeated.
const FLIGHT_INTERVAL: Duration = Duration::from_millis(500);

/// The label of RFC 5764, 4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// The certificate that this node shows everybody, and its key.
#[derive(Clone)]
pub struct Identity(Arc<Parts>);

struct Parts {
    provider: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    fingerprint: String,
}

enum State {
    /// Nothing is known of the peer yet.
    Idle,
    Handshaking {
        deadline: Instant,
    },
    Secure,
    Closed,
}

pub struct Transport {
    identity: Identity,
    role: Role,
    state: State,
    /// Of the certificate that the peer's description promises.
    fingerprint: Option<String>,
    dtls: Endpoint,
    /// Whether our answer to the peer's largest flight is under way.
    is_answered: bool,
    held: Vec<BytesMut>,
    outgoing: VecDeque<BytesMut>,
    gate: records::Gate,
    channels: Channels,
    wants_association: bool,
    events: VecDeque<TransportEvent>,
}

impl Identity {
    pub fn generate() -> Identity {
        let provider = default_provider().expect("the ring provider is compiled in");
        let certificate =
            Certificate::generate_self_signed(["beckon".to_owned()], provider.crypto())
                .expect("ring makes P-256 keys");
        let fingerprint = fingerprint(&certificate.certificate[0]);
        Identity(Arc::new(Parts { provider, certificate, fingerprint }))
    }

    /// As `a=fingerprint` has it: `sha-256 AB:CD..`.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    fn config(&self, role: Role, profiles: &[Profile]) -> Arc<HandshakeConfig> {
        let profiles = profiles.iter().map(|profile| match profile {
            Profile::AeadAes128Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            Profile::AesCm128HmacSha1_80 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        });
        let config = ConfigBuilder::default()
            .with_crypto_provider(self.0.provider.clone())
            .with_certificates(vec![self.0.certificate.clone()])
            .with_srtp_protection_profiles(profiles.collect())
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            // Certificates are self-signed: `secure` compares the fingerprint instead of a chain.
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(FLIGHT_INTERVAL)
            .build(role == Role::Client, None);
        Arc::new(config.expect("the configuration is constant"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.0.fingerprint).finish()
    }
}

impl Transport {
    pub fn new(identity: &Identity, role: Role) -> Transport {
        Transport {
            identity: identity.clone(),
            role,
            state: State::Idle,
            fingerprint: None,
            dtls: Endpoint::new(PEER, TransportProtocol::UDP, None),
            is_answered: false,
            held: Vec::new(),
            outgoing: VecDeque::new(),
            gate: records::Gate::default(),
            channels: Channels::new(role),
            wants_association: false,
            events: VecDeque::new(),
        }
    }

    /// Tells the fingerprint that the peer's description promises. DTLS that came before was held back until now.
    pub fn expect(&mut self, now: Instant, fingerprint: &str) {
        match &self.fingerprint {
            Some(known) if known.eq_ignore_ascii_case(fingerprint) => return,
            Some(_) => return self.fail(now, "the certificate changed"),
            None => self.fingerprint = Some(fingerprint.to_owned()),
        }
        if matches!(self.state, State::Idle) {
            self.state = State::Handshaking { deadline: now + HANDSHAKE_TIME_MAX };
        }
        self.advance(now);
    }

    /// Starts the handshake as the client, once the fingerprint is known.
    pub fn connect(&mut self, now: Instant, profiles: &[Profile]) {
        let config = self.identity.config(Role::Client, profiles);
        if self.dtls.connect(now, PEER, config, None).is_err() {
            self.fail(now, "DTLS cannot start");
        }
    }

    /// Hears a datagram whose first byte is in 20..=63 (RFC 7983).
    pub fn handle_dtls(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Discard> {
        if matches!(self.state, State::Closed) {
            return Err(Discard::Stale);
        }
        self.gate.admit(datagram, self.is_secure())?;
        if self.awaits_hello() && !records::is_clear_handshake(datagram) {
            return Err(Discard::Stale);
        }
        if self.is_answered && records::first_message(datagram) == Some(self.role.question()) {
            // The endpoint would stop repeating our answer, which the peer has not got.
            return Err(Discard::Stale);
        }
        if self.held.len() == HELD_DATAGRAMS_MAX {
            if self.fingerprint.is_none() {
                return Err(Discard::TooMany);
            }
            // Whatever these are, no ClientHello can be made of them. The peer will repeat it.
            self.held.clear();
        }
        self.held.push(datagram.into());
        self.advance(now);
        Ok(())
    }

    /// Opens both data channels, as soon as there is an association. The DTLS client starts that one.
    pub fn open_channels(&mut self, now: Instant) {
        self.channels.open(now);
        self.associate(now);
        self.flush(now);
    }

    /// Starts the association for data channels, whoever opens them, as soon as the transport is secure. Only the DTLS
    /// client does; its server waits for it.
    pub fn associate(&mut self, now: Instant) {
        self.wants_association = self.role == Role::Client;
        if self.wants_association && self.is_secure() {
            self.channels.connect(now);
            self.flush(now);
        }
    }

    /// Sends a message on the data channel of its kind. A lossy one is dropped silently when the channel is full.
    pub fn send_data(
        &mut self,
        now: Instant,
        kind: DataKind,
        payload: &Bytes,
    ) -> Result<(), DataError> {
        self.channels.send(now, kind, payload)?;
        self.flush(now);
        Ok(())
    }

    pub fn poll_transmit(&mut self) -> Option<BytesMut> {
        let dtls = &mut self.dtls;
        self.outgoing.pop_front().or_else(|| dtls.poll_transmit().map(|transmit| transmit.message))
    }

    pub fn poll_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Idle | State::Closed => None,
            State::Handshaking { deadline } => {
                Some(self.dtls.poll_timeout(&PEER).map_or(deadline, |flight| flight.min(deadline)))
            }
            State::Secure => self.channels.poll_timeout(),
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Idle | State::Closed => {}
            State::Handshaking { deadline } if deadline <= now => {
                self.fail(now, "the DTLS handshake took too long");
            }
            State::Handshaking { .. } => {
                let is_due = self.dtls.poll_timeout(&PEER).is_some_and(|flight| flight <= now);
                if is_due && self.dtls.handle_timeout(PEER, now).is_err() {
                    self.fail(now, "the peer stopped answering the DTLS handshake");
                }
            }
            State::Secure => {
                self.channels.handle_timeout(now, &mut self.events);
                self.flush(now);
            }
        }
    }

    /// Says goodbye to the peer.
    pub fn close(&mut self, now: Instant) {
        self.state = State::Closed;
        // It fails only when there is nobody to tell.
        let _ = self.dtls.close(now);
    }

    pub fn is_secure(&self) -> bool {
        matches!(self.state, State::Secure)
    }

    /// Feeds what was held, if all is known that the handshake needs.
    fn advance(&mut self, now: Instant) {
        if self.fingerprint.is_none() {
            return;
        }
        if self.awaits_hello() {
            match client_hello::read(&self.held) {
                Progress::Incomplete => return,
                Progress::Unsuitable => return self.fail(now, "no SRTP profile in common"),
                // The endpoint would take the first of the client's profiles that it has, so it gets one only.
                Progress::Chosen(profile) => {
                    let config = self.identity.config(Role::Server, &[profile]);
                    self.dtls.set_server_config(Some(config));
                }
            }
        }
        for datagram in std::mem::take(&mut self.held) {
            self.feed(now, datagram);
        }
    }

    /// Whether datagrams are held until a whole ClientHello is among them: the first one, and the one with the cookie.
    fn awaits_hello(&self) -> bool {
        self.role == Role::Server && !self.is_answered
    }

    fn feed(&mut self, now: Instant, datagram: BytesMut) {
        if matches!(self.state, State::Closed) {
            return;
        }
        match self.dtls.read(now, PEER, None, datagram) {
            Ok(events) => events.into_iter().for_each(|event| self.on_dtls(now, event)),
            Err(Error::ErrAlertFatalOrClose) if self.is_secure() => self.end(),
            Err(error) if self.is_secure() => tracing::debug!(%error, "a DTLS record was ignored"),
            Err(error) => {
                tracing::debug!(%error, "the DTLS handshake failed");
                self.fail(now, "the DTLS handshake failed");
            }
        }
        while let Some(transmit) = self.dtls.poll_transmit() {
            let message = records::first_message(&transmit.message);
            self.is_answered |= message == Some(self.role.answer());
            self.outgoing.push_back(transmit.message);
        }
        self.flush(now);
    }

    fn on_dtls(&mut self, now: Instant, event: EndpointEvent) {
        match event {
            EndpointEvent::HandshakeComplete => self.secure(now),
            EndpointEvent::ApplicationData(packet) if self.is_secure() => {
                self.channels.handle(now, packet.freeze(), &mut self.events);
            }
            EndpointEvent::PeerClosed => self.end(),
            _ => {}
        }
    }

    /// Takes the keys, if the peer's certificate is the one that its description promised.
    fn secure(&mut self, now: Instant) {
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
        if self.wants_association {
            self.channels.connect(now);
        }
    }

    /// Gives what SCTP wants to send to DTLS.
    fn flush(&mut self, now: Instant) {
        if !self.is_secure() {
            return;
        }
        while let Some(packet) = self.channels.poll_transmit(now) {
            // It fails only when the connection is gone, and SCTP repeats what is lost.
            let _ = self.dtls.write(now, PEER, &packet);
        }
    }

    fn end(&mut self) {
        if !matches!(self.state, State::Closed) {
            self.state = State::Closed;
            self.events.push_back(TransportEvent::Closed);
        }
    }

    fn fail(&mut self, now: Instant, why: &'static str) {
        if !matches!(self.state, State::Closed) {
            self.close(now);
            self.events.push_back(TransportEvent::Failed(why));
        }
    }
}

#[cfg(test)]
mod tests;
