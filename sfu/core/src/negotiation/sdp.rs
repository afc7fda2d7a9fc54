//! A session description, as far as we need to know it (RFC 8866, RFC 9429).

use std::collections::HashMap;
use std::net::SocketAddr;

use beckon_sfu_api::{Codec, Kind, PARTICIPANTS_MAX, RoomSettings};

use crate::extension::ExtensionMap;
use crate::role::Role;

/// What the largest room that can be configured may need; each one has limits of its own.
const LARGEST: RoomSettings = RoomSettings { participants_max: PARTICIPANTS_MAX };

/// Bytes of a description.
pub const TEXT_MAX: usize = LARGEST.description_bytes_max();

/// Media sections of a description.
pub const SECTIONS_MAX: usize = LARGEST.sections_max();

/// What a peer says about itself and its media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub ufrag: String,
    pub pwd: String,
    /// `sha-256 AB:CD:...`, in upper case but for the algorithm; SHA-384 or SHA-512 where that is missing.
    pub fingerprint: String,
    pub setup: Setup,
    /// Header extensions of one and two bytes may come mixed (RFC 8285, 4.1.2).
    pub mixed_extensions: bool,
    /// Host names in candidates are not looked up: those are left out.
    pub candidates: Vec<SocketAddr>,
    pub sections: Vec<Section>,
    /// Where each of them is, by its mid.
    pub(super) places: HashMap<String, usize>,
}

/// Who starts DTLS, seen from the one who says so (RFC 8842).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    Either,
    Active,
    Passive,
}

impl Setup {
    /// What is left for us, or `None` if we may choose.
    pub fn our_role(self) -> Option<Role> {
        match self {
            Setup::Either => None,
            Setup::Active => Some(Role::Server),
            Setup::Passive => Some(Role::Client),
        }
    }
}

/// The direction attribute of a media section, from the side of its writer (RFC 8866, section 6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    SendReceive,
    Send,
    Receive,
    Inactive,
}

impl Direction {
    pub fn sends(self) -> bool {
        matches!(self, Direction::Send | Direction::SendReceive)
    }

    /// By the name of its attribute.
    pub(super) fn from_name(name: &str) -> Option<Direction> {
        match name {
            "sendrecv" => Some(Direction::SendReceive),
            "sendonly" => Some(Direction::Send),
            "recvonly" => Some(Direction::Receive),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Direction::SendReceive => "sendrecv",
            Direction::Send => "sendonly",
            Direction::Receive => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

/// What a media section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    Rtp(Kind),
    /// Data channels.
    Data,
    /// Neither: always rejected.
    Unknown,
}

/// A media section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub media: Media,
    /// Its peer refuses it, or it is outside of the one transport that we have.
    pub rejected: bool,
    /// Media, protocol and formats as they were written, to reject it in the same words.
    pub(super) line: [String; 3],
    /// Empty only if `rejected`.
    pub mid: String,
    /// The peer gave it no mid: `mid` is ours, and is not written.
    pub nameless: bool,
    pub direction: Direction,
    /// The best of its formats for each codec that we know, as its peer prefers them. However long the list was, only
    /// this is kept of it.
    pub(super) offers: Vec<Agreed>,
    pub extensions: ExtensionMap,
    /// The track id in its msid.
    pub track: Option<String>,
    /// SSRCs in order, each with that of its repair stream.
    pub ssrcs: Vec<(u32, Option<u32>)>,
    /// Ids of the layers that are sent, in the peer's order (RFC 8851).
    pub rids: Vec<String>,
    /// The layers are simulcast (RFC 8853).
    pub simulcast: bool,
}

impl Session {
    /// Whether data channels are offered or taken.
    pub fn has_data(&self) -> bool {
        self.sections.iter().any(|section| section.media == Media::Data && !section.rejected)
    }

    /// The section of this name, unless it is rejected.
    pub(super) fn section(&self, mid: &str) -> Option<&Section> {
        let section = self.sections.get(*self.places.get(mid)?)?;
        (!section.rejected).then_some(section)
    }
}

impl Section {
    pub fn kind(&self) -> Option<Kind> {
        match self.media {
            Media::Rtp(kind) => Some(kind),
            Media::Data | Media::Unknown => None,
        }
    }

    /// Its name, as far as the peer knows it.
    pub(super) fn told_mid(&self) -> &str {
        if self.nameless { "" } else { &self.mid }
    }

    /// As the peer wrote it.
    pub(super) fn protocol(&self) -> &str {
        &self.line[1]
    }

    /// What it offers of a codec.
    pub(super) fn offer(&self, codec: Codec) -> Option<&Agreed> {
        self.offers.iter().find(|offer| offer.codec == codec)
    }
}

/// What both sides use in one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) codec: Codec,
    pub(super) payload_type: u8,
    pub(super) rtx: Option<u8>,
    pub(super) parameters: String,
    pub(super) feedback: Feedback,
    pub(super) extensions: ExtensionMap,
}

/// A payload type and what it stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    pub payload_type: u8,
    /// Encoding name; empty for the static ones of RFC 3551 without `a=rtpmap`.
    pub name: String,
    pub clock_rate: u32,
    /// Parameters as they were written; empty if there are none.
    pub parameters: String,
    pub feedback: Feedback,
}

impl Format {
    pub fn codec(&self) -> Option<Codec> {
        let codec = Codec::from_name(&self.name)?;
        (codec.clock_rate() == self.clock_rate).then_some(codec)
    }

    /// A value in its parameters.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.parameters.split(';').filter_map(|pair| pair.trim().split_once('='));
        let found = pairs.find(|(key, _)| key.trim_end().eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim_start())
    }

    /// The format that it repairs (RFC 4588, 8.1).
    pub fn repairs(&self) -> Option<u8> {
        if self.name.eq_ignore_ascii_case("rtx") {
            self.parameter("apt")?.parse().ok()
        } else {
            None
        }
    }
}

/// RTCP feedback that we know (`a=rtcp-fb`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    pub transport_cc: bool,
    pub fir: bool,
    pub nack: bool,
    pub pli: bool,
}

impl Feedback {
    pub(super) fn read(value: &str) -> Feedback {
        let mut words = value.split_whitespace();
        let name = (words.next().unwrap_or_default(), words.next());
        Feedback {
            transport_cc: name == ("transport-cc", None),
            fir: name == ("ccm", Some("fir")),
            nack: name == ("nack", None),
            pli: name == ("nack", Some("pli")),
        }
    }

    pub fn or(self, other: Feedback) -> Feedback {
        Feedback {
            transport_cc: self.transport_cc || other.transport_cc,
            fir: self.fir || other.fir,
            nack: self.nack || other.nack,
            pli: self.pli || other.pli,
        }
    }

    pub fn and(self, other: Feedback) -> Feedback {
        Feedback {
            transport_cc: self.transport_cc && other.transport_cc,
            fir: self.fir && other.fir,
            nack: self.nack && other.nack,
            pli: self.pli && other.pli,
        }
    }

    /// As `a=rtcp-fb` writes them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.transport_cc, "transport-cc"),
            (self.fir, "ccm fir"),
            (self.nack, "nack"),
            (self.pli, "nack pli"),
        ];
        all.into_iter().filter_map(|(wanted, name)| wanted.then_some(name))
    }
}
