//! Data channels (RFC 8831) on one SCTP association.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use beckon_sfu_api::DataKind;
use bytes::Bytes;
use thiserror::Error;

use super::dcep::{self, Message, Open, Reliability};
use super::sctp::{
    Association, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppid, ReliabilityType, ServerConfig, Stream, TimerConfig,
    TransportConfig,
};
use super::{PEER, Role, TransportEvent, TransportProtocol, chunks};

/// A message, in either direction. Larger ones of the peer are read and thrown away.
const MESSAGE_LEN_MAX: usize = 64 * 1024;
/// What the peer may have under way to us: a message of the largest kind, while another is repaired.
const RECEIVE_BUFFER_LEN: u32 = 128 * 1024;
/// Streams that a peer may open in all. LiveKit's clients have three.
const STREAMS_MAX: usize = 64;
/// What may wait for a peer that reads slowly, after which its reliable channel is not usable any more.
const RELIABLE_BUFFER_LEN: usize = 4 * 1024 * 1024;
/// What may wait on the lossy channel; anything more would be old when it arrives.
const LOSSY_BUFFER_LEN: usize = 256 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DataError {
    #[error("the data channel is not open")]
    NotOpen,
    #[error("the message is larger than {MESSAGE_LEN_MAX} bytes")]
    TooLarge,
    #[error("the peer does not take what was sent before")]
    Full,
}

pub(super) struct Channels {
    role: Role,
    link: Option<Link>,
    /// Whether we are the ones to open both channels.
    is_opener: bool,
    /// Whether their being open was told.
    is_told: bool,
    /// Whether the peer flooded its association: it gets no other.
    is_refused: bool,
}

/// An association and what runs over it.
struct Link {
    endpoint: Endpoint,
    association: Association,
    is_connected: bool,
    streams: Vec<Channel>,
    gate: chunks::Gate,
    /// Packets to send, the next one last.
    outgoing: Vec<Bytes>,
}

struct Channel {
    stream: u16,
    /// `None` until the peer said what it is, and for channels that are none of LiveKit's.
    kind: Option<DataKind>,
}

impl Channels {
    pub fn new(role: Role) -> Channels {
        Channels { role, link: None, is_opener: false, is_told: false, is_refused: false }
    }

    /// As the DTLS client: asks for the association.
    pub fn connect(&mut self, now: Instant) {
        if self.link.is_none() {
            self.link = Link::connect(now);
        }
    }

    /// Opens both channels now, or as soon as there is an association.
    pub fn open(&mut self, now: Instant) {
        self.is_opener = true;
        if let Some(link) = self.link.as_mut().filter(|link| link.is_connected) {
            link.open(now, self.role);
        }
    }

    pub fn handle(&mut self, now: Instant, packet: Bytes, events: &mut VecDeque<TransportEvent>) {
        if chunks::is_init(&packet) && self.role == Role::Server {
            self.accept(now, packet);
            return;
        }
        let Some(link) = &mut self.link else { return };
        if link.gate.received(&packet).is_err() {
            self.give_up();
            return;
        }
        link.handle(now, packet);
        self.turn(now, events);
    }

    pub fn send(&mut self, now: Instant, kind: DataKind, payload: &Bytes) -> Result<(), DataError> {
        if payload.len() > MESSAGE_LEN_MAX {
            return Err(DataError::TooLarge);
        }
        let link = self.link.as_mut().ok_or(DataError::NotOpen)?;
        let mut stream = link.stream(kind).ok_or(DataError::NotOpen)?;
        let waiting = stream.buffered_amount().map_err(|_| DataError::NotOpen)?;
        match kind {
            DataKind::Reliable if waiting > RELIABLE_BUFFER_LEN => return Err(DataError::Full),
            DataKind::Lossy if waiting > LOSSY_BUFFER_LEN => return Ok(()),
            _ => {}
        }
        let ppid = if payload.is_empty() { Ppid::BinaryEmpty } else { Ppid::Binary };
        // SCTP has no empty messages (RFC 8831, 6.6).
        let payload = if payload.is_empty() { &Bytes::from_static(&[0]) } else { payload };
        stream.write_chunk_with_ppi(now, payload, ppid).map_err(|_| DataError::NotOpen)?;
        Ok(())
    }

    pub fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        let link = self.link.as_mut()?;
        let packet = link.poll_transmit(now);
        // A new association calls itself closed until the peer's cookie comes.
        let was_open = link.is_connected || self.is_refused;
        if packet.is_none() && was_open && link.association.is_closed() {
            self.link = None;
        }
        packet
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.link.as_ref()?.association.poll_timeout()
    }

    pub fn handle_timeout(&mut self, now: Instant, events: &mut VecDeque<TransportEvent>) {
        if let Some(link) = &mut self.link {
            link.association.handle_timeout(now);
            self.turn(now, events);
        }
    }

    /// Takes what the association has for us. All streams are read each time, whatever it says of them.
    fn turn(&mut self, now: Instant, events: &mut VecDeque<TransportEvent>) {
        let Some(link) = &mut self.link else { return };
        while let Some(event) = link.association.poll() {
            if matches!(event, Event::Connected) {
                link.is_connected = true;
                if self.is_opener {
                    link.open(now, self.role);
                }
            }
        }
        while let Some(stream) = link.association.accept_stream() {
            let stream = stream.stream_identifier();
            link.streams.retain(|channel| channel.stream != stream);
            link.streams.push(Channel { stream, kind: None });
        }
        if link.streams.len() > STREAMS_MAX {
            self.give_up();
            return;
        }
        link.read(now, events);
        let is_open = |kind| link.streams.iter().any(|channel| channel.kind == Some(kind));
        if !self.is_told && is_open(DataKind::Reliable) && is_open(DataKind::Lossy) {
            self.is_told = true;
            events.push_back(TransportEvent::ChannelsOpen);
        }
    }

    /// As the DTLS server. A repeated INIT makes the association anew, since our answer was lost.
    fn accept(&mut self, now: Instant, init: Bytes) {
        let is_connected = self.link.as_ref().is_some_and(|link| link.is_connected);
        if !is_connected && !self.is_refused {
            self.link = Link::accept(now, init);
        }
    }

    /// Ends the association of a peer that floods it; media goes on.
    fn give_up(&mut self) {
        self.is_refused = true;
        if let Some(link) = &mut self.link {
            // It fails only when the association is closed already.
            let _ = link.association.abort();
        }
    }
}

impl Link {
    fn new(endpoint: Endpoint, association: Association) -> Link {
        Link {
            endpoint,
            association,
            is_connected: false,
            streams: Vec::new(),
            gate: chunks::Gate::default(),
            outgoing: Vec::new(),
        }
    }

    fn connect(now: Instant) -> Option<Link> {
        let mut endpoint = endpoint();
        let (_, association) = endpoint.connect(now, ClientConfig::new(config()), PEER).ok()?;
        Some(Link::new(endpoint, association))
    }

    fn accept(now: Instant, init: Bytes) -> Option<Link> {
        let mut endpoint = endpoint();
        match endpoint.handle(now, PEER, None, init)? {
            (_, DatagramEvent::NewAssociation(association)) => {
                Some(Link::new(endpoint, association))
            }
            _ => None,
        }
    }

    fn handle(&mut self, now: Instant, packet: Bytes) {
        if let Some((_, DatagramEvent::AssociationEvent(event))) =
            self.endpoint.handle(now, PEER, None, packet)
        {
            self.association.handle_event(event);
        }
    }

    /// Opens our channels: the DTLS client has the even streams (RFC 8832, 6).
    fn open(&mut self, now: Instant, role: Role) {
        let first = if role == Role::Client { 0 } else { 1 };
        for (stream, kind) in [(first, DataKind::Reliable), (first + 2, DataKind::Lossy)] {
            let open = Open::of(kind);
            let Ok(mut opened) = self.association.open_stream(stream, Ppid::Binary) else {
                continue;
            };
            set_reliability(&mut opened, &open);
            if opened.write_with_ppi(now, &open.write(), Ppid::Dcep).is_ok() {
                self.streams.push(Channel { stream, kind: Some(kind) });
            }
        }
    }

    /// The channel of a kind that was opened last.
    fn stream(&mut self, kind: DataKind) -> Option<Stream<'_>> {
        let channel = self.streams.iter().rev().find(|channel| channel.kind == Some(kind))?;
        self.association.stream(channel.stream).ok()
    }

    fn read(&mut self, now: Instant, events: &mut VecDeque<TransportEvent>) {
        for channel in &mut self.streams {
            let Ok(mut stream) = self.association.stream(channel.stream) else { continue };
            while let Ok(Some(message)) = stream.read_sctp() {
                let Ok(payload) = message.to_payload(MESSAGE_LEN_MAX) else { continue };
                match (message.ppi, channel.kind) {
                    (Ppid::Dcep, _) => channel.control(now, &mut stream, &payload),
                    (Ppid::Binary | Ppid::String, Some(kind)) => {
                        let payload = payload.freeze();
                        events.push_back(TransportEvent::Data { kind, payload });
                    }
                    _ => {}
                }
            }
        }
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        if self.outgoing.is_empty()
            && let Some(Payload::RawEncode(packets)) =
                self.association.poll_transmit(now).map(|transmit| transmit.message)
        {
            packets.iter().for_each(|packet| self.gate.sent(packet));
            self.outgoing.extend(packets.into_iter().rev());
        }
        self.outgoing.pop()
    }
}

impl Channel {
    fn control(&mut self, now: Instant, stream: &mut Stream<'_>, message: &[u8]) {
        if let Some(Message::Open(open)) = dcep::read(message) {
            self.kind = open.kind();
            set_reliability(stream, &open);
            // It fails only when the stream is gone already.
            let _ = stream.write_with_ppi(now, &dcep::ACK, Ppid::Dcep);
        }
    }
}

fn set_reliability(stream: &mut Stream<'_>, open: &Open<'_>) {
    let (kind, parameter) = match open.reliability {
        Reliability::Reliable => (ReliabilityType::Reliable, 0),
        Reliability::Retransmits(times) => (ReliabilityType::Rexmit, times),
        Reliability::Lifetime(milliseconds) => (ReliabilityType::Timed, milliseconds),
    };
    // It fails only when the stream is gone already.
    let _ = stream.set_reliability_params(open.unordered, kind, parameter);
}

fn endpoint() -> Endpoint {
    let server = Arc::new(ServerConfig::new(config()));
    Endpoint::new(PEER, TransportProtocol::UDP, Arc::new(EndpointConfig::new()), Some(server))
}

fn config() -> TransportConfig {
    // ICE tells when the peer is gone; until then what is under way is repeated.
    let timers = TimerConfig { max_t3_rtx_retrans: usize::MAX, ..TimerConfig::default() };
    TransportConfig::default()
        .with_max_receive_buffer_size(RECEIVE_BUFFER_LEN)
        .with_max_message_size(MESSAGE_LEN_MAX as u32)
        .with_max_num_inbound_streams(STREAMS_MAX as u16)
        .with_timer_config(timers)
}

#[cfg(test)]
mod tests;
