//! What a client receives of one track: kept to the last packet, and asked for again where it is missing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use beckon_sfu_api::{Kind, TrackId};
use beckon_sfu_core::rtp::Header;

use super::stamp::{self, Stamp};

/// As patient as a jitter buffer: what comes a little late was only overtaken.
const REORDERING: Duration = Duration::from_millis(20);
const RETRY: Duration = Duration::from_millis(90);
const TRIES_MAX: u8 = 15;
/// After so many a decoder asks for a keyframe as well.
const TRIES_HOPEFUL: u8 = 8;
/// After so many it has missed the start of the first keyframe.
const PACKETS_HOPEFUL: usize = 20;
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);

pub struct Sink {
    pub track: TrackId,
    pub kind: Kind,
    pub ssrc: u32,
    pub since: Instant,
    /// By extended sequence number.
    pub packets: BTreeMap<u64, Arrived>,
    missing: BTreeMap<u64, (Instant, u8)>,
    /// Where the newest keyframe starts; 0 if there was none.
    entry: u64,
    asked: Option<Instant>,
    /// Came on the repair stream.
    pub repaired: u64,
    pub duplicates: u64,
    /// NTP and RTP time of sender reports, and when they came.
    pub reports: Vec<(u64, u32, Instant)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    pub timestamp: u32,
    pub marker: bool,
    pub stamp: Stamp,
    /// VP8's picture id and TL0PICIDX.
    pub ids: (u16, u8),
}

/// A frame that arrived whole.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub timestamp: u32,
    pub stamp: Stamp,
    pub ids: (u16, u8),
}

impl Sink {
    pub fn new(track: TrackId, kind: Kind, ssrc: u32, since: Instant) -> Sink {
        Sink {
            track,
            kind,
            ssrc,
            since,
            packets: BTreeMap::new(),
            missing: BTreeMap::new(),
            entry: 0,
            asked: None,
            repaired: 0,
            duplicates: 0,
            reports: Vec::new(),
        }
    }

    pub fn hear(&mut self, now: Instant, header: &Header, packet: &[u8], repairs: bool) {
        let mut payload = header.payload(packet);
        let mut sequence = header.sequence;
        if repairs {
            let Some((osn, rest)) = payload.split_first_chunk() else { return };
            (sequence, payload) = (u16::from_be_bytes(*osn), rest);
        }
        let Some(stamp) = Stamp::read(payload) else { return };
        let index = self.index(sequence);
        let ends = self.packets.first_key_value().zip(self.packets.last_key_value());
        if let Some(((oldest, _), (newest, _))) = ends {
            let skipped = (newest + 1..index).chain(index + 1..*oldest);
            self.missing.extend(skipped.map(|index| (index, (now + REORDERING, 0))));
        }
        self.missing.remove(&index);
        if stamp.keyframe && stamp.packet == 0 {
            self.entry = self.entry.max(index);
        }
        let (timestamp, marker) = (header.timestamp, header.marker);
        let arrived = Arrived { timestamp, marker, stamp, ids: stamp::ids(payload) };
        let known = self.packets.insert(index, arrived);
        if let Some(known) = known {
            self.duplicates += 1;
            assert_eq!(known.stamp, stamp, "two packets with one number");
            self.packets.insert(index, known);
        } else if repairs {
            self.repaired += 1;
        }
    }

    fn index(&self, sequence: u16) -> u64 {
        let Some((newest, _)) = self.packets.last_key_value() else {
            return (1 << 16) + u64::from(sequence);
        };
        newest.wrapping_add_signed((sequence.wrapping_sub(*newest as u16) as i16).into())
    }

    /// The sequence numbers to ask for now.
    pub fn missing(&mut self, now: Instant) -> Vec<u16> {
        let mut due = Vec::new();
        for (index, (at, tries)) in &mut self.missing {
            if *at <= now && *tries < TRIES_MAX {
                (*at, *tries) = (now + RETRY, *tries + 1);
                due.push(*index as u16);
            }
        }
        due
    }

    /// Whether repairs are given up, so that only a keyframe helps.
    pub fn wants_keyframe(&mut self, now: Instant) -> bool {
        let newest = self.entry;
        self.missing.retain(|index, (_, tries)| *index > newest || *tries < TRIES_HOPEFUL);
        let began = self.packets.len() > PACKETS_HOPEFUL && newest == 0;
        let hopeless = began || self.missing.values().any(|(_, tries)| *tries >= TRIES_HOPEFUL);
        let wants = hopeless && self.asked.is_none_or(|at| now - at >= KEYFRAME_INTERVAL);
        if wants {
            self.asked = Some(now);
        }
        wants
    }

    /// Numbers that never came, of those between the first and the last that did.
    pub fn lost(&self) -> u64 {
        let (first, last) = (self.packets.first_key_value(), self.packets.last_key_value());
        let span = first.zip(last).map_or(0, |((first, _), (last, _))| last - first + 1);
        span - self.packets.len() as u64
    }

    /// Every frame, after a look at the seams: whatever layers they come from, they must be one stream that a decoder
    /// plays without noticing. The last frames may still be under way.
    pub fn frames(&self) -> Vec<Frame> {
        self.frames_from(self.entries().next())
    }

    /// The frames since a decoder could begin anew after the last gap.
    pub fn newest_frames(&self) -> Vec<Frame> {
        self.frames_from(self.entries().last())
    }

    /// All frames that a decoder plays, which begins anew after each gap.
    pub fn played(&self) -> Vec<Frame> {
        self.entries().flat_map(|entry| self.frames_from(Some(entry))).collect()
    }

    /// The first keyframe in each row of packets without a gap.
    fn entries(&self) -> impl Iterator<Item = u64> {
        let (mut expected, mut found) = (None, false);
        self.packets.iter().filter_map(move |(index, packet)| {
            found &= expected == Some(*index);
            expected = Some(index + 1);
            let entry = !found && packet.stamp.keyframe && packet.stamp.packet == 0;
            found |= entry;
            entry.then_some(*index)
        })
    }

    fn frames_from(&self, mut next: Option<u64>) -> Vec<Frame> {
        let (mut frames, mut before) = (Vec::new(), None);
        while let Some((frame, after)) = next.and_then(|index| self.frame_at(index)) {
            match before.replace(frame) {
                Some(before) => self.assert_follows(&before, &frame),
                None => assert!(frame.stamp.keyframe, "begins with {frame:?}"),
            }
            let whole = next.map(|index| index + u64::from(frame.stamp.packets)) == Some(after);
            frames.extend(Some(frame).filter(|_| whole));
            next = Some(after);
        }
        frames
    }

    /// The frame that begins with this packet, and what comes after it.
    fn frame_at(&self, index: u64) -> Option<(Frame, u64)> {
        let first = *self.packets.get(&index)?;
        let count = u64::from(first.stamp.packets);
        let Arrived { timestamp, stamp, ids, .. } = first;
        let frame = Frame { timestamp, stamp, ids };
        for (number, index) in (0..).zip(index..index + count) {
            let packet = self.packets.get(&index)?;
            let Stamp { keyframe, layer, packet: place, .. } = packet.stamp;
            if keyframe && place == 0 && layer != first.stamp.layer {
                // The keyframe of another layer overtook the rest of it. Decoders do not mind.
                return Some((frame, index));
            }
            assert_eq!(packet.stamp, Stamp { packet: number, ..first.stamp }, "packets of a frame");
            assert_eq!(packet.timestamp, first.timestamp, "one time for a frame");
            let last = self.kind == Kind::Video && u64::from(number) + 1 == count;
            assert_eq!(packet.marker, last, "the marker ends a frame");
        }
        Some((frame, index + count))
    }

    fn assert_follows(&self, before: &Frame, frame: &Frame) {
        let both = (before, frame);
        let same = before.stamp.layer == frame.stamp.layer;
        let next = frame.stamp.frame == before.stamp.frame + 1;
        assert!(frame.stamp.keyframe || same && next, "nothing to decode it with: {both:?}");
        let captured = (frame.stamp.captured_ns as f64 - before.stamp.captured_ns as f64) / 1e9;
        // The keyframe that a switch waits for may have been lost and repaired.
        let back = if same { 0.0 } else { 0.3 };
        assert!(captured >= -back, "{captured} s back in time: {both:?}");
        let step = frame.timestamp.wrapping_sub(before.timestamp) as i32;
        assert!(step > 0, "timestamps go on: {both:?}");
        if self.kind == Kind::Video {
            assert_eq!(frame.ids.0, (before.ids.0 + 1) & 0x7fff, "picture ids: {both:?}");
            assert_eq!(frame.ids.1, before.ids.1.wrapping_add(1), "TL0PICIDX: {both:?}");
        }
        let clock_rate = if self.kind == Kind::Audio { 48_000.0 } else { 90_000.0 };
        let off = f64::from(step) / clock_rate - captured;
        assert!(off.abs() < 0.15 + back, "{off} s off: {both:?}");
    }
}
