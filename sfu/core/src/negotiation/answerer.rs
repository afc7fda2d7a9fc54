//! The side that answers: single connections, and the publisher connection of the dual mode.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use beckon_sfu_api::{Announced, MidTrack, Refused, TrackId};

use super::free::{Count, Free};
use super::policy::{self, Sound};
use super::replies::{self, Reply};
use super::sdp::{Media, Section, Session};
use super::uses::Use;
use super::wanted::{AllWanted, Hopeless};
use super::write::{Origin, Says};
use super::{Answered, Local, Wanted};

/// What the media sections of a connection are used for. What an offer costs here grows with its sections and with what is
/// wanted, never with their product.
pub struct Answerer {
    origin: Origin,
    /// By mid; sections that are not in here are free.
    uses: HashMap<String, Use>,
    /// Wanted tracks that the client cannot take.
    refused: Hopeless,
    last: Option<Last>,
}

/// What is left of the last offer.
struct Last {
    /// Sections that it could have had more.
    room: usize,
    /// Sections that could carry one more subscribed track.
    free: Count,
}

impl Default for Answerer {
    fn default() -> Self {
        Answerer::new()
    }
}

impl Answerer {
    pub fn new() -> Answerer {
        let (uses, refused) = Default::default();
        Answerer { origin: Origin::new(), uses, refused, last: None }
    }

    /// Answers an offer. `announced` are the tracks that have no section yet, oldest first, and none if the client may
    /// not publish; `wanted` is all that it is to receive.
    pub fn answer(
        &mut self,
        offer: &Arc<Session>,
        local: &Local<'_>,
        announced: &[Announced],
        wanted: &[Wanted],
    ) -> Answered {
        let wanted = AllWanted::new(wanted);
        let mut answered = Answered::default();
        let freed = self.refresh(offer, announced, &wanted, &mut answered);
        self.claim(offer, announced, &mut answered);
        let free = self.bind(offer, local, &wanted, &freed, &mut answered);
        let room = local.sections_max.saturating_sub(offer.sections.len());
        self.last = Some(Last { room, free });
        let replies = self.replies(offer, &wanted, &mut answered.mids);
        let opening = self.origin.open(Says::Answer { mixed_extensions: offer.mixed_extensions });
        answered.sdp = replies::write(offer, replies, opening, local);
        answered
    }

    /// What the client must still offer before everything wanted is received and nothing else: more audio and video
    /// sections than it has free ones. (0, 0) means to offer again; `None`, that all is well or its first offer is
    /// still to come.
    pub fn missing(&self, wanted: &[Wanted]) -> Option<(u32, u32)> {
        let last = self.last.as_ref()?;
        let wanted = AllWanted::new(wanted);
        let mut unbound = Count::default();
        for wanted in self.unbound(&wanted) {
            *unbound.of(wanted.kind) += 1;
        }
        let surplus = self.uses.values().any(|used| used.is_surplus(&wanted));
        if unbound.audios + unbound.videos == 0 && !surplus {
            return None;
        }
        let room = last.room;
        let audios = unbound.audios.saturating_sub(last.free.audios).min(room);
        let videos = unbound.videos.saturating_sub(last.free.videos).min(room - audios);
        Some((audios as u32, videos as u32))
    }

    /// Wanted tracks that have no section and were not refused one.
    fn unbound<'w>(&self, wanted: &AllWanted<'w>) -> Vec<&'w Wanted> {
        let carried = self.uses.values().filter_map(Use::carried);
        let carried: HashMap<_, _> = carried.map(|(track, ssrc)| (ssrc, track)).collect();
        let is_carried = |wanted: &Wanted| {
            carried.get(&wanted.ssrc).is_some_and(|track| **track == wanted.track)
        };
        let unbound = wanted.iter().filter(|wanted| !is_carried(wanted));
        unbound.filter(|wanted| !self.refused.has(wanted)).collect()
    }

    /// A published track was taken away by the server. What its section still sends belongs to no track.
    pub fn forget(&mut self, track: &TrackId) {
        for used in self.uses.values_mut() {
            if matches!(used, Use::Published { publication, .. } if publication.track == *track) {
                *used = Use::Forgotten;
            }
        }
    }

    /// Updates the sections in use: some ended, are no longer wanted, or changed. Returns those that are free now. A
    /// section that names an announced track as its own carries no other one any more.
    fn refresh(
        &mut self,
        offer: &Session,
        announced: &[Announced],
        wanted: &AllWanted<'_>,
        answered: &mut Answered,
    ) -> HashSet<String> {
        let mut freed = HashSet::new();
        let names: HashSet<&String> = announced.iter().map(|track| &track.cid).collect();
        let renamed = |section: &Section| {
            let name = section.track.as_ref();
            section.direction.sends() && name.is_some_and(|name| names.contains(name))
        };
        self.refused.refresh(wanted);
        self.uses.retain(|mid, used| {
            let section = offer.section(mid).filter(|section| !renamed(section));
            let kept = used.refresh(section, wanted, answered);
            if !kept {
                freed.insert(mid.clone());
            }
            kept
        });
        freed
    }

    /// Finds the tracks of sections that send.
    fn claim(&mut self, offer: &Session, announced: &[Announced], answered: &mut Answered) {
        let unclaimed = |section: &&Section| {
            !section.rejected && section.direction.sends() && !self.uses.contains_key(&section.mid)
        };
        let sections: Vec<&Section> = offer.sections.iter().filter(unclaimed).collect();
        for (section, announced) in pair(&sections, announced) {
            let sound = Sound { source: announced.source, stereo: announced.stereo };
            let agreed = policy::agree_all(section, announced.codec);
            let Some(publication) = policy::publication(&announced.id, section, &agreed) else {
                answered.refused.push((announced.id.clone(), Refused::Codec));
                continue;
            };
            answered.published.push(publication.clone());
            let used = Use::Published { publication, sound };
            self.uses.insert(section.mid.clone(), used);
        }
    }

    /// Gives free sections to wanted tracks, but those that have just been freed. Returns how many are left.
    fn bind(
        &mut self,
        offer: &Session,
        local: &Local<'_>,
        wanted: &AllWanted<'_>,
        freed: &HashSet<String>,
        answered: &mut Answered,
    ) -> Count {
        let mut free = Free::of(offer, |mid| self.uses.contains_key(mid), freed);
        for wanted in self.unbound(wanted) {
            let section = free.take(wanted);
            if let Some(section) = section
                && let Some(agreed) = section.offer(wanted.codec)
            {
                let binding = policy::binding(&wanted.track, &section.mid, agreed);
                answered.bound.push(binding.clone());
                let used = Use::Subscribed { binding, codec: wanted.codec, ssrc: wanted.ssrc };
                self.uses.insert(section.mid.clone(), used);
                continue;
            }
            let is_full = offer.sections.len() >= local.sections_max;
            let why = match free.has_rested(wanted.kind) {
                true => Refused::Codec,
                false if is_full && *free.left().of(wanted.kind) == 0 => Refused::Limit,
                false => continue,
            };
            answered.refused.push((wanted.track.clone(), why));
            self.refused.add(wanted.track.clone(), wanted.ssrc);
        }
        free.left()
    }

    fn replies(
        &self,
        offer: &Session,
        wanted: &AllWanted<'_>,
        mids: &mut Vec<MidTrack>,
    ) -> Vec<Reply> {
        let is_data = |section: &&Section| section.media == Media::Data && !section.rejected;
        let data = offer.sections.iter().find(is_data).map(|section| &section.mid);
        let replies = offer.sections.iter().map(|section| match section.media {
            _ if section.rejected => Reply::Rejected,
            // one association for a connection: further sections for data are refused
            Media::Data if data == Some(&section.mid) => Reply::Data,
            Media::Data | Media::Unknown => Reply::Rejected,
            // nothing that we know
            Media::Rtp(_) if section.offers.is_empty() => Reply::Rejected,
            Media::Rtp(_) => self.reply(&section.mid, wanted, mids),
        });
        replies.collect()
    }

    fn reply(&self, mid: &str, wanted: &AllWanted<'_>, mids: &mut Vec<MidTrack>) -> Reply {
        match self.uses.get(mid) {
            Some(Use::Published { publication, sound }) => {
                Reply::Published { codec: publication.codec(), sound: *sound }
            }
            Some(Use::Subscribed { binding, codec, ssrc }) => {
                let wanted = wanted.find(&binding.track, *ssrc).cloned();
                mids.extend(
                    wanted.as_ref().map(|wanted| MidTrack {
                        mid: mid.to_owned(),
                        track: wanted.track.clone(),
                    }),
                );
                Reply::Subscribed { codec: *codec, wanted }
            }
            Some(Use::Forgotten) | None => Reply::Idle,
        }
    }
}

/// Which section is which announced track. Chromium and the native SDKs announce a track by the id in its msid; Firefox
/// does not, so what is left goes by kind, oldest first.
fn pair<'s, 'a>(
    sections: &[&'s Section],
    announced: &'a [Announced],
) -> Vec<(&'s Section, &'a Announced)> {
    let mut left: Vec<&Announced> = announced.iter().collect();
    let mut found: Vec<Option<&Announced>> = vec![None; sections.len()];
    for by_name in [true, false] {
        for (section, found) in sections.iter().zip(&mut found).filter(|(_, found)| found.is_none())
        {
            if left.is_empty() {
                break;
            }
            let fits = |track: &&Announced| {
                let named = section.track.as_ref() == Some(&track.cid);
                section.kind() == Some(track.kind) && (named || !by_name)
            };
            if let Some(at) = left.iter().position(fits) {
                *found = Some(left.remove(at));
            }
        }
    }
    sections.iter().zip(found).filter_map(|(section, found)| Some((*section, found?))).collect()
}
