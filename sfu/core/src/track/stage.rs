//! A publisher for tests: simulcast of VP8, or Opus, packet by packet.

use std::time::{Duration, Instant};

use beckon_sfu_api::{Announced, AnnouncedLayer, Codec, Kind, Source};

use super::{Claim, Track};
use crate::extension::{Extension, ExtensionMap};
use crate::keys::ParticipantKey;
use crate::layers::Received;
use crate::negotiation::{Incoming, Publication};
use crate::rtp::{self, Fields, Header};

pub(crate) const PAYLOAD_TYPE: u8 = 96;
pub(crate) const RTX_PAYLOAD_TYPE: u8 = 97;
pub(crate) const MID: u8 = 1;
pub(crate) const RID: u8 = 2;
pub(crate) const REPAIRED_RID: u8 = 3;
pub(crate) const AUDIO_LEVEL: u8 = 4;
pub(crate) const DESCRIPTOR: u8 = 5;

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::default();
    map.set(MID, Extension::Mid);
    map.set(RID, Extension::Rid);
    map.set(REPAIRED_RID, Extension::RepairedRid);
    map.set(AUDIO_LEVEL, Extension::AudioLevel);
    map.set(DESCRIPTOR, Extension::DependencyDescriptor);
    map
}

/// A track of this codec; layer `n` has SSRC `10 + n`, its repair stream `20 + n`.
pub(crate) fn track(codec: Codec, layers: u32) -> Track {
    let (rtx, size) = (codec.kind() == Kind::Video, |layer| 180u32 << layer);
    let announced = Announced {
        id: "TR_a".into(),
        cid: "a".into(),
        kind: codec.kind(),
        source: Source::Camera,
        codec: Some(codec),
        stereo: false,
        layers: (0..layers)
            .map(|layer| AnnouncedLayer {
                width: size(layer) * 16 / 9,
                height: size(layer),
                bitrate: 150_000 << (2 * layer),
            })
            .collect(),
        muted: false,
    };
    let publication = Publication {
        track: "TR_a".into(),
        mid: "0".into(),
        formats: vec![Incoming {
            codec,
            payload_type: PAYLOAD_TYPE,
            rtx_payload_type: rtx.then_some(RTX_PAYLOAD_TYPE),
        }],
        extensions: extensions(),
        nack: rtx,
        ssrcs: (0..layers).map(|layer| (10 + layer, rtx.then_some(20 + layer))).collect(),
        rids: Vec::new(),
    };
    Track::new(ParticipantKey::default(), &announced, &publication)
}

/// What a packet of a frame is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) keyframe: bool,
    pub(crate) first: bool,
    pub(crate) last: bool,
}

pub(crate) const KEYFRAME: Part = Part { keyframe: true, first: true, last: true };
pub(crate) const FRAME: Part = Part { keyframe: false, first: true, last: true };

/// One layer as its encoder makes it.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    pub(crate) layer: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) picture_id: u16,
    pub(crate) tl0: u8,
    /// In the dependency descriptor.
    pub(crate) frame: u16,
}

impl Encoder {
    /// Its numbers are far from those of other layers.
    pub(crate) fn new(layer: u8) -> Self {
        let far = u16::from(layer) + 1;
        Encoder {
            layer,
            sequence: far * 20_000,
            timestamp: u32::from(far) * 1_000_000_000,
            picture_id: far * 5000,
            tl0: layer * 80,
            frame: far * 17_000,
        }
    }

    /// The next packet; `timestamp` goes on with the frame.
    pub(crate) fn packet(&mut self, part: Part) -> Vec<u8> {
        let Part { keyframe, first, last } = part;
        let [high, low] = (self.picture_id & 0x7fff | 0x8000).to_be_bytes();
        let start = if first { 0x90 } else { 0x80 };
        let mut payload = vec![start, 0xc0, high, low, self.tl0, u8::from(!keyframe)];
        payload.extend([self.layer; 100]);
        payload.extend(self.sequence.to_be_bytes());
        let packet = self.wrap(last, &payload);
        if last {
            self.timestamp = self.timestamp.wrapping_add(3000);
            self.picture_id = self.picture_id.wrapping_add(1);
            self.tl0 = self.tl0.wrapping_add(1);
            self.frame = self.frame.wrapping_add(1);
        }
        packet
    }

    /// A packet of any payload.
    pub(crate) fn wrap(&mut self, marker: bool, payload: &[u8]) -> Vec<u8> {
        let fields = Fields {
            marker,
            payload_type: PAYLOAD_TYPE,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: 10 + u32::from(self.layer),
        };
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = Vec::new();
        let [high, low] = self.frame.to_be_bytes();
        let descriptor = [0xc0, high, low];
        rtp::write(&mut packet, &fields, [(DESCRIPTOR, &descriptor[..])].into_iter(), payload, 0);
        packet
    }
}

/// The packet on its repair stream.
pub(crate) fn repair(packet: &[u8], sequence: u16) -> Vec<u8> {
    let header = Header::read(packet).unwrap();
    let fields = Fields {
        marker: header.marker,
        payload_type: RTX_PAYLOAD_TYPE,
        sequence,
        timestamp: header.timestamp,
        ssrc: header.ssrc + 10,
    };
    let payload = [&header.sequence.to_be_bytes(), header.payload(packet)].concat();
    let mut wrapped = Vec::new();
    let descriptor = header.extension(packet, DESCRIPTOR).map(|data| (DESCRIPTOR, data));
    rtp::write(&mut wrapped, &fields, descriptor.into_iter(), &payload, 0);
    wrapped
}

/// As the room does it.
pub(crate) fn receive(track: &mut Track, now: Instant, packet: &[u8]) -> Option<Received> {
    let header = Header::read(packet).unwrap();
    let claim = track.claims(&header, packet).unwrap();
    track.handle_rtp(now, claim, &header, packet).unwrap()
}

pub(crate) fn claim(layer: u8) -> Claim {
    Claim { layer, repair: false }
}
