//! One peer connection to a client: ICE, DTLS, SRTP, data channels, and the datagrams about to be sent.

mod entries;
mod establishing;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use beckon_sfu_api::{DataKind, Lost};
use bytes::{Bytes, BytesMut};

use self::entries::Entries;
use crate::demux::Owner;
use crate::downlink::Downlink;
use crate::extension::{Extension, ExtensionMap};
use crate::forwarder::{Bound, Outbound};
use crate::ice::Ice;
use crate::layers::Layers;
use crate::outgoing::{Outgoing, Path, Sink};
use crate::srtp::{Profile, Srtp};
use crate::stats::{DataError, Discard};
use crate::transport::{Identity, Transport, TransportEvent};
use crate::twcc::Recorder;

/// The SRTP profiles that we offer as the DTLS client.
const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::AesCm128HmacSha1_80];

/// Interval of transport-wide feedback to a publisher, as in libwebrtc's receivers.
const FEEDBACK_EVERY: Duration = Duration::from_millis(50);

/// DTLS datagrams that wait until a path is known: our largest flight, and one repetition.
const FLIGHT_DATAGRAMS_MAX: usize = 8;

/// An event of a connection.
#[derive(Debug)]
pub(crate) enum Happened {
    /// Media can flow: the path is known and keys are made.
    Secure,
    Data(DataKind, Bytes),
    /// A message of the client went nowhere.
    Undelivered(DataError),
    /// Something from the client was discarded.
    Dropped(Discard),
    /// The client closed it (DTLS close_notify).
    Closed,
    /// It failed, for this reason.
    Ended(Lost, &'static str),
}

/// A media packet to send: where its bytes are stored, and how it is written for this client.
pub(crate) struct MediaPacket<'a> {
    pub outbound: &'a Outbound,
    pub layers: &'a Layers,
    pub from: &'a ExtensionMap,
    pub bound: &'a Bound,
}

/// One peer connection. It is given datagrams and the time; its datagrams go out through [`Connection::flush`], and what
/// happens to it comes out of [`Connection::poll`].
pub(crate) struct Connection {
    pub ice: Ice,
    pub downlink: Downlink,
    pub outgoing: Outgoing,
    /// It is in the list of connections with something to send.
    marked: bool,
    transport: Transport,
    srtp: Option<Box<Srtp>>,
    /// DTLS datagrams that wait for a path.
    waiting: Vec<BytesMut>,
    /// Our address as the client knows it.
    local: Option<IpAddr>,
    entries: Entries,
    /// When something authentic was received last.
    heard: Instant,
    secure_reported: bool,
    /// The client closed it, or it failed.
    ended: bool,
    arrivals: Recorder,
    feedback_at: Instant,
    /// Our SSRC in RTCP that is not about a stream of ours.
    rtcp_ssrc: u32,
    /// Any stream of the client's: libwebrtc ignores feedback about others.
    remote_ssrc: Option<u32>,
    rtcp: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(identity: &Identity, now: Instant) -> Connection {
        Connection {
            ice: Ice::new(now),
            downlink: Downlink::new(now),
            outgoing: Outgoing::default(),
            marked: false,
            transport: Transport::new(identity),
            srtp: None,
            waiting: Vec::new(),
            local: None,
            entries: Entries::default(),
            heard: now,
            secure_reported: false,
            ended: false,
            arrivals: Recorder::new(),
            feedback_at: now,
            rtcp_ssrc: rand::random(),
            remote_ssrc: None,
            rtcp: Vec::with_capacity(1500),
        }
    }

    /// Whether media can flow.
    pub(crate) fn is_secure(&self) -> bool {
        self.srtp.is_some() && self.ice.path().is_some()
    }

    /// Whether it ever was secure.
    pub(crate) fn was_secure(&self) -> bool {
        self.secure_reported
    }

    /// Whether it has neither been closed nor failed.
    pub(crate) fn is_open(&self) -> bool {
        !self.ended
    }

    /// When something authentic was received last.
    pub(crate) fn last_heard(&self) -> Instant {
        self.heard.max(self.ice.last_heard())
    }

    pub(crate) fn rtcp_ssrc(&self) -> u32 {
        self.rtcp_ssrc
    }

    pub(crate) fn handle_dtls(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Discard> {
        self.ice.received(from, datagram.len());
        self.transport.handle_dtls(now, datagram)
    }

    /// Decrypts in place.
    pub(crate) fn open_rtp<'p>(
        &mut self,
        now: Instant,
        datagram: &'p mut [u8],
    ) -> Result<&'p mut [u8], Discard> {
        let srtp = self.srtp.as_mut().ok_or(Discard::BeforeKeys)?;
        let packet = srtp.opener.open_rtp(datagram)?;
        self.heard = now;
        Ok(packet)
    }

    /// Decrypts in place.
    pub(crate) fn open_rtcp<'p>(
        &mut self,
        now: Instant,
        datagram: &'p mut [u8],
    ) -> Result<&'p mut [u8], Discard> {
        let srtp = self.srtp.as_mut().ok_or(Discard::BeforeKeys)?;
        let compound = srtp.opener.open_rtcp(datagram)?;
        self.heard = now;
        Ok(compound)
    }

    /// Notes when a packet of the client arrived, for its bandwidth estimation.
    pub(crate) fn record_arrival(&mut self, now: Instant, ssrc: u32, sequence: u16) {
        self.remote_ssrc = Some(ssrc);
        self.arrivals.record(now, sequence);
    }

    /// Prefetches what [`Connection::send_packet`] will need into the CPU's caches; the return value is meaningless.
    pub(crate) fn warm(&self) -> usize {
        let srtp = self.srtp.as_ref().map_or(0, |srtp| srtp.sealer.warm());
        let path = self.path().map_or(0, |path| usize::from(path.remote.port()));
        let state = [srtp, path, self.marked.into(), self.downlink.warm(), self.outgoing.warm()];
        state.into_iter().fold(0, usize::wrapping_add)
    }

    /// Queues a media packet and returns whether there was a path and room for it.
    pub(crate) fn send_packet(&mut self, now: Instant, packet: &MediaPacket<'_>) -> bool {
        let Some(path) = self.path() else { return false };
        let Some(srtp) = &mut self.srtp else { return false };
        let to = &packet.bound.extensions;
        let numbered = to.id(Extension::TransportCc).is_some();
        let sequence = numbered.then(|| self.downlink.next_transport_sequence());
        let sent = self.outgoing.push(path, |bytes, start| {
            let header = packet.outbound.write(packet.layers, packet.from, to, sequence, bytes)?;
            srtp.sealer.seal_rtp(bytes, start, header, packet.outbound.roc);
            Some(bytes.len() - start)
        });
        if let Some(len) = sent {
            self.downlink.estimator.on_sent(now, sequence, len);
        }
        sent.is_some()
    }

    /// Queues an RTCP compound packet, if the connection is secure.
    pub(crate) fn send_rtcp(&mut self, compound: &[u8]) {
        let Some(path) = self.path() else { return };
        let Some(srtp) = &mut self.srtp else { return };
        self.outgoing.push(path, |bytes, start| {
            bytes.extend_from_slice(compound);
            srtp.sealer.seal_rtcp(bytes, start);
            Some(())
        });
    }

    pub(crate) fn open_channels(&mut self, now: Instant) {
        self.transport.open_channels(now);
    }

    /// Queues a message for the data channel of this kind. It is dropped if there is none or too much waits on it: a sender
    /// never waits for receivers, which may be many and slow.
    pub(crate) fn send_data(
        &mut self,
        now: Instant,
        kind: DataKind,
        payload: &Bytes,
    ) -> Result<(), DataError> {
        self.transport.send_data(now, kind, payload)
    }

    /// Closes it and appends the last datagrams, among them DTLS close_notify, to `farewells`.
    pub(crate) fn close(&mut self, now: Instant, farewells: &mut Vec<(Path, Vec<u8>)>) {
        self.transport.close(now);
        let Some(path) = self.path() else { return };
        while let Some(datagram) = self.transport.poll_transmit() {
            farewells.push((path, datagram.into()));
        }
    }

    /// Returns the next event, and queues what the transport wants to send.
    pub(crate) fn poll(&mut self) -> Option<Happened> {
        self.drain();
        while let Some(event) = self.transport.poll_event() {
            match event {
                TransportEvent::Secure(srtp) => self.srtp = Some(srtp),
                TransportEvent::ChannelsOpen => {}
                TransportEvent::Data { kind, payload } => {
                    return Some(Happened::Data(kind, payload));
                }
                TransportEvent::Undelivered(why) => return Some(Happened::Undelivered(why)),
                TransportEvent::Dropped(why) => return Some(Happened::Dropped(why)),
                TransportEvent::ChannelsLost(why) => {
                    self.ended = true;
                    return Some(Happened::Ended(Lost::Data, why));
                }
                TransportEvent::Closed => {
                    self.end();
                    return Some(Happened::Closed);
                }
                TransportEvent::Failed(why) => {
                    self.end();
                    return Some(Happened::Ended(Lost::Failed, why));
                }
            }
        }
        if !self.secure_reported && self.is_secure() {
            self.secure_reported = true;
            return Some(Happened::Secure);
        }
        None
    }

    /// Nothing is sent after the end.
    fn end(&mut self) {
        self.ended = true;
        self.srtp = None;
    }

    /// Enters it into the list of connections with something to send, if it has.
    pub(crate) fn mark(&mut self, owner: Owner, dirty: &mut Vec<Owner>) {
        if !self.marked && !self.outgoing.is_empty() {
            self.marked = true;
            dirty.push(owner);
        }
    }

    /// Drains the queue into `send`.
    pub(crate) fn flush(&mut self, send: &mut Sink<'_>) {
        self.marked = false;
        self.outgoing.flush(send);
    }

    /// Does what is due: handshake and data channel timers, feedback about arrivals.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.transport.poll_timeout().is_some_and(|at| at <= now) {
            self.transport.handle_timeout(now);
        }
        self.check(now);
        if now >= self.feedback_at {
            self.feedback_at = now + FEEDBACK_EVERY;
            self.send_feedback();
        }
    }

    fn send_feedback(&mut self) {
        let Some(media) = self.remote_ssrc else { return };
        let mut rtcp = std::mem::take(&mut self.rtcp);
        rtcp.clear();
        while self.arrivals.write_feedback(&mut rtcp, self.rtcp_ssrc, media) {
            self.send_rtcp(&rtcp);
            rtcp.clear();
        }
        self.rtcp = rtcp;
    }

    fn path(&self) -> Option<Path> {
        Some(Path { remote: self.ice.path()?, local: self.local })
    }

    /// Queues the datagrams of DTLS. Until there is a path, one flight of the handshake waits.
    fn drain(&mut self) {
        let Some(path) = self.path() else {
            while let Some(datagram) = self.transport.poll_transmit() {
                if self.waiting.len() < FLIGHT_DATAGRAMS_MAX {
                    self.waiting.push(datagram);
                }
            }
            return;
        };
        let waiting = std::mem::take(&mut self.waiting);
        let fresh = std::iter::from_fn(|| self.transport.poll_transmit());
        for datagram in waiting.into_iter().chain(fresh) {
            self.outgoing.push(path, |bytes, _| {
                bytes.extend_from_slice(&datagram);
                Some(())
            });
        }
    }
}
