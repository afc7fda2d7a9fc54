//! When to request a keyframe of a layer's publisher: requests are coalesced and throttled.

use std::time::{Duration, Instant};

/// A keyframe costs as much as a second of video. Encoders answer well within this.
const INTERVAL: Duration = Duration::from_millis(300);

/// The pending keyframe request of one layer.
#[derive(Debug, Default)]
pub(crate) struct Keyframes {
    wanted: bool,
    asked: Option<Instant>,
}

impl Keyframes {
    /// Notes that a subscriber needs one.
    pub(crate) fn request(&mut self) {
        self.wanted = true;
    }

    /// Notes that one arrived, which serves all subscribers.
    pub(crate) fn arrived(&mut self) {
        self.wanted = false;
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Returns whether to send a request now, and counts it as sent. Requests are repeated until a keyframe arrives.
    pub(crate) fn ask(&mut self, now: Instant) -> bool {
        let recent = self.asked.is_some_and(|asked| now.duration_since(asked) < INTERVAL);
        let ask = self.wanted && !recent;
        if ask {
            self.asked = Some(now);
        }
        ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_storm_of_wishes_is_one_request() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        let mut asked = 0;
        for at in 0..300 {
            keyframes.request();
            asked += u32::from(keyframes.ask(start + ms(at)));
        }
        assert_eq!(asked, 1);
    }

    #[test]
    fn it_asks_until_one_comes() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        assert!(!keyframes.ask(start));
        keyframes.request();
        assert!(keyframes.ask(start));
        assert!(!keyframes.ask(start + ms(299)));
        assert!(keyframes.ask(start + ms(300)));
        keyframes.arrived();
        assert!(!keyframes.ask(start + ms(900)));
    }

    #[test]
    fn a_wish_soon_after_a_keyframe_waits_its_turn() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        keyframes.request();
        assert!(keyframes.ask(start));
        keyframes.arrived();
        keyframes.request();
        assert!(!keyframes.ask(start + ms(100)));
        assert!(keyframes.ask(start + ms(300)));
    }
}
