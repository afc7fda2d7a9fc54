use std::collections::VecDeque;

use beckon_sfu_api::{Kind, Source};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::downlink::allocator::{Demand, Grant, allocate};
use crate::downlink::{Admission, Pacer};
use crate::keys::TrackKey;
use crate::rtcp::{Packet, packets};
use crate::twcc::Recorder;

const AUDIO_BYTES: usize = 120;
const VIDEO_BYTES: usize = 1100;
const LAYERS: [u64; 3] = [150_000, 500_000, 1_500_000];

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A link with a queue that is cut at 300 ms.
struct Link {
    bps: u64,
    delay: Duration,
    loss: f64,
    jitter: Duration,
    free: Instant,
    /// Arrival, number, whether it is audio.
    under_way: VecDeque<(Instant, u16, bool)>,
    random: StdRng,
}

impl Link {
    fn carry(&mut self, now: Instant, number: u16, bytes: usize, audio: bool) -> bool {
        let start = self.free.max(now);
        if start - now > ms(300) || self.random.random_bool(self.loss) {
            return false;
        }
        self.free = start + Duration::from_nanos(bytes as u64 * 8_000_000_000 / self.bps);
        let jitter = self.jitter.mul_f64(self.random.random());
        self.under_way.push_back((self.free + self.delay + jitter, number, audio));
        true
    }
}

/// A room with one camera in three layers and a voice, sent to one participant over a link.
struct Stage {
    now: Instant,
    link: Link,
    estimator: Estimator,
    pacer: Pacer,
    recorder: Recorder,
    number: u16,
    layer: Option<u8>,
    owed: f64,
    held: VecDeque<usize>,
    audio: (u32, u32),
    video_bytes: usize,
    /// Milliseconds played, and those with a long queue on the link.
    queued: (u64, u64),
}

impl Stage {
    fn new(bps: u64, seed: u64) -> Self {
        let now = Instant::now();
        let link = Link {
            bps,
            delay: ms(20),
            loss: 0.0,
            jitter: ms(2),
            free: now,
            under_way: VecDeque::new(),
            random: StdRng::seed_from_u64(seed),
        };
        Stage {
            now,
            link,
            estimator: Estimator::new(now),
            pacer: Pacer::new(),
            recorder: Recorder::new(),
            number: 65_000,
            layer: Some(2),
            owed: 0.0,
            held: VecDeque::new(),
            audio: (0, 0),
            video_bytes: 0,
            queued: (0, 0),
        }
    }

    fn play(&mut self, seconds: u64) {
        self.audio = (0, 0);
        self.video_bytes = 0;
        self.queued = (0, 0);
        for at in 0..seconds * 1000 {
            self.now += ms(1);
            if at % 20 == 0 {
                self.audio.0 += 1;
                self.send(AUDIO_BYTES, true);
            }
            if at % 33 == 0 {
                self.frame();
            }
            self.release();
            self.receive();
            if at % 100 == 0 {
                self.feed_back();
                self.share();
            }
            let queue = self.link.free.saturating_duration_since(self.now);
            self.queued = (self.queued.0 + 1, self.queued.1 + u64::from(queue > ms(100)));
        }
    }

    fn frame(&mut self) {
        let Some(layer) = self.layer else { return };
        self.owed += LAYERS[usize::from(layer)] as f64 / 8.0 * 0.033;
        while self.owed >= VIDEO_BYTES as f64 {
            self.owed -= VIDEO_BYTES as f64;
            match self.pacer.admit(self.now, VIDEO_BYTES, Kind::Video) {
                Admission::Now => self.send(VIDEO_BYTES, false),
                Admission::Hold => {
                    self.pacer.hold(TrackKey::default(), 0, VIDEO_BYTES);
                    self.held.push_back(VIDEO_BYTES);
                }
            }
        }
    }

    fn release(&mut self) {
        while self.pacer.release(self.now).is_some() {
            let bytes = self.held.pop_front().unwrap();
            self.send(bytes, false);
        }
    }

    fn send(&mut self, bytes: usize, audio: bool) {
        self.number = self.number.wrapping_add(1);
        self.estimator.on_sent(self.now, Some(self.number), bytes);
        self.link.carry(self.now, self.number, bytes, audio);
    }

    fn receive(&mut self) {
        while let Some((at, number, audio)) = self.link.under_way.front().copied()
            && at <= self.now
        {
            self.link.under_way.pop_front();
            self.recorder.record(at, number);
            self.audio.1 += u32::from(audio);
            self.video_bytes += if audio { 0 } else { VIDEO_BYTES };
        }
    }

    fn feed_back(&mut self) {
        let mut out = Vec::new();
        while self.recorder.write_feedback(&mut out, 1, 2) {}
        for packet in packets(&out) {
            let Packet::TransportFeedback(feedback) = packet else { panic!("{packet:?}") };
            self.estimator.on_feedback(self.now, &feedback);
        }
        self.pacer.set_rate(self.estimator.estimate_bps());
    }

    fn share(&mut self) {
        let voice = Demand {
            kind: Kind::Audio,
            source: Source::Microphone,
            layers: [48_000, 0, 0],
            lives: [true, false, false],
            max_layer: 0,
            current: Some(0),
        };
        let camera = Demand {
            kind: Kind::Video,
            source: Source::Camera,
            layers: LAYERS,
            lives: [true; 3],
            max_layer: 2,
            current: self.layer,
        };
        let mut grants = Vec::new();
        allocate(self.estimator.estimate_bps(), &[voice, camera], &mut grants);
        self.layer = match grants[1] {
            Grant::Layer(layer) => Some(layer),
            Grant::Paused => None,
        };
    }

    fn audio_lost_percent(&self) -> u32 {
        100 - (self.audio.1 * 100 / self.audio.0).min(100)
    }

    /// How much of the time the link held a long queue.
    fn queued_percent(&self) -> u64 {
        self.queued.1 * 100 / self.queued.0
    }

    fn video_bps(&self, seconds: u64) -> u64 {
        self.video_bytes as u64 * 8 / seconds
    }
}

#[test]
fn without_feedback_nothing_is_known() {
    let mut estimator = Estimator::new(Instant::now());
    estimator.on_sent(Instant::now(), Some(1), 1000);
    assert_eq!(estimator.estimate_bps(), u64::MAX);
}

#[test]
fn a_wide_link_carries_the_best_layer_without_a_break() {
    for seed in 0..5 {
        let mut stage = Stage::new(20_000_000, seed);
        stage.play(3);
        for _ in 0..20 {
            stage.play(1);
            assert!(stage.video_bps(1) > 1_400_000, "seed {seed}: {}", stage.video_bps(1));
            assert_eq!(stage.audio_lost_percent(), 0, "seed {seed}");
        }
    }
}

#[test]
fn on_a_thin_link_it_settles_below_the_capacity_and_keeps_the_audio() {
    for seed in 0..5 {
        let mut stage = Stage::new(300_000, seed);
        stage.play(5);
        stage.play(15);
        assert!(stage.audio_lost_percent() <= 1, "seed {seed}: {}", stage.audio_lost_percent());
        assert!(stage.video_bps(15) > 100_000, "seed {seed}: {}", stage.video_bps(15));
        assert!(stage.queued_percent() <= 10, "seed {seed}: {} %", stage.queued_percent());
    }
}

#[test]
fn where_no_video_fits_the_audio_lives() {
    for seed in 0..5 {
        let mut stage = Stage::new(80_000, seed);
        stage.play(5);
        stage.play(20);
        assert!(stage.audio_lost_percent() <= 5, "seed {seed}: {}", stage.audio_lost_percent());
    }
}

#[test]
fn when_the_link_gets_thin_it_follows_within_seconds() {
    for seed in 0..5 {
        let mut stage = Stage::new(10_000_000, seed);
        stage.play(5);
        stage.link.bps = 700_000;
        stage.play(3);
        stage.play(10);
        assert!(stage.audio_lost_percent() <= 1, "seed {seed}: {}", stage.audio_lost_percent());
        assert!(stage.video_bps(10) > 300_000, "seed {seed}: {}", stage.video_bps(10));
    }
}

#[test]
fn when_the_link_gets_wide_again_so_does_the_video() {
    for seed in 0..5 {
        let mut stage = Stage::new(700_000, seed);
        stage.play(10);
        stage.link.bps = 10_000_000;
        stage.play(60);
        stage.play(5);
        assert!(stage.video_bps(5) > 1_400_000, "seed {seed}: {}", stage.video_bps(5));
    }
}

#[test]
fn a_little_loss_on_the_air_does_not_stop_video() {
    for seed in 0..5 {
        let mut stage = Stage::new(10_000_000, seed);
        stage.link.loss = 0.01;
        stage.play(20);
        assert!(stage.video_bps(20) > 1_300_000, "seed {seed}: {}", stage.video_bps(20));
    }
}

#[test]
fn jitter_does_not_stop_video() {
    for seed in 0..5 {
        let mut stage = Stage::new(10_000_000, seed);
        stage.link.jitter = ms(25);
        stage.play(20);
        assert!(stage.video_bps(20) > 1_300_000, "seed {seed}: {}", stage.video_bps(20));
    }
}

#[test]
fn after_a_receiver_that_stumbled_video_is_back_within_seconds() {
    for seed in 0..5 {
        let mut stage = Stage::new(10_000_000, seed);
        stage.play(5);
        for _ in 0..10 {
            stage.link.free = stage.now + ms(290);
            stage.play(1);
        }
        stage.play(7);
        stage.play(1);
        assert!(stage.video_bps(1) > 140_000, "seed {seed}: {}", stage.video_bps(1));
        stage.play(10);
        stage.play(1);
        assert!(stage.video_bps(1) > 1_400_000, "seed {seed}: {}", stage.video_bps(1));
    }
}

#[test]
fn the_receivers_own_estimate_is_a_limit_while_it_is_fresh() {
    let now = Instant::now();
    let mut estimator = Estimator::new(now);
    estimator.on_remb(now, 400_000);
    assert_eq!(estimator.estimate_bps(), 400_000);
    estimator.on_remb(now, 1);
    assert_eq!(estimator.estimate_bps(), 30_000, "never too little for speech");
    estimator.handle_timeout(now + ms(10_001));
    assert_eq!(estimator.estimate_bps(), u64::MAX);
}

#[test]
fn reports_of_loss_serve_where_there_is_no_feedback() {
    let start = Instant::now();
    let mut estimator = Estimator::new(start);
    let send = |estimator: &mut Estimator, second: u64| {
        for at in 0..100 {
            estimator.on_sent(start + ms(second * 1000 + at * 10), None, 2500);
        }
        start + ms(second * 1000 + 1000)
    };
    let now = send(&mut estimator, 0);
    estimator.on_report(now, 5);
    assert_eq!(estimator.estimate_bps(), u64::MAX, "2 %");
    let now = send(&mut estimator, 1);
    estimator.on_report(now, 128);
    let halved = estimator.estimate_bps();
    assert!((800_000..=1_200_000).contains(&halved), "half of 2 Mbit/s was lost: {halved}");
    for second in 2..12 {
        let now = send(&mut estimator, second);
        estimator.on_report(now, 0);
    }
    assert!(estimator.estimate_bps() > halved * 110 / 100);
}
