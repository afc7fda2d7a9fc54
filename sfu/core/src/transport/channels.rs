//! Data channels (RFC 8831) on one SCTP association.

mod link;

use std::collections::VecDeque;
use std::time::Instant;

use beckon_sfu_api::DataKind;
use bytes::Bytes;
use rtc_sctp::{Event, PayloadProtocolIdentifier as Ppid};

use self::link::{Channel, Link};
use super::chunks::{self, ChunkVerdict};
use super::event::TransportEvent;
use crate::role::Role;
use crate::stats::DataError;

/// A message, in either direction. Larger ones of the peer are read and thrown away.
const MESSAGE_LEN_MAX: usize = 64 * 1024;
/// Streams that a peer may have open at once. LiveKit's clients have three; each is looked at with every packet.
const STREAMS_MAX: usize = 256;
/// Bytes that may wait for a peer that reads slowly. More are dropped: no sender waits for a receiver.
const RELIABLE_BUFFER_LEN: usize = 4 * 1024 * 1024;
/// What may wait on the lossy channel; anything more would be old when it arrives.
const LOSSY_BUFFER_LEN: usize = 256 * 1024;

/// The SCTP association of one transport and its data channels.
pub(super) struct Channels {
    role: Role,
    link: Option<Link>,
    /// Whether we are the ones to open both channels.
    is_opener: bool,
    /// Whether it was reported that they are open.
    is_told: bool,
    /// Whether the peer flooded its association: it gets no other.
    is_refused: bool,
}

impl Channels {
    pub(super) fn new(role: Role) -> Channels {
        Channels { role, link: None, is_opener: false, is_told: false, is_refused: false }
    }

    /// As the DTLS client: asks for the association.
    pub(super) fn connect(&mut self, now: Instant) {
        if self.link.is_none() {
            self.link = Link::connect(now);
        }
    }

    /// Opens both channels now, or as soon as there is an association.
    pub(super) fn open(&mut self, now: Instant) {
        self.is_opener = true;
        if let Some(link) = self.link.as_mut().filter(|link| link.is_connected) {
            link.open(now, self.role);
        }
    }

    pub(super) fn handle(
        &mut self,
        now: Instant,
        packet: Bytes,
        events: &mut VecDeque<TransportEvent>,
    ) {
        if chunks::is_init(&packet) {
            // If both sides send INIT, ours as the DTLS client is used (RFC 9260, 5.2.1).
            if self.role == Role::Server || self.link.is_none() {
                self.accept(now, packet);
            }
            return;
        }
        let Some(link) = &mut self.link else { return };
        match link.gate.received(&packet) {
            Ok(ChunkVerdict::Pass) => {
                link.handle(now, packet);
                self.turn(now, events);
            }
            Ok(ChunkVerdict::Drop(why)) => events.push_back(TransportEvent::Dropped(why)),
            Err(why) => self.give_up(why, events),
        }
    }

    pub(super) fn send(
        &mut self,
        now: Instant,
        kind: DataKind,
        payload: &Bytes,
    ) -> Result<(), DataError> {
        if payload.len() > MESSAGE_LEN_MAX {
            return Err(DataError::TooLarge);
        }
        let link = self.link.as_mut().ok_or(DataError::NotOpen)?;
        let mut stream = link.stream(kind).ok_or(DataError::NotOpen)?;
        let waiting = stream.buffered_amount().map_err(|_| DataError::NotOpen)?;
        match kind {
            DataKind::Reliable if waiting > RELIABLE_BUFFER_LEN => return Err(DataError::Full),
            DataKind::Lossy if waiting > LOSSY_BUFFER_LEN => return Err(DataError::Full),
            _ => {}
        }
        let ppid = if payload.is_empty() { Ppid::BinaryEmpty } else { Ppid::Binary };
        // SCTP has no empty messages (RFC 8831, 6.6).
        let payload = if payload.is_empty() { &Bytes::from_static(&[0]) } else { payload };
        stream.write_chunk_with_ppi(now, payload, ppid).map_err(|_| DataError::NotOpen)?;
        Ok(())
    }

    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        let link = self.link.as_mut()?;
        let packet = link.poll_transmit(now);
        // A new association calls itself closed until the peer's cookie comes.
        let was_open = link.is_connected || self.is_refused;
        if packet.is_none() && was_open && link.association.is_closed() {
            self.link = None;
            self.is_told = false;
        }
        packet
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.link.as_ref()?.association.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, events: &mut VecDeque<TransportEvent>) {
        if let Some(link) = &mut self.link {
            link.association.handle_timeout(now);
            self.turn(now, events);
        }
    }

    /// Reads what the association has received. All streams are read each time, whichever it names.
    fn turn(&mut self, now: Instant, events: &mut VecDeque<TransportEvent>) {
        let Some(link) = &mut self.link else { return };
        let mut is_unanswered = false;
        while let Some(event) = link.association.poll() {
            match event {
                Event::Connected => {
                    link.is_connected = true;
                    if self.is_opener {
                        link.open(now, self.role);
                    }
                }
                Event::HandshakeFailed { .. } => is_unanswered = true,
                _ => {}
            }
        }
        if is_unanswered {
            self.end("nobody answered the association", events);
            return;
        }
        if link.is_connected && link.association.is_closed() {
            self.end("the association broke", events);
            return;
        }
        while let Some(stream) = link.association.accept_stream() {
            let stream = stream.stream_identifier();
            link.streams.retain(|channel| channel.stream != stream);
            link.streams.push(Channel { stream, kind: None });
        }
        link.forget_closed();
        if link.streams.len() > STREAMS_MAX {
            self.give_up("too many data channels", events);
            return;
        }
        link.read(now, events);
        let is_open = |kind| link.streams.iter().any(|channel| channel.kind == Some(kind));
        if !self.is_told && is_open(DataKind::Reliable) && is_open(DataKind::Lossy) {
            self.is_told = true;
            events.push_back(TransportEvent::ChannelsOpen);
        }
    }

    /// Accepts an association, as the DTLS server. A repeated INIT replaces it, since our answer was lost.
    fn accept(&mut self, now: Instant, init: Bytes) {
        let is_connected = self.link.as_ref().is_some_and(|link| link.is_connected);
        if !is_connected && !self.is_refused {
            self.link = Link::accept(now, init);
        }
    }

    /// Ends the association of a peer that floods it.
    fn give_up(&mut self, why: &'static str, events: &mut VecDeque<TransportEvent>) {
        self.is_refused = true;
        self.end(why, events);
        if let Some(link) = &mut self.link {
            // It fails only when the association is closed already.
            let _ = link.association.abort();
        }
    }

    /// Tells once that the association ended, unless the peer closed it.
    fn end(&mut self, why: &'static str, events: &mut VecDeque<TransportEvent>) {
        let Some(link) = &mut self.link else { return };
        if !std::mem::replace(&mut link.is_ended, true) && !link.gate.said_goodbye() {
            events.push_back(TransportEvent::ChannelsLost(why));
        }
    }
}

#[cfg(test)]
mod tests;
