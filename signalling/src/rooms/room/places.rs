//! How many tracks of each kind somebody receives at most.

use beckon_sfu_api::Kind;

#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub audio: usize,
    pub video: usize,
}

impl Places {
    pub(super) fn of(self, kind: Kind) -> usize {
        match kind {
            Kind::Audio => self.audio,
            Kind::Video => self.video,
        }
    }

    pub(super) fn limit(&mut self, kind: Kind, max: usize) {
        let places = match kind {
            Kind::Audio => &mut self.audio,
            Kind::Video => &mut self.video,
        };
        *places = max.min(*places);
    }
}
