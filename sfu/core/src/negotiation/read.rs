//! Reads session descriptions, line by line.
//!
//! What is kept is either a token of harmless characters or goes back to nobody but its sender.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use beckon_sfu_api::{Kind, Refused};

use super::policy;
use super::sdp::{
    Direction, Feedback, Format, Media, SECTIONS_MAX, Section, Session, Setup, TEXT_MAX,
};
use crate::extension::{Extension, ExtensionMap};

/// The longest name of a section or layer that we are ready to write.
const TOKEN_MAX: usize = 64;
/// Bytes of a line; a BUNDLE group of all sections is the longest, with names that fit into a short header extension
/// (RFC 8285, 4.2), as clients with many sections have them.
const LINE_MAX: usize = 64 + SECTIONS_MAX * (16 + 1);
/// Payload types, SSRCs, SSRC groups or layers of one section.
const LIST_MAX: usize = 96;
/// Attributes of one section. Browsers with every codec have three hundred.
const ATTRIBUTES_MAX: usize = 1024;
/// What RTP over DTLS may be called (RFC 9429, 5.1.2); GStreamer and older browsers say the later ones.
const RTP: [&str; 5] =
    ["UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP"];
/// What data channels may be called: in RFC 8841, and in its draft, which older browsers and stacks follow.
const SCTP: [&str; 3] = ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"];
/// Candidates of a description.
const CANDIDATES_MAX: usize = 32;

pub(super) fn session(text: &str) -> Result<Session, Refused> {
    if text.len() > TEXT_MAX || !text.starts_with("v=0") {
        return Err(Refused::Malformed);
    }
    let mut reader = Reader::default();
    for line in text.lines() {
        if line.len() > LINE_MAX || line.chars().any(char::is_control) {
            return Err(Refused::Malformed);
        }
        reader.line(line.trim_end())?;
    }
    reader.finish()
}

/// What was read so far. Transport attributes may stand at either level; the first of each counts for all sections,
/// because all that we accept are bundled with the first.
#[derive(Default)]
struct Reader<'t> {
    ufrag: Option<&'t str>,
    pwd: Option<&'t str>,
    fingerprint: Option<String>,
    setup: Option<Setup>,
    bundle: Option<HashSet<&'t str>>,
    mixed_extensions: bool,
    candidates: Vec<SocketAddr>,
    sections: Vec<Draft>,
}

/// A section under way.
struct Draft {
    section: Section,
    formats: Vec<Format>,
    /// Feedback for every format of the section.
    feedback: Feedback,
    attributes: usize,
    bundle_only: bool,
    closed: bool,
    ssrcs: Vec<u32>,
    repairs: Vec<(u32, u32)>,
}

impl<'t> Reader<'t> {
    fn line(&mut self, line: &'t str) -> Result<(), Refused> {
        let Some((letter, value)) = line.split_once('=') else { return Ok(()) };
        match letter {
            "m" => self.media(value),
            "a" => {
                let (name, value) = value.split_once(':').unwrap_or((value, ""));
                self.transport(name, value)?;
                match self.sections.last_mut() {
                    Some(draft) => draft.attribute(name, value),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn media(&mut self, value: &str) -> Result<(), Refused> {
        if self.sections.len() == SECTIONS_MAX {
            return Err(Refused::Limit);
        }
        self.sections.push(Draft::read(value).ok_or(Refused::Malformed)?);
        Ok(())
    }

    fn transport(&mut self, name: &str, value: &'t str) -> Result<(), Refused> {
        match name {
            "ice-ufrag" => self.ufrag = self.ufrag.or(Some(ice_chars(value, 4)?)),
            "ice-pwd" => self.pwd = self.pwd.or(Some(ice_chars(value, 22)?)),
            "fingerprint" if self.fingerprint.is_none() => self.fingerprint = fingerprint(value)?,
            "setup" if self.setup.is_none() => self.setup = Some(setup(value)?),
            "group" if self.bundle.is_none() => {
                self.bundle =
                    value.strip_prefix("BUNDLE").map(|mids| mids.split_whitespace().collect());
            }
            "extmap-allow-mixed" => self.mixed_extensions = true,
            "candidate" if self.candidates.len() < CANDIDATES_MAX => {
                self.candidates.extend(candidate(value));
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Session, Refused> {
        let sections: Vec<Section> =
            self.sections.into_iter().map(|draft| draft.finish(self.bundle.as_ref())).collect();
        let mut places = HashMap::new();
        for (at, section) in sections.iter().enumerate() {
            let nameless = section.mid.is_empty();
            let twice = !nameless && places.insert(section.mid.clone(), at).is_some();
            if twice || (nameless && !section.rejected) {
                return Err(Refused::Malformed);
            }
        }
        Ok(Session {
            ufrag: self.ufrag.ok_or(Refused::Malformed)?.to_owned(),
            pwd: self.pwd.ok_or(Refused::Malformed)?.to_owned(),
            fingerprint: self.fingerprint.ok_or(Refused::Malformed)?,
            setup: self.setup.unwrap_or(Setup::Either),
            mixed_extensions: self.mixed_extensions,
            candidates: self.candidates,
            sections,
            places,
        })
    }
}

impl Draft {
    /// `audio 9 UDP/TLS/RTP/SAVPF 111 63`
    fn read(value: &str) -> Option<Draft> {
        let mut words = value.splitn(4, ' ');
        let (media, port, protocol) = (words.next()?, words.next()?, words.next()?);
        let list = words.next().filter(|list| !list.is_empty())?;
        let kind = match media {
            "audio" if RTP.contains(&protocol) => Media::Rtp(Kind::Audio),
            "video" if RTP.contains(&protocol) => Media::Rtp(Kind::Video),
            "application" if SCTP.contains(&protocol) => Media::Data,
            _ => Media::Unknown,
        };
        let section = Section {
            media: kind,
            rejected: false,
            line: [media, protocol, list].map(str::to_owned),
            mid: String::new(),
            direction: Direction::default(),
            offers: Vec::new(),
            extensions: ExtensionMap::default(),
            track: None,
            ssrcs: Vec::new(),
            rids: Vec::new(),
            simulcast: false,
        };
        Some(Draft {
            section,
            formats: if matches!(kind, Media::Rtp(_)) { formats(list)? } else { Vec::new() },
            feedback: Feedback::default(),
            attributes: 0,
            bundle_only: false,
            closed: port == "0",
            ssrcs: Vec::new(),
            repairs: Vec::new(),
        })
    }

    fn attribute(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        self.attributes += 1;
        if self.attributes > ATTRIBUTES_MAX {
            return Err(Refused::Limit);
        }
        let section = &mut self.section;
        match name {
            "mid" => section.mid = token(value).ok_or(Refused::Malformed)?.to_owned(),
            "sendrecv" => section.direction = Direction::SendReceive,
            "sendonly" => section.direction = Direction::Send,
            "recvonly" => section.direction = Direction::Receive,
            "inactive" => section.direction = Direction::Inactive,
            "bundle-only" => self.bundle_only = true,
            "rtpmap" | "fmtp" | "rtcp-fb" => self.format(name, value),
            "extmap" => self.extension(value),
            "msid" => section.track = value.split(' ').nth(1).map(str::to_owned),
            "rid" => self.rid(value)?,
            "simulcast" => section.simulcast = value.contains("send"),
            "ssrc" => self.ssrc(value)?,
            "ssrc-group" => self.group(value)?,
            _ => {}
        }
        Ok(())
    }

    /// `111 opus/48000/2`, `111 minptime=10`, `111 nack` or `* nack`; those of a payload type that the section does not
    /// list are passed over.
    fn format(&mut self, name: &str, value: &str) {
        let Some((payload_type, value)) = value.split_once(' ') else { return };
        if name == "rtcp-fb" && payload_type == "*" {
            self.feedback = self.feedback.or(Feedback::read(value));
            return;
        }
        let Ok(number) = payload_type.parse() else { return };
        let Some(format) = self.formats.iter_mut().find(|format| format.payload_type == number)
        else {
            return;
        };
        match name {
            "rtpmap" => {
                let mut parts = value.split('/');
                format.name = parts.next().unwrap_or_default().to_owned();
                format.clock_rate = parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(0);
            }
            "fmtp" => format.parameters = value.to_owned(),
            _ => format.feedback = format.feedback.or(Feedback::read(value)),
        }
    }

    /// `4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid`
    fn extension(&mut self, value: &str) {
        let mut words = value.split(' ');
        let id = words.next().and_then(|id| id.split('/').next()?.parse().ok());
        if let (Some(id), Some(extension)) = (id, words.next().and_then(Extension::from_uri)) {
            self.section.extensions.set(id, extension);
        }
    }

    /// `q send`; what layers are restricted to does not matter to us.
    fn rid(&mut self, value: &str) -> Result<(), Refused> {
        let mut words = value.split(' ');
        let rid = words.next().and_then(token).ok_or(Refused::Malformed)?;
        let rids = &mut self.section.rids;
        if words.next() == Some("send") && !rids.iter().any(|known| known == rid) {
            rids.push(rid.to_owned());
        }
        bounded(rids)
    }

    /// `2320413511 cname:x` or `2320413511 msid:stream track`
    fn ssrc(&mut self, value: &str) -> Result<(), Refused> {
        let mut words = value.split(' ');
        let ssrc = words.next().and_then(|ssrc| ssrc.parse().ok()).ok_or(Refused::Malformed)?;
        if !self.ssrcs.contains(&ssrc) {
            self.ssrcs.push(ssrc);
        }
        if words.next().is_some_and(|attribute| attribute.starts_with("msid:")) {
            let track = &mut self.section.track;
            *track = track.take().or_else(|| words.next().map(str::to_owned));
        }
        bounded(&self.ssrcs)
    }

    /// `FID 1728546419 3710504396` (RFC 5576, 4.2)
    fn group(&mut self, value: &str) -> Result<(), Refused> {
        let mut words = value.split(' ');
        if words.next() != Some("FID") {
            return Ok(());
        }
        let mut ssrc = || words.next().and_then(|ssrc| ssrc.parse().ok());
        self.repairs.push((ssrc().ok_or(Refused::Malformed)?, ssrc().ok_or(Refused::Malformed)?));
        bounded(&self.repairs)
    }

    fn finish(self, bundle: Option<&HashSet<&str>>) -> Section {
        let Draft { mut section, mut formats, repairs, .. } = self;
        let unbundled = !section.mid.is_empty()
            && bundle.is_some_and(|mids| !mids.contains(section.mid.as_str()));
        let closed = self.closed && !self.bundle_only;
        section.rejected = closed || unbundled || section.media == Media::Unknown;
        for format in &mut formats {
            format.feedback = format.feedback.or(self.feedback);
        }
        if let Some(kind) = section.kind() {
            section.offers = policy::offers(kind, &formats, &section.extensions);
        }
        let repair = |ssrc| repairs.iter().find(|pair| pair.0 == ssrc).map(|pair| pair.1);
        let primary = |ssrc: &u32| !repairs.iter().any(|pair| pair.1 == *ssrc);
        section.ssrcs =
            self.ssrcs.into_iter().filter(primary).map(|ssrc| (ssrc, repair(ssrc))).collect();
        section
    }
}

fn formats(list: &str) -> Option<Vec<Format>> {
    let format = |word: &str| {
        let payload_type = word.parse().ok().filter(|number| *number < 128)?;
        Some(Format { payload_type, ..Format::default() })
    };
    let formats: Vec<Format> =
        list.split(' ').take(LIST_MAX + 1).map(format).collect::<Option<_>>()?;
    (formats.len() <= LIST_MAX).then_some(formats)
}

fn bounded<T>(list: &[T]) -> Result<(), Refused> {
    if list.len() <= LIST_MAX { Ok(()) } else { Err(Refused::Limit) }
}

/// The name of a section or layer: a token (RFC 8866, 9), but for what would end a list of layers (RFC 8853, 5.1).
fn token(value: &str) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}".contains(&byte);
    let fits = (1..=TOKEN_MAX).contains(&value.len());
    fits.then_some(value).filter(|value| value.bytes().all(allowed))
}

/// RFC 8839, 5.4.
fn ice_chars(value: &str, least: usize) -> Result<&str, Refused> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let fine = (least..=256).contains(&value.len()) && value.bytes().all(allowed);
    if fine { Ok(value) } else { Err(Refused::Malformed) }
}

/// `None` for another hash than SHA-256: one that we accept may follow (RFC 8122, 5).
fn fingerprint(value: &str) -> Result<Option<String>, Refused> {
    let (algorithm, digest) = value.split_once(' ').ok_or(Refused::Malformed)?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return Ok(None);
    }
    let hex = |octet: &str| octet.len() == 2 && octet.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digest.split(':').count() == 32 && digest.split(':').all(hex) {
        Ok(Some(format!("sha-256 {}", digest.to_ascii_uppercase())))
    } else {
        Err(Refused::Malformed)
    }
}

fn setup(value: &str) -> Result<Setup, Refused> {
    match value {
        "actpass" => Ok(Setup::Either),
        "active" => Ok(Setup::Active),
        "passive" => Ok(Setup::Passive),
        _ => Err(Refused::Malformed),
    }
}

/// `1 1 udp 2130706431 192.0.2.1 3478 typ host`
fn candidate(value: &str) -> Option<SocketAddr> {
    let mut words = value.split(' ').skip(1);
    let (component, protocol) = (words.next()?, words.next()?);
    let _priority = words.next()?;
    let (ip, port): (IpAddr, u16) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let fits = component == "1" && protocol.eq_ignore_ascii_case("udp") && port != 0;
    fits.then_some(SocketAddr::new(ip, port))
}
