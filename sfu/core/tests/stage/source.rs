//! What a client publishes: a microphone, or a camera of up to three layers, packet by packet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use beckon_load::headless::description::{
    AUDIO_LEVEL, MID, OPUS, REPAIRED_RID, RID, RIDS, TRANSPORT_CC, VP8, VP8_REPAIR,
};
use beckon_sfu_api::Kind;
use beckon_sfu_core::rtp::{self, Fields};

use super::stamp::Stamp;

pub const VIDEO_INTERVAL: Duration = Duration::from_millis(40);
pub const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
/// Packets of a frame, and bytes of each payload, by layer: 100, 360 and 1000 kbit/s.
const VIDEO: [(u16, usize); 3] = [(1, 500), (2, 900), (5, 1000)];
const AUDIO: (u16, usize) = (1, 80);
/// Sent packets that can be repaired.
const KEPT: usize = 1000;

/// One track as its publisher sends it.
pub struct Source {
    /// The SSRC of its lowest layer; each layer has two.
    pub stream: u32,
    pub kind: Kind,
    pub mid: String,
    pub layers: Vec<Layer>,
    /// Sends nothing, as clients do that mute themselves.
    pub silent: bool,
    /// In -dBov.
    pub level: u8,
    pub keyframes_asked: u32,
    pub due: Instant,
    start: Instant,
    pub frames: u64,
}

pub struct Layer {
    pub ssrc: u32,
    number: u8,
    /// Adapting to its uplink, a client sends fewer layers.
    pub active: bool,
    keyframe_wanted: bool,
    /// Extended sequence numbers.
    pub next: u64,
    repair_next: u64,
    timestamp: u32,
    picture_id: u16,
    tl0: u8,
    packets: u32,
    octets: u32,
    kept: VecDeque<Packet>,
}

#[derive(Clone)]
struct Packet {
    marker: bool,
    sequence: u64,
    timestamp: u32,
    payload: Vec<u8>,
}

/// A packet before it is sealed.
pub struct Plain {
    pub bytes: Vec<u8>,
    pub header_len: usize,
    pub roc: u32,
}

impl Source {
    pub fn new(now: Instant, kind: Kind, stream: u32, layers: u8, mid: String) -> Source {
        let layers = (0..layers).map(|at| Layer::new(stream + 2 * u32::from(at), at)).collect();
        Source {
            stream,
            kind,
            mid,
            layers,
            silent: false,
            level: 60,
            keyframes_asked: 0,
            due: now,
            start: now,
            frames: 0,
        }
    }

    fn clock_rate(&self) -> u64 {
        if self.kind == Kind::Audio { 48_000 } else { 90_000 }
    }

    /// RTP time of a moment, less what a layer adds.
    fn ticks(&self, at: Instant) -> u32 {
        let passed = at.saturating_duration_since(self.start).as_micros() as u64;
        (passed * self.clock_rate() / 1_000_000) as u32
    }

    /// The packets of the frame that is due.
    pub fn frame(&mut self, now: Instant, epoch: Instant, numbers: &mut u16) -> Vec<Plain> {
        let captured = self.due;
        self.due += if self.kind == Kind::Audio { AUDIO_INTERVAL } else { VIDEO_INTERVAL };
        if self.silent {
            return Vec::new();
        }
        let (ticks, captured_ns) = (self.ticks(captured), (captured - epoch).as_nanos() as u64);
        let mut plain = Vec::new();
        for at in 0..self.layers.len() {
            let layer = &mut self.layers[at];
            if !layer.active {
                continue;
            }
            let made = layer.encode(self.kind, self.stream, self.frames, ticks, captured_ns);
            for packet in made {
                plain.push(self.write(at, &packet, None, numbers));
                self.layers[at].keep(packet);
            }
        }
        self.frames += 1;
        debug_assert!(now >= captured);
        plain
    }

    /// Answers a NACK for one of its packets, on the repair stream.
    pub fn repair(&mut self, ssrc: u32, sequence: u16, numbers: &mut u16) -> Option<Plain> {
        let at = self.layers.iter().position(|layer| layer.ssrc == ssrc)?;
        let kept = self.layers[at].kept.iter().rev();
        let packet = kept.clone().find(|packet| packet.sequence as u16 == sequence)?.clone();
        let next = self.layers[at].repair_next;
        self.layers[at].repair_next += 1;
        Some(self.write(at, &packet, Some(next), numbers))
    }

    fn write(&self, at: usize, packet: &Packet, repair: Option<u64>, numbers: &mut u16) -> Plain {
        let layer = &self.layers[at];
        let sequence = repair.unwrap_or(packet.sequence);
        let payload_type = match (self.kind, repair) {
            (Kind::Audio, _) => OPUS,
            (Kind::Video, None) => VP8,
            (Kind::Video, Some(_)) => VP8_REPAIR,
        };
        let fields = Fields {
            marker: packet.marker,
            payload_type,
            sequence: sequence as u16,
            timestamp: packet.timestamp,
            ssrc: layer.ssrc + u32::from(repair.is_some()),
        };
        *numbers = numbers.wrapping_add(1);
        let (number, level) = (numbers.to_be_bytes(), [self.level]);
        let mut extensions = vec![(TRANSPORT_CC, &number[..]), (MID, self.mid.as_bytes())];
        if self.kind == Kind::Audio {
            extensions.push((AUDIO_LEVEL, &level));
        }
        if self.layers.len() > 1 {
            let id = if repair.is_some() { REPAIRED_RID } else { RID };
            extensions.push((id, RIDS[at].as_bytes()));
        }
        let mut payload = Vec::new();
        if repair.is_some() {
            payload.extend((packet.sequence as u16).to_be_bytes());
        }
        payload.extend(&packet.payload);
        let mut bytes = Vec::new();
        let header_len = rtp::write(&mut bytes, &fields, extensions.into_iter(), &payload, 0);
        Plain { bytes, header_len, roc: (sequence >> 16) as u32 }
    }

    pub fn want_keyframe(&mut self, ssrc: u32) {
        for layer in self.layers.iter_mut().filter(|layer| layer.ssrc == ssrc) {
            layer.keyframe_wanted = true;
            self.keyframes_asked += 1;
        }
    }

    /// SSRC, RTP time, packets and octets of each layer, for sender reports.
    pub fn reports(&self, now: Instant) -> impl Iterator<Item = (u32, u32, u32, u32)> {
        let ticks = self.ticks(now);
        let sent = self.layers.iter().filter(|layer| layer.packets > 0);
        sent.map(move |layer| {
            (layer.ssrc, ticks.wrapping_add(layer.timestamp), layer.packets, layer.octets)
        })
    }
}

impl Layer {
    /// Its numbers are far from those of other layers, and some of them wrap soon.
    fn new(ssrc: u32, number: u8) -> Layer {
        Layer {
            ssrc,
            number,
            active: true,
            keyframe_wanted: true,
            next: 65_400 - 21_000 * u64::from(number),
            repair_next: 100,
            timestamp: u32::MAX - 200_000 - 1_000_000_000 * u32::from(number),
            picture_id: 0x7ff0 - 9000 * u16::from(number),
            tl0: 200 + number,
            packets: 0,
            octets: 0,
            kept: VecDeque::new(),
        }
    }

    fn encode(
        &mut self,
        kind: Kind,
        stream: u32,
        frame: u64,
        ticks: u32,
        captured_ns: u64,
    ) -> Vec<Packet> {
        let keyframe = kind == Kind::Audio || std::mem::take(&mut self.keyframe_wanted);
        let (packets, bytes) =
            if kind == Kind::Audio { AUDIO } else { VIDEO[usize::from(self.number)] };
        // A keyframe is larger than others.
        let packets = if keyframe && kind == Kind::Video { packets * 3 } else { packets };
        let made = (0..packets).map(|packet| {
            let layer = self.number;
            let stamp = Stamp { stream, layer, frame, packet, packets, keyframe, captured_ns };
            let sequence = self.next + u64::from(packet);
            Packet {
                marker: kind == Kind::Video && packet + 1 == packets,
                sequence,
                timestamp: ticks.wrapping_add(self.timestamp),
                payload: stamp.payload(bytes, self.picture_id, self.tl0),
            }
        });
        let made: Vec<Packet> = made.collect();
        self.next += u64::from(packets);
        self.picture_id = self.picture_id.wrapping_add(1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(1);
        made
    }

    fn keep(&mut self, packet: Packet) {
        self.packets += 1;
        self.octets += packet.payload.len() as u32;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(packet);
    }
}
