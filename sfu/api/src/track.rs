//! Tracks, as far as signalling and the media node share them.

use serde::{Deserialize, Serialize};

use crate::ids::TrackId;

/// The media type of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    Audio,
    Video,
}

/// What a track shows. The allocator serves a shared screen before cameras.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    Unknown,
    Camera,
    Microphone,
    ScreenShare,
    ScreenShareAudio,
}

/// The codecs that the media node forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Codec {
    Opus,
    Vp8,
    H264,
    Vp9,
    Av1,
}

impl Codec {
    /// The encoding name of RTP, as in `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Opus => "opus",
            Codec::Vp8 => "VP8",
            Codec::H264 => "H264",
            Codec::Vp9 => "VP9",
            Codec::Av1 => "AV1",
        }
    }

    /// The media type, as LiveKit writes it: `video/VP8`.
    pub fn mime(self) -> &'static str {
        match self {
            Codec::Opus => "audio/opus",
            Codec::Vp8 => "video/VP8",
            Codec::H264 => "video/H264",
            Codec::Vp9 => "video/VP9",
            Codec::Av1 => "video/AV1",
        }
    }

    /// Reads an encoding name or media type, in any case.
    pub fn from_name(name: &str) -> Option<Codec> {
        let name = name.rsplit('/').next()?;
        [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1]
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    pub fn kind(self) -> Kind {
        if self == Codec::Opus { Kind::Audio } else { Kind::Video }
    }

    /// RTP clock rate in Hz.
    pub fn clock_rate(self) -> u32 {
        if self == Codec::Opus { 48_000 } else { 90_000 }
    }
}

/// One simulcast layer as its publisher announced it, lowest first in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedLayer {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Maximum, in bits per second.
    pub bitrate: u32,
}

/// A track that a participant is about to publish; an offer with its media section follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    pub id: TrackId,
    /// The client's own id of it, which the msid of its section contains.
    pub cid: String,
    pub kind: Kind,
    pub source: Source,
    /// The codec that the publisher announced; the packets it sends decide.
    pub codec: Option<Codec>,
    /// Its audio has two channels.
    pub stereo: bool,
    /// Announced layers, lowest first; empty for audio.
    pub layers: Vec<AnnouncedLayer>,
    pub muted: bool,
}

/// Which track a media section of a description carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MidTrack {
    pub mid: String,
    pub track: TrackId,
}
