//! The answer to each section of an offer: decided on the media thread, and written by its first reader.

use std::sync::Arc;

use beckon_sfu_api::{Codec, Sdp};

use super::policy::{self, Sound};
use super::sdp::{Direction, Section, Session};
use super::write::{Rtp, SessionHeader, Writer};
use super::{Local, Wanted};

/// The answer to one media section of an offer.
pub(super) enum Reply {
    Rejected,
    Data,
    /// Carries nothing.
    Idle,
    Published {
        codec: Codec,
        sound: Sound,
    },
    Subscribed {
        codec: Codec,
        wanted: Option<Wanted>,
    },
}

/// The answer to an offer: a reply for each of its sections.
pub(super) fn write(
    offer: &Arc<Session>,
    replies: Vec<Reply>,
    opening: SessionHeader,
    local: &Local<'_>,
) -> Sdp {
    let (offer, ours) = (offer.clone(), local.keep());
    Sdp::new(move || {
        let local = ours.local();
        let answered = || offer.sections.iter().zip(&replies);
        let kept = answered().filter(|(_, reply)| !matches!(reply, Reply::Rejected));
        let bundled = kept.map(|(section, _)| section.told_mid()).filter(|mid| !mid.is_empty());
        let mut writer = Writer::new(opening, &local, bundled);
        answered().for_each(|(section, reply)| reply.write(section, &mut writer));
        writer.finish()
    })
}

impl Reply {
    fn write(&self, section: &Section, writer: &mut Writer<'_>) {
        let (direction, agreed, sends) = match self {
            Reply::Rejected => return writer.rejected(section),
            Reply::Data => return writer.data(section.told_mid(), section.protocol()),
            Reply::Idle => (Direction::Inactive, policy::agree_idle(section), None),
            Reply::Published { codec, sound } => {
                (Direction::Receive, policy::agree_track(section, Some(*codec), *sound), None)
            }
            Reply::Subscribed { codec, wanted } => {
                let stereo = wanted.as_ref().is_some_and(|wanted| wanted.stereo);
                let agreed = policy::agree_wanted(section, *codec, stereo);
                (Direction::Send, agreed, wanted.as_ref())
            }
        };
        let receives = direction == Direction::Receive;
        writer.rtp(&Rtp {
            mid: section.told_mid(),
            protocol: section.protocol(),
            direction,
            agreed: &agreed,
            sends,
            layers: if receives { policy::layers(section) } else { &[] },
            simulcast: section.simulcast,
        });
    }
}
