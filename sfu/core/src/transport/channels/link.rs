//! One SCTP association and the data channels that run over it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use beckon_sfu_api::DataKind;
use bytes::Bytes;
use rtc_sctp::{
    Association, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Payload,
    PayloadProtocolIdentifier as Ppid, ReliabilityType, ServerConfig, Stream, TimerConfig,
    TransportConfig,
};
use rtc_shared::TransportProtocol;

use super::MESSAGE_LEN_MAX;
use crate::role::Role;
use crate::stats::{DataError, Discard};
use crate::transport::chunks::ChunkGate;
use crate::transport::dcep::{self, DcepMessage, Open, Reliability};
use crate::transport::event::TransportEvent;
use crate::transport::peer::PEER;

/// Bytes that the peer may have in flight to us: one message of the largest size, while another is repaired.
const RECEIVE_BUFFER_LEN: u32 = 128 * 1024;

/// An association and what runs over it.
pub(super) struct Link {
    endpoint: Endpoint,
    pub(super) association: Association,
    pub(super) is_connected: bool,
    /// Whether its end was reported.
    pub(super) is_ended: bool,
    pub(super) streams: Vec<Channel>,
    pub(super) gate: ChunkGate,
    /// Packets to send, the next one last.
    outgoing: Vec<Bytes>,
}

/// A data channel that is open.
pub(super) struct Channel {
    pub(super) stream: u16,
    /// `None` until the peer said what it is, and for channels that are none of LiveKit's.
    pub(super) kind: Option<DataKind>,
}

impl Link {
    fn new(endpoint: Endpoint, association: Association) -> Link {
        Link {
            endpoint,
            association,
            is_connected: false,
            is_ended: false,
            streams: Vec::new(),
            gate: ChunkGate::new(RECEIVE_BUFFER_LEN),
            outgoing: Vec::new(),
        }
    }

    pub(super) fn connect(now: Instant) -> Option<Link> {
        let mut endpoint = endpoint();
        let (_, association) = endpoint.connect(now, ClientConfig::new(config()), PEER).ok()?;
        Some(Link::new(endpoint, association))
    }

    pub(super) fn accept(now: Instant, init: Bytes) -> Option<Link> {
        let mut endpoint = endpoint();
        match endpoint.handle(now, PEER, None, init.clone())? {
            (_, DatagramEvent::NewAssociation(association)) => {
                let mut link = Link::new(endpoint, association);
                link.gate.received(&init).ok()?;
                Some(link)
            }
            _ => None,
        }
    }

    pub(super) fn handle(&mut self, now: Instant, packet: Bytes) {
        if let Some((_, DatagramEvent::AssociationEvent(event))) =
            self.endpoint.handle(now, PEER, None, packet)
        {
            self.association.handle_event(event);
        }
    }

    /// Opens our channels: the DTLS client has the even streams (RFC 8832, 6).
    pub(super) fn open(&mut self, now: Instant, role: Role) {
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
    pub(super) fn stream(&mut self, kind: DataKind) -> Option<Stream<'_>> {
        let channel = self.streams.iter().rev().find(|channel| channel.kind == Some(kind))?;
        self.association.stream(channel.stream).ok()
    }

    /// Forgets channels that either side has reset (RFC 8831, 6.7).
    pub(super) fn forget_closed(&mut self) {
        let association = &mut self.association;
        self.streams.retain(|channel| association.stream(channel.stream).is_ok());
    }

    pub(super) fn read(&mut self, now: Instant, events: &mut VecDeque<TransportEvent>) {
        for channel in &mut self.streams {
            let Ok(mut stream) = self.association.stream(channel.stream) else { continue };
            while let Ok(Some(message)) = stream.read_sctp() {
                self.gate.delivered(message.chunks.len());
                let Ok(payload) = message.to_payload(MESSAGE_LEN_MAX) else {
                    events.push_back(TransportEvent::Undelivered(DataError::TooLarge));
                    continue;
                };
                events.extend(match (message.ppi, channel.kind) {
                    (Ppid::Dcep, _) => channel.control(now, &mut stream, &payload),
                    (_, None) => Some(TransportEvent::Undelivered(DataError::Unknown)),
                    // SCTP has no empty messages: a byte stands for them (RFC 8831, 6.6).
                    (Ppid::BinaryEmpty | Ppid::StringEmpty, Some(kind)) => {
                        Some(TransportEvent::Data { kind, payload: Bytes::new() })
                    }
                    (_, Some(kind)) => {
                        Some(TransportEvent::Data { kind, payload: payload.freeze() })
                    }
                });
            }
        }
    }

    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
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
    fn control(
        &mut self,
        now: Instant,
        stream: &mut Stream<'_>,
        message: &[u8],
    ) -> Option<TransportEvent> {
        match dcep::read(message) {
            Some(DcepMessage::Open(open)) => {
                self.kind = open.kind();
                set_reliability(stream, &open);
                // It fails only when the stream is gone already.
                let _ = stream.write_with_ppi(now, &dcep::ACK, Ppid::Dcep);
                None
            }
            Some(DcepMessage::Ack) => None,
            None => Some(TransportEvent::Dropped(Discard::Malformed)),
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
    // ICE decides when the peer is gone; until then data is retransmitted.
    let timers = TimerConfig { max_t3_rtx_retrans: usize::MAX, ..TimerConfig::default() };
    TransportConfig::default()
        .with_max_receive_buffer_size(RECEIVE_BUFFER_LEN)
        .with_max_message_size(MESSAGE_LEN_MAX as u32)
        .with_timer_config(timers)
}
