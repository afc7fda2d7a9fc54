//! Reads session descriptions, line by line. Lines that we do not use are ignored, and an error in one that we use is reported
//! with its line number.
//!
//! What is kept is either a token of harmless characters or goes back only to its sender.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use beckon_sfu_api::{Fault, Refused};

use super::draft::{Defaults, Draft};
use super::sdp::{Direction, SECTIONS_MAX, Section, Session, Setup, TEXT_MAX};
use super::words::{self, Wrong};

/// Candidates of a description.
const CANDIDATES_MAX: usize = 32;

/// Reads an offer or an answer. Lines that we do not know are passed over.
///
/// # Errors
/// [`Refused::Malformed`] for what is no description, or one that cannot be answered; [`Refused::Limit`] for too much of
/// something.
pub fn read_session(text: &str) -> Result<Session, Refused> {
    if text.len() > TEXT_MAX {
        return Err(Refused::Limit);
    }
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with("v=0") {
        return Err(Wrong::Text("a description begins with v=0").at(1));
    }
    let end = if text.contains('\n') { '\n' } else { '\r' };
    let mut reader = Reader::default();
    for (number, line) in (1..).zip(text.split(end)) {
        reader.line(number, line.trim()).map_err(|wrong| wrong.at(number))?;
    }
    reader.finish()
}

/// What was read so far.
#[derive(Default)]
struct Reader<'t> {
    transport: TransportLines<'t>,
    bundle: Option<HashSet<&'t str>>,
    mixed_extensions: bool,
    candidates: Vec<SocketAddr>,
    defaults: Defaults,
    sections: Vec<(Draft, TransportLines<'t>)>,
}

/// What a level says of the transport.
#[derive(Clone, Default)]
struct TransportLines<'t> {
    ufrag: Option<&'t str>,
    pwd: Option<&'t str>,
    fingerprint: Option<String>,
    setup: Option<Setup>,
}

impl<'t> Reader<'t> {
    fn line(&mut self, number: u32, line: &'t str) -> Result<(), Wrong> {
        match line.split_once('=') {
            Some(("m", value)) => self.media(number, value),
            Some(("a", value)) => {
                let (name, value) = value.split_once(':').unwrap_or((value, ""));
                self.attribute(name.trim_end(), value.trim_start())
            }
            _ => Ok(()),
        }
    }

    fn media(&mut self, number: u32, value: &str) -> Result<(), Wrong> {
        if self.sections.len() == SECTIONS_MAX {
            return Err(Wrong::Limit);
        }
        let draft = Draft::read(number, value, &self.defaults)?;
        self.sections.push((draft, TransportLines::default()));
        Ok(())
    }

    fn attribute(&mut self, name: &str, value: &'t str) -> Result<(), Wrong> {
        match name {
            "group" if self.bundle.is_none() => {
                let mids = words::plain(value)?.strip_prefix("BUNDLE");
                self.bundle = mids.map(|mids| mids.split_whitespace().collect());
            }
            "extmap-allow-mixed" => self.mixed_extensions = true,
            "candidate" if self.candidates.len() < CANDIDATES_MAX => {
                self.candidates.extend(words::candidate(value));
            }
            _ => {}
        }
        match self.sections.last_mut() {
            Some((draft, transport)) => {
                transport.attribute(name, value)?;
                draft.attribute(name, value)
            }
            None => {
                self.default_of_all(name, value);
                self.transport.attribute(name, value)
            }
        }
    }

    /// What the session says, each section says that says nothing else (RFC 8866, 6.7, and RFC 8285, 6).
    fn default_of_all(&mut self, name: &str, value: &str) {
        if let Some(direction) = Direction::from_name(name) {
            self.defaults.direction = direction;
        } else if name == "extmap" {
            words::extension(&mut self.defaults.extensions, value);
        }
    }

    fn finish(self) -> Result<Session, Refused> {
        let Reader { transport, bundle, mixed_extensions, candidates, sections, .. } = self;
        let lines: Vec<u32> = sections.iter().map(|(draft, _)| draft.line).collect();
        let (mut sections, transports): (Vec<Section>, Vec<TransportLines<'_>>) = sections
            .into_iter()
            .map(|(draft, transport)| (draft.finish(bundle.as_ref()), transport))
            .unzip();
        name_the_only(&mut sections);
        let places = places(&sections, &lines)?;
        let TransportLines { ufrag, pwd, fingerprint, setup } =
            used(&sections, &transports, &transport);
        Ok(Session {
            ufrag: ufrag.ok_or(missing("there is no a=ice-ufrag"))?.to_owned(),
            pwd: pwd.ok_or(missing("there is no a=ice-pwd"))?.to_owned(),
            fingerprint: fingerprint
                .ok_or(missing("there is no a=fingerprint of SHA-256, SHA-384 or SHA-512"))?,
            setup: setup.unwrap_or(Setup::Either),
            mixed_extensions,
            candidates,
            sections,
            places,
        })
    }
}

impl<'t> TransportLines<'t> {
    /// The first of each counts; of fingerprints, that of the hash that all stacks have.
    fn attribute(&mut self, name: &str, value: &'t str) -> Result<(), Wrong> {
        match name {
            "ice-ufrag" if self.ufrag.is_none() => {
                self.ufrag = Some(words::ice(value).ok_or("a=ice-ufrag has no name in it")?);
            }
            "ice-pwd" if self.pwd.is_none() => {
                self.pwd = Some(words::ice(value).ok_or("a=ice-pwd has no password in it")?);
            }
            "fingerprint" if self.fingerprint.as_ref().is_none_or(|known| !is_sha_256(known)) => {
                let read = words::fingerprint(value)?;
                let better = read.filter(|found| self.fingerprint.is_none() || is_sha_256(found));
                self.fingerprint = better.or(self.fingerprint.take());
            }
            // RFC 8842 knows three; another, as holdconn, says nothing about who begins
            "setup" => self.setup = self.setup.or(words::setup(value)),
            _ => {}
        }
        Ok(())
    }

    fn or(self, other: &TransportLines<'t>) -> TransportLines<'t> {
        TransportLines {
            ufrag: self.ufrag.or(other.ufrag),
            pwd: self.pwd.or(other.pwd),
            fingerprint: self.fingerprint.or_else(|| other.fingerprint.clone()),
            setup: self.setup.or(other.setup),
        }
    }
}

fn is_sha_256(fingerprint: &str) -> bool {
    fingerprint.starts_with("sha-256 ")
}

fn missing(why: &'static str) -> Refused {
    Refused::malformed(why)
}

/// All sections that we accept are bundled with the first of them: its transport counts, then what the session says. What is
/// said in others alone is taken, too.
fn used<'t>(
    sections: &[Section],
    transports: &[TransportLines<'t>],
    session: &TransportLines<'t>,
) -> TransportLines<'t> {
    let of = |rejected| {
        let all = sections.iter().zip(transports);
        all.filter(move |(section, _)| section.rejected == rejected).map(|(_, lines)| lines)
    };
    let first = of(false).take(1).chain([session]).chain(of(false)).chain(of(true));
    first.fold(TransportLines::default(), |used, other| used.or(other))
}

/// A section without a name is in no bundle (RFC 9143, 7.2): the first is taken if nothing else is, because there is one
/// transport, and the others are rejected.
fn name_the_only(sections: &mut [Section]) {
    let mut has_transport =
        sections.iter().any(|section| !section.rejected && !section.mid.is_empty());
    let names: HashSet<String> = sections.iter().map(|section| section.mid.clone()).collect();
    for section in sections.iter_mut().filter(|section| section.mid.is_empty()) {
        if section.rejected || has_transport {
            section.rejected = true;
            continue;
        }
        has_transport = true;
        section.nameless = true;
        section.mid = (0..)
            .map(|at: u32| at.to_string())
            .find(|mid| !names.contains(mid))
            .unwrap_or_default();
    }
}

/// Where each section is.
fn places(sections: &[Section], lines: &[u32]) -> Result<HashMap<String, usize>, Refused> {
    let mut places = HashMap::new();
    for (at, section) in sections.iter().enumerate().filter(|(_, section)| !section.mid.is_empty())
    {
        if places.insert(section.mid.clone(), at).is_some() {
            let line = lines.get(at).copied();
            let why = "another section has the same a=mid".into();
            return Err(Refused::Malformed(Fault { line, why }));
        }
    }
    Ok(places)
}
