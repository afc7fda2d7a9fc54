//! Detects active speakers from the levels in audio packets (RFC 6464), by the rules of LiveKit's servers.

use std::time::{Duration, Instant};

/// How often levels are evaluated; changes are reported.
const INTERVAL: Duration = Duration::from_millis(300);
/// Speech is at least this loud, in -dBov: 0 is the loudest, 127 silence.
const ACTIVE_DBOV: u8 = 35;
/// A participant speaks if it is that loud for this share of an interval.
const ACTIVE_SHARE: f32 = 0.4;
/// Weight of a new level in the smoothed one: it averages over two intervals.
const SMOOTHING: f32 = 2.0 / 3.0;
/// Levels are reported in this many steps, so that small changes are not reported.
const STEPS: f32 = 8.0;
/// A packet stands for the time since the last one, but after a pause for no more than this.
const PACKET_MAX: Duration = Duration::from_millis(60);
/// The first packet stands for this: what Opus has by default.
const PACKET: Duration = Duration::from_millis(20);
/// Voices evaluated at once; further ones are not reported.
const VOICES_MAX: usize = 1024;

/// The level in an audio level extension, whose first bit says whether it is speech.
pub(crate) fn level_dbov(extension: &[u8]) -> Option<u8> {
    Some(extension.first()? & 0x7f)
}

/// The smoothed levels of many voices. Silent ones take no memory and need no timer.
#[derive(Clone, Debug)]
pub(crate) struct Speakers<K> {
    /// By key.
    voices: Vec<Voice<K>>,
    changes: Vec<(K, f32, bool)>,
    /// When the current interval began; `None` while all are silent.
    since: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Voice<K> {
    key: K,
    last: Instant,
    /// In the current interval: how long it was loud enough, and its loudest level.
    active: Duration,
    loudest_dbov: u8,
    /// Linear, 1 for 0 dBov.
    level: f32,
    /// In steps; 0 if it does not speak.
    told: u8,
}

impl<K: Ord + Copy> Default for Speakers<K> {
    fn default() -> Self {
        Speakers::new()
    }
}

impl<K: Ord + Copy> Speakers<K> {
    pub(crate) fn new() -> Self {
        Speakers { voices: Vec::new(), changes: Vec::new(), since: None }
    }

    /// A packet of this voice came.
    pub(crate) fn observe(&mut self, now: Instant, key: K, level_dbov: u8) {
        let loud = level_dbov <= ACTIVE_DBOV;
        let at = match self.voices.binary_search_by_key(&key, |voice| voice.key) {
            Ok(at) => at,
            Err(at) if loud && self.voices.len() < VOICES_MAX => {
                self.voices.insert(at, Voice::new(now, key));
                at
            }
            Err(_) => return,
        };
        let voice = &mut self.voices[at];
        let lasted = now.duration_since(voice.last).min(PACKET_MAX);
        voice.last = now;
        if loud {
            voice.active += lasted;
            voice.loudest_dbov = voice.loudest_dbov.min(level_dbov);
            self.since.get_or_insert(now);
        }
    }

    /// Removes the voice of a participant that left, without a report. One that falls silent needs no removal.
    pub(crate) fn forget(&mut self, key: K) {
        if let Ok(at) = self.voices.binary_search_by_key(&key, |voice| voice.key) {
            self.voices.remove(at);
        }
    }

    /// Returns the changes if an interval has passed, loudest first: each voice with its level, from 0 to 1, and whether
    /// it speaks.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<&[(K, f32, bool)]> {
        let elapsed = now.duration_since(self.since?);
        if elapsed < INTERVAL {
            return None;
        }
        self.changes.clear();
        for voice in &mut self.voices {
            if let Some(steps) = voice.judge(elapsed) {
                self.changes.push((voice.key, f32::from(steps) / STEPS, steps > 0));
            }
        }
        self.voices.retain(|voice| voice.level > 0.0);
        self.since = (!self.voices.is_empty()).then_some(now);
        // The stable sort would allocate; the key makes ties stable as well.
        self.changes.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        (!self.changes.is_empty()).then_some(&self.changes)
    }
}

impl<K> Voice<K> {
    fn new(now: Instant, key: K) -> Self {
        let last = now.checked_sub(PACKET).unwrap_or(now);
        Voice { key, last, active: Duration::ZERO, loudest_dbov: 127, level: 0.0, told: 0 }
    }

    /// Ends an interval; the new level in steps, if it differs.
    fn judge(&mut self, elapsed: Duration) -> Option<u8> {
        let share = self.active.as_secs_f32() / elapsed.as_secs_f32();
        // Speaking half of the time counts as half as loud: 6 dB less.
        let level =
            if share >= ACTIVE_SHARE { linear(self.loudest_dbov) * share.min(1.0) } else { 0.0 };
        self.level += (level - self.level) * SMOOTHING;
        (self.active, self.loudest_dbov) = (Duration::ZERO, 127);
        let speaks = self.level >= linear(ACTIVE_DBOV);
        if !speaks && share == 0.0 {
            self.level = 0.0;
        }
        let steps = if speaks { (self.level * STEPS).ceil() as u8 } else { 0 };
        let changed = steps != self.told;
        self.told = steps;
        changed.then_some(steps)
    }
}

fn linear(dbov: u8) -> f32 {
    10f32.powf(-f32::from(dbov) / 20.0)
}

#[cfg(test)]
mod tests;
