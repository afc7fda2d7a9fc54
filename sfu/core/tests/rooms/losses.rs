//! Packets that get lost on the way are repaired.

use beckon_sfu_api::{Connection as Mode, Kind};

use crate::stage::network::Link;
use crate::stage::{Stage, ms, secs};

#[test]
fn on_a_good_network_everything_arrives() {
    for modes in [[Mode::Single, Mode::Dual], [Mode::Dual, Mode::Single]] {
        let mut stage = Stage::new(1);
        let [alice, bob] =
            [("PA_alice", modes[0]), ("PA_bob", modes[1])].map(|(id, mode)| stage.join(id, mode));
        let microphone = stage.publish(alice, Kind::Audio, 1);
        let camera = stage.publish(alice, Kind::Video, 3);
        stage.run(secs(5));
        for track in [&microphone, &camera] {
            let sink = stage.sink(bob, track);
            assert_eq!((sink.lost(), sink.duplicates, sink.repaired), (0, 0, 0));
            assert!(sink.frames().len() > 100, "{} frames", sink.frames().len());
        }
    }
}

#[test]
fn what_is_lost_both_ways_is_repaired() {
    for seed in 1..=3 {
        let mut stage = Stage::new(seed);
        let alice = stage.join("PA_alice", Mode::Single);
        let bob = stage.join("PA_bob", Mode::Dual);
        let lossy = Link { loss: 0.05, jitter: ms(8), ..Link::default() };
        stage.set_links(alice, &lossy);
        stage.set_links(bob, &lossy);
        let camera = stage.publish(alice, Kind::Video, 1);
        stage.run(secs(12));
        let sink = stage.sink(bob, &camera);
        let frames = sink.frames();
        let last = frames.last().expect("frames").stamp.frame;
        assert!(last > 250, "stuck after {last} frames");
        assert!(sink.repaired > 10, "{} repaired", sink.repaired);
    }
}
