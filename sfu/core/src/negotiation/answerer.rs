//! The side that answers: single connections, and the publisher connection of the dual mode.

use std::collections::{HashMap, HashSet};

use beckon_sfu_api::{Announced, Kind, MidTrack, Refused, TrackId};

use super::policy::{self, Agreed, Sound};
use super::sdp::{Direction, Media, Section, Session};
use super::uses::Use;
use super::write::{Origin, Rtp, Says, Writer};
use super::{Answered, Local, Wanted};

/// What the media sections of a connection are used for.
pub struct Answerer {
    origin: Origin,
    /// By mid; sections that are not in here are free.
    uses: HashMap<String, Use>,
    /// Wanted tracks that the client cannot take. They are not tried again.
    refused: Vec<(TrackId, u32)>,
    last: Option<Last>,
}

/// What is left of the last offer.
struct Last {
    /// Sections that it could have had more.
    room: usize,
    /// Sections that could carry one more subscribed track.
    free_audios: usize,
    free_videos: usize,
}

/// What a section is answered with.
enum Reply<'a> {
    Rejected,
    Data,
    Rtp { direction: Direction, agreed: Vec<Agreed>, sends: Option<&'a Wanted> },
}

impl Default for Answerer {
    fn default() -> Self {
        Answerer::new()
    }
}

impl Answerer {
    pub fn new() -> Answerer {
        Answerer { origin: Origin::new(), uses: HashMap::new(), refused: Vec::new(), last: None }
    }

    /// Answers an offer. `announced` are the tracks that have no section yet, oldest first, and none if the client may
    /// not publish; `wanted` is all that it is to receive.
    pub fn answer(
        &mut self,
        offer: &Session,
        local: &Local<'_>,
        announced: &[Announced],
        wanted: &[Wanted],
    ) -> Answered {
        let mut answered = Answered::default();
        let freed = self.refresh(offer, announced, wanted, &mut answered);
        self.claim(offer, announced, &mut answered);
        self.bind(offer, local, wanted, &freed, &mut answered);
        answered.sdp = self.write(offer, local, wanted, &mut answered.mids);
        self.last = Some(self.rest(offer, local));
        answered
    }

    /// What the client must still offer before everything wanted is received and nothing else: more audio and video
    /// sections than it has free ones. (0, 0) means to offer again; `None`, that all is well or its first offer is
    /// still to come.
    pub fn missing(&self, wanted: &[Wanted]) -> Option<(u32, u32)> {
        let last = self.last.as_ref()?;
        let unbound = self.unbound(wanted);
        let (audios, videos) = count(unbound.iter().map(|wanted| wanted.kind));
        let surplus = self.uses.values().any(|used| used.is_surplus(wanted));
        if audios + videos == 0 && !surplus {
            return None;
        }
        let room = last.room;
        let audios = audios.saturating_sub(last.free_audios).min(room);
        let videos = videos.saturating_sub(last.free_videos).min(room - audios);
        Some((audios as u32, videos as u32))
    }

    /// Wanted tracks that have no section and were not refused one.
    fn unbound<'w>(&self, wanted: &'w [Wanted]) -> Vec<&'w Wanted> {
        let carried: HashSet<_> = self.uses.values().filter_map(Use::carried).collect();
        let is_carried = |wanted: &Wanted| carried.contains(&(&wanted.track, wanted.ssrc));
        let unbound = wanted.iter().filter(|wanted| !is_carried(wanted));
        unbound.filter(|wanted| !self.refused.iter().any(|it| wanted.is(it))).collect()
    }

    /// A published track was taken away by the server. What its section still sends belongs to no track.
    pub fn forget(&mut self, track: &TrackId) {
        for used in self.uses.values_mut() {
            if matches!(used, Use::Published { publication, .. } if publication.track == *track) {
                *used = Use::Forgotten;
            }
        }
    }

    /// Looks again at the sections in use: which ended, are wanted no more, or changed. Those that are free now have to be
    /// answered as idle before they carry another track: a browser tells its page of a track only when a section begins
    /// to send. A section that names an announced track as its own carries no other one any more.
    fn refresh(
        &mut self,
        offer: &Session,
        announced: &[Announced],
        wanted: &[Wanted],
        answered: &mut Answered,
    ) -> Vec<String> {
        let mut freed = Vec::new();
        let renamed = |section: &Section| {
            let name = section.track.as_ref();
            announced.iter().any(|track| section.direction.sends() && name == Some(&track.cid))
        };
        self.refused.retain(|it| wanted.iter().any(|wanted| wanted.is(it)));
        self.uses.retain(|mid, used| {
            let mut sections = offer.sections.iter();
            let section = sections.find(|section| section.mid == *mid && !section.rejected);
            let section = section.filter(|section| !renamed(section));
            let kept = used.refresh(section, wanted, answered);
            if !kept {
                freed.push(mid.clone());
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
            let agreed = policy::agree_track(section, announced.codec, sound);
            let Some(publication) = policy::publication(&announced.id, section, &agreed) else {
                answered.refused.push((announced.id.clone(), Refused::Codec));
                continue;
            };
            answered.published.push(publication.clone());
            let used = Use::Published { publication, sound };
            self.uses.insert(section.mid.clone(), used);
        }
    }

    /// Gives free sections to wanted tracks, but those that have just been freed.
    fn bind(
        &mut self,
        offer: &Session,
        local: &Local<'_>,
        wanted: &[Wanted],
        freed: &[String],
        answered: &mut Answered,
    ) {
        for wanted in self.unbound(wanted) {
            let is_free = |section: &Section| self.is_free(section, wanted.kind);
            let is_rested = |section: &&Section| is_free(section) && !freed.contains(&section.mid);
            let mut rested = offer.sections.iter().filter(is_rested).peekable();
            let any_rested = rested.peek().is_some();
            let fit =
                rested.find_map(|section| Some((section, policy::agree(section, wanted.codec)?)));
            if let Some((section, agreed)) = fit {
                let binding = policy::binding(&wanted.track, &section.mid, &agreed);
                answered.bound.push(binding.clone());
                let used = Use::Subscribed { binding, codec: wanted.codec, ssrc: wanted.ssrc };
                self.uses.insert(section.mid.clone(), used);
                continue;
            }
            let full =
                offer.sections.len() >= local.sections_max && !offer.sections.iter().any(is_free);
            if any_rested || full {
                let why = if any_rested { Refused::Codec } else { Refused::Limit };
                answered.refused.push((wanted.track.clone(), why));
                self.refused.push((wanted.track.clone(), wanted.ssrc));
            }
        }
    }

    fn is_free(&self, section: &Section, kind: Kind) -> bool {
        !section.rejected
            && section.direction == Direction::Receive
            && section.kind() == Some(kind)
            && !self.uses.contains_key(&section.mid)
    }

    fn rest(&self, offer: &Session, local: &Local<'_>) -> Last {
        let free =
            |kind| offer.sections.iter().filter(|section| self.is_free(section, kind)).count();
        Last {
            room: local.sections_max.saturating_sub(offer.sections.len()),
            free_audios: free(Kind::Audio),
            free_videos: free(Kind::Video),
        }
    }

    fn write(
        &mut self,
        offer: &Session,
        local: &Local<'_>,
        wanted: &[Wanted],
        mids: &mut Vec<MidTrack>,
    ) -> String {
        let data =
            offer.sections.iter().find(|section| section.media == Media::Data && !section.rejected);
        let reply = |section: &Section| match section.media {
            _ if section.rejected => Reply::Rejected,
            // one association for a connection: further sections for data are refused
            Media::Data if data.is_some_and(|first| first.mid == section.mid) => Reply::Data,
            Media::Data | Media::Unknown => Reply::Rejected,
            Media::Rtp(_) => self.reply(section, wanted).unwrap_or(Reply::Rejected),
        };
        let replies: Vec<Reply<'_>> = offer.sections.iter().map(reply).collect();
        let answered = || offer.sections.iter().zip(&replies);
        let kept = answered().filter(|(_, reply)| !matches!(reply, Reply::Rejected));
        let says = Says::Answer { mixed_extensions: offer.mixed_extensions };
        let bundled = kept.map(|(section, _)| section.mid.as_str());
        let mut writer = Writer::new(&mut self.origin, local, says, bundled);
        for (section, reply) in answered() {
            match reply {
                Reply::Rejected => writer.rejected(section),
                Reply::Data => writer.data(&section.mid, section.protocol()),
                Reply::Rtp { direction, agreed, sends } => {
                    mids.extend(sends.map(|wanted| MidTrack {
                        mid: section.mid.clone(),
                        track: wanted.track.clone(),
                    }));
                    let receives = *direction == Direction::Receive;
                    writer.rtp(&Rtp {
                        mid: &section.mid,
                        protocol: section.protocol(),
                        direction: *direction,
                        agreed,
                        sends: *sends,
                        layers: if receives { policy::layers(section) } else { &[] },
                        simulcast: section.simulcast,
                    });
                }
            }
        }
        writer.finish()
    }

    /// `None` if the section offers nothing that we know.
    fn reply<'w>(&self, section: &Section, wanted: &'w [Wanted]) -> Option<Reply<'w>> {
        let (direction, agreed, sends) = match self.uses.get(&section.mid) {
            Some(Use::Published { publication, sound }) => {
                let agreed = policy::agree_track(section, Some(publication.codec()), *sound);
                (Direction::Receive, agreed, None)
            }
            Some(used @ Use::Subscribed { codec, .. }) => {
                let sends = wanted.iter().find(|wanted| used.carries(wanted));
                let stereo = sends.is_some_and(|wanted| wanted.stereo);
                (Direction::Send, vec![policy::agree_wanted(section, *codec, stereo)?], sends)
            }
            Some(Use::Forgotten) | None => {
                (Direction::Inactive, vec![policy::agree_idle(section)?], None)
            }
        };
        (!agreed.is_empty()).then_some(Reply::Rtp { direction, agreed, sends })
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

fn count(kinds: impl Iterator<Item = Kind>) -> (usize, usize) {
    kinds.fold((0, 0), |(audios, videos), kind| match kind {
        Kind::Audio => (audios + 1, videos),
        Kind::Video => (audios, videos + 1),
    })
}
