//! Sections of an offer that carry nothing, given away one after the other.

use std::collections::{HashMap, HashSet};

use beckon_sfu_api::{Codec, Kind};

use super::Wanted;
use super::sdp::{Direction, Section, Session};

/// What is left of them. Each section is looked at once for each codec, however many tracks are wanted.
pub(super) struct Free<'o> {
    /// Those that were free before this offer, in its order, and whether they still are.
    rested: Vec<(&'o Section, bool)>,
    /// Up to where none is left for a codec.
    next: HashMap<Codec, usize>,
    rested_left: Count,
    /// All that are left.
    left: Count,
}

/// How many of each kind.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) audios: usize,
    pub(super) videos: usize,
}

impl<'o> Free<'o> {
    /// Collects the sections that nothing uses. One that has just been `freed` has to be answered as inactive before it carries
    /// another track: a browser signals a track to its page only when a section starts to send.
    pub(super) fn of(
        offer: &'o Session,
        is_used: impl Fn(&str) -> bool,
        freed: &HashSet<String>,
    ) -> Free<'o> {
        let mut free = Free {
            rested: Vec::new(),
            next: HashMap::new(),
            rested_left: Count::default(),
            left: Count::default(),
        };
        for section in &offer.sections {
            let receives = !section.rejected && section.direction == Direction::Receive;
            let Some(kind) = section.kind().filter(|_| receives) else { continue };
            if is_used(&section.mid) {
                continue;
            }
            *free.left.of(kind) += 1;
            if !freed.contains(&section.mid) {
                *free.rested_left.of(kind) += 1;
                free.rested.push((section, true));
            }
        }
        free
    }

    /// Takes the first one that this track fits into.
    pub(super) fn take(&mut self, wanted: &Wanted) -> Option<&'o Section> {
        let next = self.next.entry(wanted.codec).or_default();
        while let Some((section, is_left)) = self.rested.get_mut(*next) {
            *next += 1;
            let fits = *is_left && section.kind() == Some(wanted.kind);
            if fits && section.offer(wanted.codec).is_some() {
                *is_left = false;
                *self.left.of(wanted.kind) -= 1;
                *self.rested_left.of(wanted.kind) -= 1;
                return Some(section);
            }
        }
        None
    }

    /// Whether one of this kind was free before.
    pub(super) fn has_rested(&mut self, kind: Kind) -> bool {
        *self.rested_left.of(kind) > 0
    }

    pub(super) fn left(&self) -> Count {
        self.left
    }
}

impl Count {
    pub(super) fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Audio => &mut self.audios,
            Kind::Video => &mut self.videos,
        }
    }
}
