//! What the sections of an answered connection are used for.

use beckon_sfu_api::{Codec, TrackId};

use super::policy::Sound;
use super::sdp::{Direction, Section};
use super::wanted::AllWanted;
use super::{Answered, Binding, Publication, policy};

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
    /// The subscribed track in it, and our SSRC of that.
    pub(super) fn carried(&self) -> Option<(&TrackId, u32)> {
        match self {
            Use::Subscribed { binding, ssrc, .. } => Some((&binding.track, *ssrc)),
            Use::Published { .. } | Use::Forgotten => None,
        }
    }

    /// Whether it is a subscribed section whose track is no longer wanted.
    pub(super) fn is_surplus(&self, wanted: &AllWanted<'_>) -> bool {
        self.carried().is_some_and(|(track, ssrc)| wanted.find(track, ssrc).is_none())
    }

    /// Adapts to what the section of a new offer says, if it is still there. False if the section is free now.
    pub(super) fn refresh(
        &mut self,
        section: Option<&Section>,
        wanted: &AllWanted<'_>,
        answered: &mut Answered,
    ) -> bool {
        let unwanted = self.is_surplus(wanted);
        let sending = section.filter(|section| section.direction.sends());
        let receiving = section.filter(|section| section.direction == Direction::Receive);
        match self {
            Use::Published { publication, .. } => {
                let now = sending.and_then(|section| {
                    let agreed = policy::agree_all(section, Some(publication.codec()));
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
                    let agreed = section.offer(*codec)?;
                    Some(policy::binding(&binding.track, &section.mid, agreed))
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
