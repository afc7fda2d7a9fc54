use super::*;

const MS: Duration = Duration::from_millis(1);

/// People in a room whose packets come every 20 ms.
struct Room {
    now: Instant,
    speakers: Speakers<u32>,
    told: Vec<(u32, f32, bool)>,
}

impl Room {
    fn new() -> Room {
        Room { now: Instant::now(), speakers: Speakers::new(), told: Vec::new() }
    }

    /// Everybody sends at the level given, for so long. Returns what was told meanwhile.
    fn hears(&mut self, ms: u32, voices: &[(u32, u8)]) -> Vec<(u32, f32, bool)> {
        self.told.clear();
        for _ in 0..ms / 20 {
            for (key, dbov) in voices {
                self.speakers.observe(self.now, *key, *dbov);
            }
            self.now += 20 * MS;
            let changes = self.speakers.poll(self.now).unwrap_or_default();
            self.told.extend_from_slice(changes);
        }
        self.told.clone()
    }
}

fn active(told: &[(u32, f32, bool)]) -> Vec<(u32, bool)> {
    told.iter().map(|(key, _, active)| (*key, *active)).collect()
}

/// When the interval ends that is being measured.
fn due<K>(speakers: &Speakers<K>) -> Option<Instant> {
    Some(speakers.since? + INTERVAL)
}

#[test]
fn a_speaker_is_told_within_an_interval_and_once() {
    let mut room = Room::new();
    let told = room.hears(320, &[(1, 0), (2, 80)]);
    assert_eq!(active(&told), [(1, true)]);
    room.hears(900, &[(1, 0), (2, 80)]);
    assert_eq!(room.hears(3000, &[(1, 0), (2, 80)]), [], "nothing changes");
}

#[test]
fn levels_approach_how_loud_it_is() {
    let mut room = Room::new();
    let told = room.hears(2000, &[(1, 0)]);
    let levels: Vec<f32> = told.iter().map(|(_, level, _)| *level).collect();
    assert!(levels.is_sorted(), "{levels:?}");
    assert_eq!(levels.last(), Some(&1.0));
    let mut quiet = Room::new();
    let told = quiet.hears(2000, &[(1, 30)]);
    assert_eq!(told, [(1, 0.125, true)], "speech, if quiet");
}

#[test]
fn one_who_stops_is_told_as_such_and_then_nobody_is_woken() {
    let mut room = Room::new();
    room.hears(1000, &[(1, 20)]);
    assert!(due(&room.speakers).is_some());
    let told = room.hears(3000, &[(1, 127)]);
    assert_eq!(told.last(), Some(&(1, 0.0, false)));
    assert_eq!(due(&room.speakers), None);
    assert!(room.speakers.voices.is_empty());
}

#[test]
fn one_whose_packets_end_stops_too() {
    let mut room = Room::new();
    room.hears(1000, &[(1, 20)]);
    assert_eq!(room.hears(3000, &[]).last(), Some(&(1, 0.0, false)));
    assert_eq!(due(&room.speakers), None);
}

#[test]
fn the_loudest_comes_first() {
    let mut room = Room::new();
    let told = room.hears(320, &[(1, 25), (2, 5), (3, 14)]);
    assert_eq!(active(&told), [(2, true), (3, true), (1, true)]);
}

#[test]
fn noise_and_clicks_are_no_speech() {
    let mut room = Room::new();
    assert_eq!(room.hears(3000, &[(1, 36)]), [], "steady, but quiet");
    for _ in 0..10 {
        assert_eq!(room.hears(60, &[(1, 10)]), []);
        assert_eq!(room.hears(300, &[(1, 90)]), [], "loud, but short");
    }
}

#[test]
fn a_packet_after_a_pause_does_not_stand_for_the_pause() {
    let mut room = Room::new();
    for _ in 0..10 {
        // Discontinuous transmission: one packet in 400 ms.
        assert_eq!(room.hears(20, &[(1, 10)]), []);
        assert_eq!(room.hears(380, &[]), []);
    }
}

#[test]
fn nothing_is_told_before_its_time() {
    let mut room = Room::new();
    assert_eq!(due(&room.speakers), None);
    room.speakers.observe(room.now, 1, 0);
    let due = due(&room.speakers).unwrap();
    assert_eq!(due, room.now + INTERVAL);
    assert_eq!(room.speakers.poll(due - MS), None);
}

#[test]
fn the_forgotten_are_not_told() {
    let mut room = Room::new();
    room.hears(1000, &[(1, 10), (2, 10)]);
    room.speakers.forget(1);
    room.speakers.forget(3);
    assert_eq!(active(&room.hears(2000, &[(2, 127)])), [(2, true), (2, false)]);
}

#[test]
fn voices_are_bounded() {
    let mut room = Room::new();
    for key in 0..2 * VOICES_MAX as u32 {
        room.speakers.observe(room.now, key, 0);
    }
    assert_eq!(room.speakers.voices.len(), VOICES_MAX);
}

#[test]
fn the_level_is_read_without_the_voice_bit() {
    assert_eq!(level_dbov(&[0x80 | 35]), Some(35));
    assert_eq!(level_dbov(&[127]), Some(127));
    assert_eq!(level_dbov(&[]), None);
}
