//! One peer's secure transport: DTLS, the SRTP keys it exports, and data channels over SCTP in it.
//!
//! The only place that names webrtc-rs, of which it takes the sans-I/O parts. What stands around them is in the modules
//! below: bounds that the parts do not keep, whole flights, the choice of the SRTP profile, the repetition of flights, and
//! the data channels.

mod assembly;
mod channels;
mod chunks;
pub mod client_hello;
pub mod dcep;
mod event;
mod fingerprint;
mod flight;
mod handshake;
mod identity;
mod peer;
pub mod records;
pub mod server_flight;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use beckon_sfu_api::DataKind;
use bytes::{Bytes, BytesMut};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use crate::role::Role;
use crate::srtp::Profile;
use crate::stats::{DataError, Discard};
use channels::Channels;
pub use event::TransportEvent;
use flight::Flight;
pub use identity::Identity;
use peer::PEER;

/// DTLS that comes before the peer's description, or before its ClientHello or flight is whole.
const HELD_DATAGRAMS_MAX: usize = 8;
/// The same of a server whose chain of certificates is as large as may be, in small fragments that come twice.
const HELD_FLIGHT_DATAGRAMS_MAX: usize = 64;
/// From the peer's description to the keys.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(30);

enum State {
    /// Nothing is known of the peer yet.
    Idle,
    /// From the peer's description on. As the client we start once a path to the server is known.
    Handshaking {
        deadline: Instant,
    },
    Secure,
    Closed,
}

/// The DTLS association with one peer, and the data channels in it.
pub struct Transport {
    identity: Identity,
    /// As negotiated; it takes effect once the peer's fingerprint is known.
    role: Role,
    state: State,
    /// The fingerprint of the peer's certificate, as announced in SDP.
    fingerprint: Option<String>,
    dtls: Endpoint,
    /// As the client: handshake messages of the server processed so far.
    taken: u16,
    /// Whether our answer to the peer's largest flight has been sent.
    is_answered: bool,
    /// Our flight that waits for its answer.
    flight: Option<Flight>,
    held: Vec<BytesMut>,
    outgoing: VecDeque<BytesMut>,
    /// Sequence number of the next record in the clear.
    sequence: u64,
    gate: records::RecordGate,
    channels: Channels,
    wants_association: bool,
    wants_channels: bool,
    events: VecDeque<TransportEvent>,
}

impl Transport {
    pub fn new(identity: &Identity) -> Transport {
        let role = Role::Server;
        Transport {
            identity: identity.clone(),
            role,
            state: State::Idle,
            fingerprint: None,
            dtls: Endpoint::new(PEER, TransportProtocol::UDP, None),
            taken: 0,
            is_answered: false,
            flight: None,
            held: Vec::new(),
            outgoing: VecDeque::new(),
            sequence: 0,
            gate: records::RecordGate::default(),
            channels: Channels::new(role),
            wants_association: false,
            wants_channels: false,
            events: VecDeque::new(),
        }
    }

    /// Tells what the descriptions promise: our role, and the fingerprint of the peer's certificate. Both are for life
    /// (RFC 8842, section 4). DTLS that came before was held back until now.
    pub fn expect(&mut self, now: Instant, role: Role, fingerprint: &str) {
        match &self.fingerprint {
            Some(_) if self.role != role => return self.fail(now, "the DTLS roles changed"),
            Some(known) if known.eq_ignore_ascii_case(fingerprint) => return,
            Some(_) => return self.fail(now, "the certificate changed"),
            None => self.fingerprint = Some(fingerprint.to_owned()),
        }
        if !matches!(self.state, State::Idle) {
            return;
        }
        self.state = State::Handshaking { deadline: now + HANDSHAKE_TIME_MAX };
        self.role = role;
        self.channels = Channels::new(role);
        if self.wants_channels {
            self.channels.open(now);
        }
        match role {
            Role::Server => self.advance(now),
            // What came before our ClientHello answers none of ours.
            Role::Client => self.held.clear(),
        }
    }

    /// Whether a description that wants this role of us, if it wants one, and promises this certificate is of the same
    /// peer as the one before.
    pub fn may_be(&self, role: Option<Role>, fingerprint: &str) -> bool {
        self.fingerprint.as_ref().is_none_or(|known| {
            known.eq_ignore_ascii_case(fingerprint) && role.is_none_or(|role| role == self.role)
        })
    }

    /// Our role, once it is agreed on.
    pub fn role(&self) -> Option<Role> {
        self.fingerprint.is_some().then_some(self.role)
    }

    /// Notes that a path to the peer is known. The client starts the handshake, offering these profiles; the server waits.
    pub fn connect(&mut self, now: Instant, profiles: &[Profile]) {
        let is_due = matches!(self.state, State::Handshaking { .. }) && self.role == Role::Client;
        if !is_due || self.is_connecting() {
            return;
        }
        let config = self.identity.config(Role::Client, profiles);
        if self.dtls.connect(now, PEER, config, None).is_err() {
            self.fail(now, "DTLS cannot start");
        }
        self.take_flight(now);
    }

    /// Handles a datagram whose first byte is in 20..=63 (RFC 7983).
    pub fn handle_dtls(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Discard> {
        if matches!(self.state, State::Closed) {
            return Err(Discard::Stale);
        }
        self.gate.admit(datagram, self.is_secure())?;
        if self.is_repetition(datagram) {
            return self.answer_repetition(now, datagram);
        }
        let is_clear = records::is_clear_handshake(datagram);
        match (self.fingerprint.is_some(), self.role) {
            (true, Role::Client) if !self.is_connecting() => return Err(Discard::Stale),
            (true, Role::Client) if !self.is_answered && is_clear => {
                self.hold(datagram, HELD_FLIGHT_DATAGRAMS_MAX)?;
                self.hear_server(now);
            }
            // A ClientHello is awaited: the first one, or the one with the cookie.
            (_, Role::Server) if !self.is_answered => {
                if !is_clear {
                    return Err(Discard::Stale);
                }
                self.hold(datagram, HELD_DATAGRAMS_MAX)?;
                self.advance(now);
            }
            _ => self.feed(now, datagram.into()),
        }
        Ok(())
    }

    /// Opens both data channels, as soon as there is an association. The DTLS client starts that one.
    pub fn open_channels(&mut self, now: Instant) {
        self.wants_channels = true;
        self.channels.open(now);
        self.associate(now);
        self.flush(now);
    }

    /// Starts the association for data channels, whoever opens them, as soon as the transport is secure. Only the DTLS
    /// client does; its server waits for it.
    pub fn associate(&mut self, now: Instant) {
        self.wants_association = true;
        if self.is_secure() && self.role == Role::Client {
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

    /// Sends an SCTP packet that is none of our association's, as a hostile peer would.
    pub fn send_sctp(&mut self, now: Instant, packet: &[u8]) {
        // It fails only before the handshake is done.
        let _ = self.dtls.write(now, PEER, packet);
    }

    pub fn poll_transmit(&mut self) -> Option<BytesMut> {
        let dtls = &mut self.dtls;
        let fresh = || dtls.poll_transmit().map(|transmit| transmit.message);
        let mut datagram = self.outgoing.pop_front().or_else(fresh)?;
        records::number(&mut datagram, &mut self.sequence);
        Some(datagram)
    }

    pub fn poll_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Idle | State::Closed => None,
            State::Handshaking { deadline } => {
                Some(self.flight.as_ref().map_or(deadline, |flight| flight.due().min(deadline)))
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
                if let Some(flight) = self.flight.as_mut().filter(|flight| flight.due() <= now) {
                    flight.back_off();
                    self.repeat(now);
                }
            }
            State::Secure => {
                self.channels.handle_timeout(now, &mut self.events);
                self.flush(now);
            }
        }
    }

    /// Closes the connection with close_notify.
    pub fn close(&mut self, now: Instant) {
        self.state = State::Closed;
        // It fails only if there is no connection to close.
        let _ = self.dtls.close(now);
    }

    pub fn is_secure(&self) -> bool {
        matches!(self.state, State::Secure)
    }

    fn feed(&mut self, now: Instant, datagram: BytesMut) {
        if matches!(self.state, State::Closed) {
            return;
        }
        match self.dtls.read(now, PEER, None, datagram) {
            Ok(events) => events.into_iter().for_each(|event| self.on_dtls(now, event)),
            // A goodbye is an event; this is the peer's despair of us, or ours of the peer.
            Err(Error::ErrAlertFatalOrClose) if self.is_secure() => {
                self.fail(now, "a fatal alert ended DTLS");
            }
            Err(error) if self.is_secure() => tracing::debug!(%error, "a DTLS record was ignored"),
            Err(error) => {
                tracing::debug!(%error, "the DTLS handshake failed");
                self.fail(now, "the DTLS handshake failed");
            }
        }
        self.take_flight(now);
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
