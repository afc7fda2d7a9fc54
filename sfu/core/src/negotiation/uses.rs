//! What the sections of an answered connection are used for.

use beckon_sfu_api::{Codec, TrackId};

use super::policy::Sound;
use super::sdp::{Direction, Section};
use super::{Answered, Binding, Publication, Wanted, policy};

/// What a section of a client is used for.
pub(super) enum Use {
    Published {
        publication: Publication,
        sound: Sound,
    },
    /// Its track was taken away, but the client still sends.
    Forgotten,
    Subscribed {
        binding: Binding,
        codec: Codec,
        ssrc: u32,
    },
}

impl Use {
    pub(super) fn carries(&self, wanted: &Wanted) -> bool {
        matches!(self, Use::Subscribed { binding, ssrc, .. }
            if binding.track == wanted.track && *ssrc == wanted.ssrc)
    }

    /// The subscribed track in it, and our SSRC of that.
    pub(super) fn carried(&self) -> Option<(&TrackId, u32)> {
        match self {
            Use::Subscribed { binding, ssrc, .. } => Some((&binding.track, *ssrc)),
            Use::Published { .. } | Use::Forgotten => None,
        }
    }

    /// Whether it is a subscribed section whose track is wanted no more.
    pub(super) fn is_surplus(&self, wanted: &[Wanted]) -> bool {
        let subscribed = matches!(self, Use::Subscribed { .. });
        subscribed && !wanted.iter().any(|wanted| self.carries(wanted))
    }

    /// Adapts to what the section of a new offer says, if it is still there. False if the section is free now.
    pub(super) fn refresh(
        &mut self,
        section: Option<&Section>,
        wanted: &[Wanted],
        answered: &mut Answered,
    ) -> bool {
        let unwanted = self.is_surplus(wanted);
        let sending = section.filter(|section| section.direction.sends());
        let receiving = section.filter(|section| section.direction == Direction::Receive);
        match self {
            Use::Published { publication, sound } => {
                let now = sending.and_then(|section| {
                    let agreed = policy::agree_track(section, Some(publication.codec()), *sound);
                    policy::publication(&publication.track, section, &agreed)
                });
                let Some(now) = now else {
                    answered.ended.push(publication.track.clone());
                    return false;
                };
                if *publication != now {
                    *publication = now;
                    answered.published.push(publication.clone());
                }
                true
            }
            Use::Forgotten => sending.is_some(),
            Use::Subscribed { .. } if unwanted => false,
            Use::Subscribed { binding, codec, .. } => {
                let now = receiving.and_then(|section| {
                    let agreed = policy::agree(section, *codec)?;
                    Some(policy::binding(&binding.track, &section.mid, &agreed))
                });
                let Some(now) = now else { return false };
                if *binding != now {
                    *binding = now;
                    answered.bound.push(binding.clone());
                }
                true
            }
        }
    }
}
