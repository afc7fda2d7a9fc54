//! What a publisher sends: video like VP8 and audio like Opus, as packets that are due at a time.

use std::time::{Duration, Instant};

use beckon_load::headless::description::{AUDIO_LEVEL, OPUS, TRANSPORT_CC, VP8};
use beckon_sfu_api::Kind;
use beckon_sfu_core::rtp::{self, Fields};

use super::stamp::Stamp;

/// 30 frames a second of four packets of 1,042 bytes are 1 Mbit/s.
pub(super) const FRAME_INTERVAL: Duration = Duration::from_nanos(33_333_333);
const FRAME_PACKETS: u32 = 4;
const VIDEO_PAYLOAD: usize = 1042;
const VIDEO_CLOCK: u64 = 90_000;

/// One packet each 20 ms, as browsers send speech.
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const AUDIO_PAYLOAD: usize = 100;
const AUDIO_CLOCK: u64 = 48_000;

/// Voice activity, 30 dB below the loudest (RFC 6464).
const SPEAKING: u8 = 0x80 | 30;

/// One track as its publisher sends it.
pub(super) struct Stream {
    pub(super) ssrc: u32,
    kind: Kind,
    /// The track's number in the whole load.
    track: u16,
    began: Instant,
    due: Instant,
    sent: u64,
    octets: u64,
    frames: u64,
    /// Packets that count.
    pub(super) counted: u64,
    keyframe_wanted: bool,
    payload: Vec<u8>,
}

/// A frame under way.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) packets: u32,
    timestamp: u32,
    keyframe: bool,
}

impl Stream {
    /// Sends nothing before it begins.
    pub(super) fn new(kind: Kind, track: u16, ssrc: u32) -> Self {
        let began = Instant::now();
        let length = if kind == Kind::Video { VIDEO_PAYLOAD } else { AUDIO_PAYLOAD };
        Stream {
            ssrc,
            kind,
            track,
            began,
            due: began,
            sent: 0,
            octets: 0,
            frames: 0,
            counted: 0,
            keyframe_wanted: true,
            payload: vec![0x55; length],
        }
    }

    pub(super) fn begin(&mut self, at: Instant) {
        (self.began, self.due) = (at, at);
    }

    pub(super) fn want_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// The frame that is due, if one is.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<Frame> {
        if now < self.due {
            return None;
        }
        let frame = Frame {
            packets: if self.kind == Kind::Video { FRAME_PACKETS } else { 1 },
            timestamp: self.rtp_time(self.due),
            keyframe: std::mem::take(&mut self.keyframe_wanted),
        };
        self.due += if self.kind == Kind::Video { FRAME_INTERVAL } else { AUDIO_INTERVAL };
        self.frames += 1;
        Some(frame)
    }

    /// Appends one packet of a frame and returns the length of its header.
    pub(super) fn write(
        &mut self,
        frame: &Frame,
        index: u32,
        now_ns: u64,
        transport_sequence: u16,
        out: &mut Vec<u8>,
    ) -> usize {
        let (audio, number) = (self.kind == Kind::Audio, transport_sequence.to_be_bytes());
        self.sent += 1;
        self.octets += self.payload.len() as u64;
        if !audio {
            describe_vp8(&mut self.payload, self.frames, index == 0, frame.keyframe);
        }
        Stamp { track: self.track, number: self.sent, sent_ns: now_ns }.write(&mut self.payload);
        let fields = Fields {
            marker: !audio && index + 1 == frame.packets,
            payload_type: if audio { OPUS } else { VP8 },
            sequence: self.sent as u16,
            timestamp: frame.timestamp,
            ssrc: self.ssrc,
        };
        let extensions = [(TRANSPORT_CC, &number[..]), (AUDIO_LEVEL, &[SPEAKING])];
        let extensions = extensions.into_iter().take(if audio { 2 } else { 1 });
        rtp::write(out, &fields, extensions, &self.payload, 0)
    }

    /// How often the sequence number of the last packet went round (RFC 3711, 3.3.1).
    pub(super) fn rollovers(&self) -> u32 {
        (self.sent >> 16) as u32
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// RTP time, packets and octets for a sender report.
    pub(super) fn report(&self, now: Instant) -> (u32, u32, u32) {
        (self.rtp_time(now), self.sent as u32, self.octets as u32)
    }

    fn rtp_time(&self, at: Instant) -> u32 {
        let clock = if self.kind == Kind::Video { VIDEO_CLOCK } else { AUDIO_CLOCK };
        let elapsed = at.saturating_duration_since(self.began).as_micros() as u64;
        (elapsed * clock / 1_000_000) as u32
    }
}

/// The payload descriptor (RFC 7741, 4.2) with a picture id of 15 bits and one temporal layer, and the beginning of the
/// frame (RFC 6386, 9.1), as far as a server looks.
fn describe_vp8(payload: &mut [u8], frame: u64, first: bool, keyframe: bool) {
    const START_OF_PARTITION: u8 = 0x10;
    let [high, low] = ((frame & 0x7fff) as u16 | 0x8000).to_be_bytes();
    let start = if first { START_OF_PARTITION } else { 0 };
    payload[..6].copy_from_slice(&[0x80 | start, 0xe0, high, low, frame as u8, 0]);
    let size = [0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];
    payload[6] = if keyframe { 0x10 } else { 0x11 };
    payload[9..16].copy_from_slice(&size);
}

#[cfg(test)]
mod tests {
    use beckon_sfu_api::Codec;
    use beckon_sfu_core::codec;
    use beckon_sfu_core::rtp::Header;

    use super::*;

    #[test]
    fn video_is_a_megabit_and_says_what_it_is() {
        let began = Instant::now();
        let mut stream = Stream::new(Kind::Video, 0, 7);
        stream.begin(began);
        let (mut bits, mut frames, mut keyframes) = (0, 0, 0);
        for ms in 0..1000 {
            let Some(frame) = stream.next_due(began + Duration::from_millis(ms)) else { continue };
            for index in 0..frame.packets {
                let mut bytes = Vec::new();
                stream.write(&frame, index, ms, 1, &mut bytes);
                let header = Header::read(&bytes).unwrap();
                let payload = header.payload(&bytes);
                let info = codec::describe(Codec::Vp8, payload, None);
                assert_eq!(Stamp::read(payload).unwrap().sent_ns, ms);
                bits += 8 * payload.len();
                frames += u32::from(info.first);
                keyframes += u32::from(info.first && info.keyframe);
            }
        }
        assert_eq!((frames, keyframes, stream.sent), (30, 1, 120));
        assert!((990_000..1_010_000).contains(&bits), "{bits}");
    }
}
