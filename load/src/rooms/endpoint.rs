//! One participant's media: a socket of its own, a transport, the streams it sends and what it hears.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use beckon_load::headless::description::TRANSPORT_CC;
use beckon_load::headless::sources::Sources;
use beckon_load::headless::{self, Headless};
use beckon_sfu_core::rtcp::{self, Packet};
use beckon_sfu_core::rtp::Header;
use beckon_sfu_core::twcc::Recorder;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};

use super::books::{Books, Clock, Heard, Progress};

use super::part::Part;

use super::stamp::Stamp;
use super::streams::Stream;

/// As often as browsers send feedback for congestion control.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Whoever does not send reports under this number.
const RECEIVER_SSRC: u32 = 1;

/// Buffers of one receiving call, each long enough for a train that the kernel joined.
const BATCH: usize = 8;
const TRAIN_BYTES_MAX: usize = 1 << 16;

/// Bursts wait here while the load's thread serves the others.
const BUFFER_BYTES: usize = 4 << 20;

/// Seconds between the beginnings of NTP's time and of Unix's.
const NTP_UNIX: u64 = 2_208_988_800;

pub(super) struct Endpoint {
    socket: UdpSocket,
    link: Link,
    transport: Headless,
    part: Part,
    streams: Vec<Stream>,
    transport_sequence: u16,
    heard: Heard,
    sources: Sources,
    recorder: Recorder,
    feedback_due: Instant,
    report_due: Instant,
    began: bool,
}

/// What all endpoints of a thread share.
pub(super) struct Common {
    pub(super) clock: Clock,
    pub(super) progress: Arc<Progress>,
    pub(super) books: Books,
    received: Vec<u8>,
    plain: Vec<u8>,
    sealed: Vec<u8>,
}

impl Common {
    pub(super) fn new(clock: Clock, progress: Arc<Progress>, books: Books) -> Self {
        let received = vec![0; BATCH * TRAIN_BYTES_MAX];
        Common { clock, progress, books, received, plain: Vec::new(), sealed: Vec::new() }
    }
}

impl Endpoint {
    /// A participant whose transport knows the server already.
    pub(super) fn new(server: SocketAddr, transport: Headless, part: Part) -> io::Result<Endpoint> {
        let any: IpAddr = if server.is_ipv4() {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        // So that the kernel says when nobody listens there.
        socket.connect(server)?;
        let now = Instant::now();
        Ok(Endpoint {
            link: Link::new(&socket, server)?,
            socket,
            transport,
            part,
            streams: part.streams(),
            transport_sequence: 0,
            heard: Heard::default(),
            sources: Sources::default(),
            recorder: Recorder::new(),
            feedback_due: now,
            report_due: now,
            began: false,
        })
    }

    /// When something is to be done again, whatever arrives until then.
    pub(super) fn due(&self) -> Instant {
        let streams = self.streams.iter().map(Stream::due).filter(|_| self.began);
        let due = streams.chain(self.transport.poll_timeout()).min();
        let timer = self.feedback_due.min(self.report_due);
        due.map_or(timer, |due| due.min(timer))
    }

    /// Packets sent that count.
    pub(super) fn sent(&self) -> u64 {
        self.streams.iter().map(|stream| stream.counted).sum()
    }

    /// Packets heard that count, and how many those should have been when all participants sent so many.
    pub(super) fn balance(&self, all_sent: u64) -> (u64, u64) {
        let expected = if self.part.hears > 0 { all_sent - self.sent() } else { 0 };
        (self.heard.received(), expected)
    }

    /// Reads everything that has come.
    pub(super) fn receive(&mut self, common: &mut Common) -> io::Result<()> {
        let mut received = std::mem::take(&mut common.received);
        let mut meta = [RecvMeta::default(); BATCH];
        loop {
            let count = self.link.receive(&self.socket, &mut received, &mut meta)?;
            let now = Instant::now();
            for (buffer, meta) in received.chunks_mut(TRAIN_BYTES_MAX).zip(meta).take(count) {
                for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                    self.handle(now, datagram, common);
                }
            }
            self.flush()?;
            if count < BATCH {
                common.received = received;
                return Ok(());
            }
        }
    }

    fn handle(&mut self, now: Instant, datagram: &mut [u8], common: &mut Common) {
        match self.transport.handle(now, datagram) {
            Some(headless::Heard::Rtp(packet)) => {
                let Some(header) = Header::read(packet) else { return };
                self.sources.note_packet(header.ssrc, header.sequence);
                if let Some(&[high, low]) = header.extension(packet, TRANSPORT_CC) {
                    self.recorder.record(now, u16::from_be_bytes([high, low]));
                }
                let Some(stamp) = Stamp::read(header.payload(packet)) else { return };
                let counts = common.progress.counts(stamp.sent_ns);
                if self.heard.note(stamp, counts, &common.progress) {
                    let latency_ns = common.clock.ns(now).saturating_sub(stamp.sent_ns);
                    common.books.latency_us.saturating_record(latency_ns / 1000);
                }
            }
            Some(headless::Heard::Rtcp(compound)) => {
                for packet in rtcp::packets(compound) {
                    self.handle_rtcp(now, &packet);
                }
            }
            None => {}
        }
    }

    fn handle_rtcp(&mut self, now: Instant, packet: &Packet<'_>) {
        match packet {
            Packet::SenderReport { ssrc, ntp, .. } => {
                self.sources.note_sender_report(now, *ssrc, *ntp);
            }
            Packet::Pli { media, .. } => {
                let streams = self.streams.iter_mut().filter(|stream| stream.ssrc == *media);
                streams.for_each(Stream::want_keyframe);
            }
            Packet::Fir { .. } => self.streams.iter_mut().for_each(Stream::want_keyframe),
            _ => {}
        }
    }

    /// Sends what is due.
    pub(super) fn step(&mut self, now: Instant, common: &mut Common) -> io::Result<()> {
        if self.transport.poll_timeout().is_some_and(|due| due <= now) {
            self.transport.handle_timeout(now);
        }
        if !self.transport.is_connected() {
            (self.feedback_due, self.report_due) =
                (now + FEEDBACK_INTERVAL, now + FEEDBACK_INTERVAL);
            return self.flush();
        }
        if !std::mem::replace(&mut self.began, true) {
            let at = now + self.part.offset();
            self.streams.iter_mut().for_each(|stream| stream.begin(at));
        }
        self.send_streams(now, common)?;
        if self.feedback_due <= now {
            self.feedback_due = now + FEEDBACK_INTERVAL;
            self.send_feedback(common)?;
        }
        if self.report_due <= now {
            self.report_due = now + REPORT_INTERVAL;
            self.send_reports(now, common)?;
        }
        self.flush()
    }

    fn send_streams(&mut self, now: Instant, common: &mut Common) -> io::Result<()> {
        let now_ns = common.clock.ns(now);
        let counts = common.progress.counts(now_ns);
        let Common { plain, sealed, .. } = common;
        for stream in &mut self.streams {
            let Some(frame) = stream.next_due(now) else { continue };
            for index in 0..frame.packets {
                plain.clear();
                sealed.clear();
                self.transport_sequence = self.transport_sequence.wrapping_add(1);
                let header_len =
                    stream.write(&frame, index, now_ns, self.transport_sequence, plain);
                stream.counted += u64::from(counts);
                self.transport.send_rtp(plain, header_len, stream.rollovers(), sealed);
                self.link.send(&self.socket, sealed)?;
            }
        }
        Ok(())
    }

    fn send_feedback(&mut self, common: &mut Common) -> io::Result<()> {
        let Some(media) = self.sources.any() else { return Ok(()) };
        common.plain.clear();
        while self.recorder.write_feedback(&mut common.plain, RECEIVER_SSRC, media) {
            self.send_rtcp(common)?;
        }
        Ok(())
    }

    fn send_reports(&mut self, now: Instant, common: &mut Common) -> io::Result<()> {
        common.plain.clear();
        for stream in &self.streams {
            let (rtp, packets, octets) = stream.report(now);
            rtcp::write_sender_report(&mut common.plain, stream.ssrc, ntp(), rtp, packets, octets);
        }
        rtcp::write_receiver_report(&mut common.plain, RECEIVER_SSRC, self.sources.reports(now));
        self.send_rtcp(common)
    }

    fn send_rtcp(&mut self, common: &mut Common) -> io::Result<()> {
        common.sealed.clear();
        self.transport.send_rtcp(&common.plain, &mut common.sealed);
        common.plain.clear();
        self.link.send(&self.socket, &common.sealed)
    }

    fn flush(&mut self) -> io::Result<()> {
        while let Some(datagram) = self.transport.poll_transmit() {
            self.link.send(&self.socket, &datagram)?;
        }
        Ok(())
    }
}

/// The kernel's side of a socket.
struct Link {
    state: UdpSocketState,
    server: SocketAddr,
}

impl Link {
    fn new(socket: &UdpSocket, server: SocketAddr) -> io::Result<Link> {
        let state = UdpSocketState::new(UdpSockRef::from(socket))?;
        state.set_recv_buffer_size(UdpSockRef::from(socket), BUFFER_BYTES)?;
        Ok(Link { state, server })
    }

    /// Fills buffers with what has come, and returns how many.
    fn receive(
        &self,
        socket: &UdpSocket,
        buffer: &mut [u8],
        meta: &mut [RecvMeta; BATCH],
    ) -> io::Result<usize> {
        let mut buffers = buffer.chunks_mut(TRAIN_BYTES_MAX);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
        match self.state.recv(UdpSockRef::from(socket), &mut slices, meta) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            received => received,
        }
    }

    fn send(&self, socket: &UdpSocket, contents: &[u8]) -> io::Result<()> {
        let destination = self.server;
        let transmit =
            Transmit { destination, contents, ecn: None, segment_size: None, src_ip: None };
        self.state.try_send(UdpSockRef::from(socket), &transmit)
    }
}

/// The wall clock as sender reports tell it.
fn ntp() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    (unix.as_secs() + NTP_UNIX) << 32 | fraction
}
