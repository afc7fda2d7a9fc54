use std::time::Instant;

use beckon_sfu_api::Codec;

use super::*;
use crate::track::Track;
use crate::track::stage::{Encoder, FRAME, KEYFRAME, Part, ms, receive, track};

struct Stage {
    track: Track,
    encoders: [Encoder; 3],
    selector: Selector,
    now: Instant,
}

impl Stage {
    /// All layers live.
    fn new(target: u8) -> Self {
        let mut stage = Stage {
            track: track(Codec::Vp8, 3),
            encoders: [0, 1, 2].map(Encoder::new),
            selector: Selector::default(),
            now: Instant::now(),
        };
        for layer in 0..3 {
            stage.sends(layer, FRAME);
        }
        stage.selector.set_target(Some(target));
        stage
    }

    fn sends(&mut self, layer: u8, part: Part) -> Verdict {
        self.now += ms(11);
        let packet = self.encoders[usize::from(layer)].packet(part);
        let received = receive(&mut self.track, self.now, &packet).unwrap();
        self.selector.select(self.now, self.track.layers(), &received)
    }

    fn awaits(&self) -> Option<u8> {
        self.selector.awaits(self.now, self.track.layers())
    }
}

#[test]
fn it_starts_with_a_keyframe_of_its_layer() {
    let mut stage = Stage::new(1);
    assert_eq!(stage.awaits(), Some(1));
    assert_eq!(stage.sends(1, FRAME), Verdict::Drop);
    assert_eq!(stage.sends(0, KEYFRAME), Verdict::Drop);
    assert_eq!(stage.sends(1, KEYFRAME), Verdict::Switch);
    assert_eq!(stage.sends(1, FRAME), Verdict::Forward);
    assert_eq!(stage.sends(0, FRAME), Verdict::Drop);
    assert_eq!(stage.awaits(), None);
}

#[test]
fn the_old_layer_goes_on_until_the_keyframe_comes() {
    let mut stage = Stage::new(0);
    stage.sends(0, KEYFRAME);
    stage.selector.set_target(Some(2));
    assert_eq!(stage.awaits(), Some(2));
    assert_eq!(stage.sends(2, FRAME), Verdict::Drop);
    assert_eq!(stage.sends(0, FRAME), Verdict::Forward);
    let start = Part { keyframe: true, first: true, last: false };
    assert_eq!(stage.sends(2, start), Verdict::Switch);
    assert_eq!(stage.sends(0, FRAME), Verdict::Late);
    assert_eq!(stage.sends(2, Part { first: false, last: true, ..start }), Verdict::Forward);
}

#[test]
fn a_paused_subscription_gets_nothing_and_wants_nothing() {
    let mut stage = Stage::new(0);
    stage.sends(0, KEYFRAME);
    stage.selector.set_target(None);
    assert_eq!(stage.sends(0, FRAME), Verdict::Drop);
    assert_eq!(stage.sends(0, KEYFRAME), Verdict::Drop);
    assert_eq!(stage.awaits(), None);
    stage.selector.set_target(Some(0));
    assert_eq!(stage.sends(0, FRAME), Verdict::Drop);
    assert_eq!(stage.sends(0, KEYFRAME), Verdict::Switch);
}

#[test]
fn it_falls_to_a_layer_that_lives() {
    let mut stage = Stage::new(2);
    assert_eq!(stage.sends(2, KEYFRAME), Verdict::Switch);
    // Seven hundred milliseconds without the highest.
    for _ in 0..70 {
        stage.sends(0, FRAME);
        stage.sends(1, FRAME);
    }
    assert_eq!(stage.awaits(), Some(1));
    assert_eq!(stage.sends(1, KEYFRAME), Verdict::Switch);
    // It comes back.
    assert_eq!(stage.sends(2, FRAME), Verdict::Late);
    assert_eq!(stage.awaits(), Some(2));
    assert_eq!(stage.sends(2, KEYFRAME), Verdict::Switch);
}

#[test]
fn after_a_new_beginning_it_waits_for_a_keyframe() {
    let mut stage = Stage::new(0);
    stage.sends(0, KEYFRAME);
    stage.encoders[0].sequence += 5000;
    assert_eq!(stage.sends(0, FRAME), Verdict::Drop);
    assert_eq!(stage.awaits(), Some(0));
    assert_eq!(stage.sends(0, KEYFRAME), Verdict::Switch);
}

#[test]
fn audio_starts_anywhere() {
    let now = Instant::now();
    let mut track = track(Codec::Opus, 1);
    let mut selector = Selector::default();
    selector.set_target(Some(u8::MAX));
    let mut encoder = Encoder::new(0);
    for verdict in [Verdict::Switch, Verdict::Forward] {
        let received = receive(&mut track, now, &encoder.wrap(false, &[1])).unwrap();
        assert_eq!(selector.select(now, track.layers(), &received), verdict);
    }
}
