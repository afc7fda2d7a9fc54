//! What one participant of the load does.

use std::time::Duration;

use beckon_load::headless::description::Section;
use beckon_sfu_api::Kind;

use super::streams::Stream;

/// A publisher's SSRCs begin here; each of its streams has two, its own and the one of repairs.
const SSRC_BASE: u32 = 1000;
const SSRCS_EACH: u32 = 4;

#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) publishes: Option<Publisher>,
    /// How many publishers it hears.
    pub(super) hears: u16,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Publisher {
    pub(super) number: u16,
    /// When its first frame goes out, from the moment it can.
    pub(super) offset: Duration,
}

impl Part {
    /// The media sections it offers.
    pub(super) fn sections(&self) -> Vec<Section> {
        let heard = [Kind::Audio, Kind::Video].map(Section::Receives);
        let heard = std::iter::repeat_n(heard, self.hears.into()).flatten();
        let sent = self.publishes.iter().flat_map(|publisher| {
            publisher.tracks().map(|(kind, _, ssrc)| Section::Sends {
                kind,
                cid: format!("{}-{kind:?}", publisher.number).to_lowercase(),
                ssrc,
                layers: 1,
            })
        });
        heard.chain(sent).collect()
    }

    pub(super) fn streams(&self) -> Vec<Stream> {
        let tracks = self.publishes.iter().flat_map(|publisher| publisher.tracks());
        tracks.map(|(kind, track, ssrc)| Stream::new(kind, track, ssrc)).collect()
    }

    pub(super) fn offset(&self) -> Duration {
        self.publishes.map(|publisher| publisher.offset).unwrap_or_default()
    }
}

impl Publisher {
    /// Kind, number in the load and SSRC of its tracks.
    fn tracks(&self) -> [(Kind, u16, u32); 2] {
        let (track, ssrc) = (self.number * 2, SSRC_BASE + SSRCS_EACH * u32::from(self.number));
        [(Kind::Audio, track, ssrc), (Kind::Video, track + 1, ssrc + 2)]
    }
}
