//! A media section while its lines are read.

use std::collections::HashSet;

use beckon_sfu_api::Kind;

use super::policy;
use super::sdp::{Direction, Feedback, Format, Media, Section};
use super::words::{self, Wrong, bounded};
use crate::extension::ExtensionMap;

/// Attributes of one section. Browsers with every codec have three hundred.
const ATTRIBUTES_MAX: usize = 1024;
/// What RTP over DTLS may be called (RFC 9429, 5.1.2); GStreamer and older browsers say the later ones.
const RTP: [&str; 5] =
    ["UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP"];
/// What data channels may be called: in RFC 8841, and in its draft, which older browsers and stacks follow.
const SCTP: [&str; 3] = ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"];

/// What the session says for all sections.
#[derive(Default)]
pub(super) struct Defaults {
    pub(super) direction: Direction,
    pub(super) extensions: ExtensionMap,
}

/// A media section and what has been read of it so far.
pub(super) struct Draft {
    /// Where it begins.
    pub(super) line: u32,
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

impl Draft {
    /// `audio 9 UDP/TLS/RTP/SAVPF 111 63`
    pub(super) fn read(line: u32, value: &str, defaults: &Defaults) -> Result<Draft, Wrong> {
        let mut words = words::plain(value)?.split_whitespace();
        let mut word = || words.next().ok_or("m= has no media, port and protocol");
        let (media, port, protocol) = (word()?, word()?, word()?);
        let list: Vec<&str> = words.collect();
        if list.is_empty() {
            return Err(Wrong::Text("m= lists no format"));
        }
        let kind = match media {
            "audio" if RTP.contains(&protocol) => Media::Rtp(Kind::Audio),
            "video" if RTP.contains(&protocol) => Media::Rtp(Kind::Video),
            "application" if SCTP.contains(&protocol) => Media::Data,
            _ => Media::Unknown,
        };
        let section = Section {
            media: kind,
            rejected: false,
            line: [media, protocol, &list.join(" ")].map(str::to_owned),
            mid: String::new(),
            nameless: false,
            direction: defaults.direction,
            offers: Vec::new(),
            extensions: defaults.extensions,
            track: None,
            ssrcs: Vec::new(),
            rids: Vec::new(),
            simulcast: false,
        };
        Ok(Draft {
            line,
            section,
            formats: if matches!(kind, Media::Rtp(_)) { formats(&list)? } else { Vec::new() },
            feedback: Feedback::default(),
            attributes: 0,
            bundle_only: false,
            closed: port.split('/').next() == Some("0"),
            ssrcs: Vec::new(),
            repairs: Vec::new(),
        })
    }

    pub(super) fn attribute(&mut self, name: &str, value: &str) -> Result<(), Wrong> {
        self.attributes += 1;
        if self.attributes > ATTRIBUTES_MAX {
            return Err(Wrong::Limit);
        }
        let section = &mut self.section;
        if let Some(direction) = Direction::from_name(name) {
            section.direction = direction;
        }
        match name {
            "mid" => section.mid = words::name(value)?.to_owned(),
            "bundle-only" => self.bundle_only = true,
            "rtpmap" | "fmtp" | "rtcp-fb" => self.format(name, value)?,
            "extmap" => words::extension(&mut section.extensions, value),
            "msid" => section.track = value.split_whitespace().nth(1).map(str::to_owned),
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
    fn format(&mut self, name: &str, value: &str) -> Result<(), Wrong> {
        let Some((payload_type, value)) = value.split_once(char::is_whitespace) else {
            return Ok(());
        };
        let value = value.trim_start();
        if name == "rtcp-fb" && payload_type == "*" {
            self.feedback = self.feedback.or(Feedback::read(value));
            return Ok(());
        }
        let number = payload_type.parse().ok();
        let found = self.formats.iter_mut().find(|format| Some(format.payload_type) == number);
        let Some(format) = found else { return Ok(()) };
        match name {
            "rtpmap" => {
                let mut parts = value.split('/').map(str::trim);
                format.name = parts.next().unwrap_or_default().to_owned();
                format.clock_rate = parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(0);
            }
            "fmtp" => format.parameters = words::plain(value)?.replace('\t', " "),
            _ => format.feedback = format.feedback.or(Feedback::read(value)),
        }
        Ok(())
    }

    /// `q send`; what layers are restricted to does not matter to us. What is no layer's name is passed over (RFC 8851, 6).
    fn rid(&mut self, value: &str) -> Result<(), Wrong> {
        let mut words = value.split_whitespace();
        let Some(rid) = words.next().and_then(words::layer) else { return Ok(()) };
        let rids = &mut self.section.rids;
        if words.next() == Some("send") && !rids.iter().any(|known| known == rid) {
            rids.push(rid.to_owned());
        }
        bounded(rids)
    }

    /// `2320413511 cname:x` or `2320413511 msid:stream track`; no packet can have what is no SSRC.
    fn ssrc(&mut self, value: &str) -> Result<(), Wrong> {
        let mut words = value.split_whitespace();
        let Some(ssrc) = words.next().and_then(|ssrc| ssrc.parse().ok()) else { return Ok(()) };
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
    fn group(&mut self, value: &str) -> Result<(), Wrong> {
        let mut words = value.split_whitespace();
        if words.next() == Some("FID") {
            let mut ssrc = || words.next().and_then(|ssrc| ssrc.parse().ok());
            self.repairs.extend(ssrc().zip(ssrc()));
        }
        bounded(&self.repairs)
    }

    pub(super) fn finish(self, bundle: Option<&HashSet<&str>>) -> Section {
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

/// Payload types; what cannot be one, no packet has.
fn formats(list: &[&str]) -> Result<Vec<Format>, Wrong> {
    bounded(list)?;
    let number = |word: &&str| word.parse().ok().filter(|number| *number < 128);
    let format = |payload_type| Format { payload_type, ..Format::default() };
    Ok(list.iter().filter_map(number).map(format).collect())
}
