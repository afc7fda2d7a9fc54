//! A client's media: it sends what is due, hears what comes, and reports as browsers do.

use std::time::{Duration, Instant};

use beckon_load::headless::description::TRANSPORT_CC;
use beckon_load::headless::{HeadlessEvent, Heard};
use beckon_sfu_api::Kind;
use beckon_sfu_core::demux::Side;
use beckon_sfu_core::rtcp::{self, Packet};
use beckon_sfu_core::rtp::Header;

use super::client::{Client, Endpoint};
use super::source::Plain;

const TICK: Duration = Duration::from_millis(10);
/// Feedback for congestion control goes out each so many ticks.
const FEEDBACK_TICKS: u128 = 5;
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Whoever only receives reports under this number.
const RECEIVER: u32 = 1;
/// What the clients' wall clocks show when the stage begins: none is like ours.
const WALL: u64 = 3_900_000_000 << 32;

impl Endpoint {
    pub fn send_rtp(&mut self, plain: &Plain) {
        let mut sealed = Vec::new();
        if self.headless.send_rtp(&plain.bytes, plain.header_len, plain.roc, &mut sealed) {
            self.outbox.push(sealed);
        }
    }

    pub fn send_rtcp(&mut self, compound: &[u8]) {
        let mut sealed = Vec::new();
        if !compound.is_empty() && self.headless.send_rtcp(compound, &mut sealed) {
            self.outbox.push(sealed);
        }
    }
}

impl Client {
    /// The wall clock of this client, as NTP writes it.
    pub fn ntp(&self, now: Instant) -> u64 {
        let passed = now - self.epoch;
        WALL + (passed.as_secs() << 32) + ((u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000)
    }

    /// When it has something to do.
    pub fn due(&mut self) -> Instant {
        let sources = self.sources.iter().map(|source| source.due);
        let due = sources.chain([self.tick]).min().unwrap_or(self.tick);
        let timers = self.endpoints().filter_map(|endpoint| endpoint.headless.poll_timeout());
        timers.fold(due, Instant::min)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        for endpoint in self.endpoints() {
            endpoint.headless.handle_timeout(now);
        }
        self.send_media(now);
        if now >= self.tick {
            self.tick = now + TICK;
            self.ask(now);
            if ((now - self.epoch).as_millis() / TICK.as_millis()).is_multiple_of(FEEDBACK_TICKS) {
                self.send_feedback();
            }
        }
        if now >= self.report {
            self.report = now + REPORT_INTERVAL;
            self.send_reports(now);
        }
        self.hear_events();
    }

    fn send_media(&mut self, now: Instant) {
        let Client { sources, publisher, epoch, .. } = self;
        for source in sources {
            if !publisher.headless.is_connected() {
                // Encoders begin when there is somewhere to send to.
                source.due = source.due.max(now + TICK);
            }
            while source.due <= now {
                let frame = source.frame(now, *epoch, &mut publisher.number);
                frame.iter().for_each(|plain| publisher.send_rtp(plain));
            }
        }
    }

    /// Asks for what is missing.
    fn ask(&mut self, now: Instant) {
        let mut compound = Vec::new();
        for sink in self.sinks.values_mut() {
            // Browsers negotiate no repair of audio.
            let missing = sink.missing(now);
            if sink.kind == Kind::Audio {
                continue;
            }
            if !missing.is_empty() {
                rtcp::write_nack(&mut compound, RECEIVER, sink.ssrc, &missing);
            }
            if sink.wants_keyframe(now) {
                rtcp::write_pli(&mut compound, RECEIVER, sink.ssrc);
            }
        }
        self.down().send_rtcp(&compound);
    }

    fn send_feedback(&mut self) {
        if self.silent_feedback {
            return;
        }
        let down = self.down();
        let Some(media) = down.heard.any() else { return };
        let mut compound = Vec::new();
        while down.recorder.write_feedback(&mut compound, RECEIVER, media) {
            down.send_rtcp(&compound);
            compound.clear();
        }
    }

    fn send_reports(&mut self, now: Instant) {
        let ntp = self.ntp(now);
        let mut compound = Vec::new();
        for (ssrc, rtp, packets, octets) in self.sources.iter().flat_map(|it| it.reports(now)) {
            rtcp::write_sender_report(&mut compound, ssrc, ntp, rtp, packets, octets);
        }
        self.publisher.send_rtcp(&compound);
        compound.clear();
        if self.silent_feedback {
            return;
        }
        let down = self.down();
        rtcp::write_receiver_report(&mut compound, RECEIVER, down.heard.reports(now));
        down.send_rtcp(&compound);
    }

    pub fn handle(&mut self, now: Instant, side: Side, datagram: &mut [u8]) {
        let endpoint = match (side, &mut self.subscriber) {
            (Side::Subscriber, Some(subscriber)) => subscriber,
            _ => &mut self.publisher,
        };
        if endpoint.deaf_to_dtls && matches!(datagram.first(), Some(20..=63)) {
            return;
        }
        match endpoint.headless.handle(now, datagram) {
            Some(Heard::Rtp(packet)) => {
                let Some(header) = Header::read(packet) else { return };
                if let Some(&[high, low]) = header.extension(packet, TRANSPORT_CC) {
                    endpoint.recorder.record(now, u16::from_be_bytes([high, low]));
                }
                let repaired = self.repairs.get(&header.ssrc);
                if repaired.is_none() {
                    endpoint.heard.note_packet(header.ssrc, header.sequence);
                }
                let sink = self.sinks.get_mut(repaired.unwrap_or(&header.ssrc));
                let sink = sink.expect("only streams that were negotiated");
                sink.hear(now, &header, packet, repaired.is_some());
            }
            Some(Heard::Rtcp(compound)) => {
                rtcp::packets(compound).for_each(|packet| self.handle_rtcp(now, side, &packet));
            }
            None => self.hear_events(),
        }
    }

    fn handle_rtcp(&mut self, now: Instant, side: Side, packet: &Packet<'_>) {
        match packet {
            Packet::SenderReport { ssrc, ntp, rtp, .. } => {
                self.down().heard.note_sender_report(now, *ssrc, *ntp);
                if let Some(sink) = self.sinks.get_mut(ssrc) {
                    sink.reports.push((*ntp, *rtp, now));
                }
            }
            Packet::ReceiverReport { reports, .. } => {
                for report in reports.clone() {
                    let units = ((self.ntp(now) >> 16) as u32)
                        .wrapping_sub(report.last_sr)
                        .wrapping_sub(report.delay);
                    let rtt = (report.last_sr != 0).then(|| f64::from(units) / 65_536.0);
                    self.told.push((report.ssrc, report.fraction_lost, rtt));
                }
            }
            Packet::Nack { media, lost, .. } => {
                assert_eq!(side, Side::Publisher);
                let Client { sources, publisher, .. } = self;
                for sequence in lost.clone() {
                    let repair = |source: &mut super::source::Source| {
                        source.repair(*media, sequence, &mut publisher.number)
                    };
                    if let Some(plain) = sources.iter_mut().find_map(repair) {
                        publisher.send_rtp(&plain);
                    }
                }
            }
            Packet::Pli { media, .. } => {
                self.sources.iter_mut().for_each(|source| source.want_keyframe(*media));
            }
            Packet::TransportFeedback(feedback) => {
                for (_, arrival) in feedback.arrivals() {
                    self.congestion.arrived += u32::from(arrival.is_some());
                    self.congestion.lost += u32::from(arrival.is_none());
                }
            }
            _ => {}
        }
    }

    fn hear_events(&mut self) {
        let (mut data, mut goodbyes) = (Vec::new(), 0);
        for endpoint in self.endpoints() {
            while let Some(event) = endpoint.headless.poll_event() {
                match event {
                    HeadlessEvent::Data { kind, payload } => data.push((kind, payload)),
                    HeadlessEvent::Closed => goodbyes += 1,
                    _ => {}
                }
            }
        }
        self.data.extend(data);
        self.goodbyes += goodbyes;
    }
}
