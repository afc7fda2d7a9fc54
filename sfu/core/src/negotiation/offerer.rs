//! The side that offers: the subscriber connection of the dual mode.

use std::collections::{HashMap, HashSet, VecDeque};

use beckon_sfu_api::{Codec, Kind, MidTrack, Refused, Sdp, TrackId};

use super::policy;
use super::sdp::{Direction, Section, Session};
use super::wanted::{AllWanted, Hopeless};
use super::write::{Origin, Rtp, Says, Writer};
use super::{Accepted, Binding, Local, Offered, Wanted};

/// Section 0 is for data channels, and never changes.
const DATA: &str = "0";

/// The media sections of a subscriber connection, and whose turn it is. One offer is in flight at most.
pub struct Offerer {
    origin: Origin,
    slots: Vec<SectionSlot>,
    /// The mid of the newest section.
    mid: u32,
    /// Tracks that the client cannot take, or for which there is no room.
    refused: Hopeless,
    /// The number of the last offer; none was made yet if 0.
    id: u32,
    in_flight: bool,
    /// Something may have changed since the offer in flight.
    dirty: bool,
    restart: bool,
}

/// A media section. A browser's receiver keeps the id of the first track that it got, by which clients know the track. So
/// a section whose track is gone is closed, and its place is taken by a new one with another mid (RFC 9429, 5.2.2).
/// Before that it is offered as inactive: if it is closed at once, Firefox does not signal the track's end to its page.
struct SectionSlot {
    kind: Kind,
    mid: u32,
    state: State,
}

enum State {
    Carries(Carried),
    /// Its track is gone: the next offer, or the one in flight, makes it inactive ...
    Leaves(Codec),
    /// ... and the one after that closes it.
    Closes,
    /// Closed on both sides.
    Closed,
}

struct Carried {
    track: TrackId,
    ssrc: u32,
    codec: Codec,
    binding: Option<Binding>,
}

impl Default for Offerer {
    fn default() -> Self {
        Offerer::new()
    }
}

impl Offerer {
    pub fn new() -> Offerer {
        Offerer {
            origin: Origin::new(),
            slots: Vec::new(),
            mid: 0,
            refused: Hopeless::default(),
            id: 0,
            in_flight: false,
            dirty: false,
            restart: false,
        }
    }

    /// Offers what is wanted, unless the last offer says so already. While one is in flight nothing is offered:
    /// [`Accepted::again`] tells when to come back.
    pub fn offer(&mut self, local: &Local<'_>, wanted: &[Wanted]) -> Option<Offered> {
        if self.in_flight {
            self.dirty = true;
            return None;
        }
        self.dirty = false;
        let first = self.id == 0;
        let wanted = AllWanted::new(wanted);
        let mut refused = Vec::new();
        let changed = self.release(&wanted) | self.place(local, &wanted, &mut refused);
        if !(first || changed || self.restart || !refused.is_empty()) {
            return None;
        }
        self.id += 1;
        self.in_flight = true;
        self.restart = false;
        let mut mids = Vec::new();
        let sdp = self.write(local, &wanted, &mut mids);
        Some(Offered { id: self.id, sdp, mids, refused })
    }

    /// Whether an answer with this number is awaited.
    pub fn awaits(&self, id: u32) -> bool {
        self.in_flight && (id == self.id || id == 0)
    }

    /// Takes the client's answer. 0 for `id` is of a client that does not count.
    ///
    /// # Errors
    /// [`Refused::OutOfTurn`] for an answer to no offer or an old one, [`Refused::Malformed`] for one that does not mirror
    /// the offer; the offer is still in flight then.
    pub fn answer(&mut self, id: u32, answer: &Session) -> Result<Accepted, Refused> {
        if !self.awaits(id) {
            return Err(Refused::OutOfTurn);
        }
        if !self.mirrored(answer) {
            return Err(Refused::malformed("its sections are not those of the offer"));
        }
        self.in_flight = false;
        let mut accepted = Accepted { again: self.dirty, ..Accepted::default() };
        for (slot, section) in self.slots.iter_mut().zip(answer.sections.iter().skip(1)) {
            let carried = slot.carried().map(|(track, ssrc)| (track.clone(), ssrc));
            let before = accepted.refused.len();
            slot.settle(section, &mut accepted);
            if let Some((track, ssrc)) = carried.filter(|_| accepted.refused.len() > before) {
                self.refused.add(track, ssrc);
            }
        }
        Ok(accepted)
    }

    /// The next offer restarts ICE: it is made even if nothing else changed, and replaces one in flight, which may be
    /// lost with the socket that it was sent on.
    pub fn restart(&mut self) {
        self.restart = true;
        self.in_flight = false;
    }

    /// Closes the sections of tracks that are no longer wanted.
    fn release(&mut self, wanted: &AllWanted<'_>) -> bool {
        self.refused.refresh(wanted);
        let mut changed = false;
        for slot in &mut self.slots {
            if let State::Carries(carried) = &slot.state
                && wanted.find(&carried.track, carried.ssrc).is_none()
            {
                slot.state = State::Leaves(carried.codec);
                changed = true;
            }
        }
        changed
    }

    /// Gives sections to tracks that have none.
    fn place(
        &mut self,
        local: &Local<'_>,
        wanted: &AllWanted<'_>,
        refused: &mut Vec<(TrackId, Refused)>,
    ) -> bool {
        let mut changed = false;
        let leave: HashSet<Kind> =
            self.slots.iter().filter(|slot| slot.leaves()).map(|slot| slot.kind).collect();
        let mut closed: HashMap<Kind, VecDeque<usize>> = HashMap::new();
        for (at, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.is_closed()) {
            closed.entry(slot.kind).or_default().push_back(at);
        }
        for wanted in self.unplaced(wanted) {
            let place = closed.get_mut(&wanted.kind).and_then(VecDeque::pop_front);
            if self.open(wanted, place, local.sections_max) {
                changed = true;
            } else if leave.contains(&wanted.kind) {
                // there is room once this offer, or the next, is answered
                self.dirty = true;
                changed = true;
            } else {
                refused.push((wanted.track.clone(), Refused::Limit));
                self.refused.add(wanted.track.clone(), wanted.ssrc);
            }
        }
        changed
    }

    /// Wanted tracks that have no section and were not refused one.
    fn unplaced<'w>(&self, wanted: &AllWanted<'w>) -> Vec<&'w Wanted> {
        let carried = self.slots.iter().filter_map(SectionSlot::carried);
        let carried: HashMap<_, _> = carried.map(|(track, ssrc)| (ssrc, track)).collect();
        let is_carried = |wanted: &Wanted| {
            carried.get(&wanted.ssrc).is_some_and(|track| **track == wanted.track)
        };
        let unplaced = wanted.iter().filter(|wanted| !is_carried(wanted));
        unplaced.filter(|wanted| !self.refused.has(wanted)).collect()
    }

    /// Opens a section, at the place of a closed one if there is one. False if there is no room.
    fn open(&mut self, wanted: &Wanted, closed: Option<usize>, sections_max: usize) -> bool {
        let carried = Carried {
            track: wanted.track.clone(),
            ssrc: wanted.ssrc,
            codec: wanted.codec,
            binding: None,
        };
        let slot =
            SectionSlot { kind: wanted.kind, mid: self.mid + 1, state: State::Carries(carried) };
        if let Some(closed) = closed.and_then(|at| self.slots.get_mut(at)) {
            *closed = slot;
        } else if self.slots.len() + 1 < sections_max {
            self.slots.push(slot);
        } else {
            return false;
        }
        self.mid += 1;
        true
    }

    fn mirrored(&self, answer: &Session) -> bool {
        let ours = std::iter::once(DATA.to_owned()).chain(self.slots.iter().map(SectionSlot::mid));
        let theirs = answer.sections.iter();
        answer.sections.len() == self.slots.len() + 1
            && ours.zip(theirs).all(|(mid, section)| {
                section.mid == mid || (section.mid.is_empty() && section.rejected)
            })
    }

    fn write(
        &mut self,
        local: &Local<'_>,
        wanted: &AllWanted<'_>,
        mids: &mut Vec<MidTrack>,
    ) -> Sdp {
        let lines: Vec<Line> = self.slots.iter().map(|slot| slot.line(wanted)).collect();
        mids.extend(lines.iter().filter_map(Line::mid_track));
        let (opening, ours) = (self.origin.open(Says::Offer), local.keep());
        Sdp::new(move || {
            let local = ours.local();
            let open = lines.iter().filter(|line| line.codec.is_some());
            let bundled = std::iter::once(DATA).chain(open.map(|line| line.mid.as_str()));
            let mut writer = Writer::new(opening, &local, bundled);
            writer.data(DATA, "UDP/DTLS/SCTP");
            lines.iter().for_each(|line| line.write(&mut writer));
            writer.finish()
        })
    }
}

/// What an offer says about a section, for its writer.
struct Line {
    kind: Kind,
    mid: String,
    /// `None`: it is closed.
    codec: Option<Codec>,
    sends: Option<Wanted>,
}

impl Line {
    fn mid_track(&self) -> Option<MidTrack> {
        let wanted = self.sends.as_ref()?;
        Some(MidTrack { mid: self.mid.clone(), track: wanted.track.clone() })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        let Line { kind, mid, codec, sends } = self;
        let Some(codec) = codec else {
            return writer.closed(media(*kind), "UDP/TLS/RTP/SAVPF", "0", mid);
        };
        let stereo = sends.as_ref().is_some_and(|wanted| wanted.stereo);
        writer.rtp(&Rtp {
            mid,
            protocol: "UDP/TLS/RTP/SAVPF",
            direction: if sends.is_some() { Direction::Send } else { Direction::Inactive },
            agreed: &[policy::offered(*codec, stereo)],
            sends: sends.as_ref(),
            layers: &[],
            simulcast: false,
        });
    }
}

impl SectionSlot {
    fn mid(&self) -> String {
        self.mid.to_string()
    }

    fn carried(&self) -> Option<(&TrackId, u32)> {
        match &self.state {
            State::Carries(carried) => Some((&carried.track, carried.ssrc)),
            _ => None,
        }
    }

    fn leaves(&self) -> bool {
        matches!(self.state, State::Leaves(_) | State::Closes)
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    fn line(&self, wanted: &AllWanted<'_>) -> Line {
        let (codec, sends) = match &self.state {
            State::Carries(carried) => {
                (Some(carried.codec), wanted.find(&carried.track, carried.ssrc).cloned())
            }
            State::Leaves(codec) => (Some(*codec), None),
            State::Closes | State::Closed => (None, None),
        };
        Line { kind: self.kind, mid: self.mid(), codec, sends }
    }

    /// Learns from its section in the client's answer whether and how the track can be sent.
    fn settle(&mut self, section: &Section, accepted: &mut Accepted) {
        let carried = match &mut self.state {
            State::Carries(carried) => carried,
            State::Leaves(_) if !section.rejected => return self.state = State::Closes,
            _ => return self.state = State::Closed,
        };
        let agreed = section.offer(carried.codec);
        let takes = !section.rejected && section.direction == Direction::Receive;
        if let Some(agreed) = agreed.filter(|_| takes) {
            let now = Some(policy::binding(&carried.track, &section.mid, agreed));
            if carried.binding != now {
                accepted.bound.extend(now.clone());
                carried.binding = now;
            }
            return;
        }
        accepted.refused.push(carried.track.clone());
        self.state = if section.rejected { State::Closed } else { State::Closes };
    }
}

fn media(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    }
}
