//! Packets that get lost on the way are repaired.

use beckon_sfu_api::{Connection as Mode, Event, Kind, Quality};

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
        assert!(sink.repaired > 3, "{} repaired", sink.repaired);
    }
}

#[test]
fn layers_change_without_a_seam_on_a_bad_network_too() {
    for seed in 1..=3 {
        let mut stage = Stage::new(seed);
        let alice = stage.join("PA_alice", Mode::Single);
        let bob = stage.join("PA_bob", Mode::Single);
        let camera = stage.publish(alice, Kind::Video, 3);
        stage.run(secs(2));
        let bad = Link { loss: 0.03, jitter: ms(25), ..Link::default() };
        stage.set_links(alice, &bad);
        stage.set_links(bob, &bad);
        for quality in [Quality::Low, Quality::Medium, Quality::Low, Quality::High, Quality::Low] {
            stage.prefer(bob, &camera, quality, true);
            stage.run(secs(2));
        }
        stage.set_links(alice, &Link::default());
        stage.set_links(bob, &Link::default());
        stage.run(secs(1));
        let sink = stage.sink(bob, &camera);
        let (frames, sent) = (sink.frames(), stage.clients[alice].sources[0].frames);
        let last = frames.last().expect("frames").stamp;
        assert!(last.frame + 10 > sent && last.layer == 0, "{last:?} of {sent}");
        assert_eq!(sink.lost(), 0);
    }
}

#[test]
fn a_moment_without_a_network_is_over_within_a_second() {
    for mode in [Mode::Single, Mode::Dual] {
        let mut stage = Stage::new(4);
        let alice = stage.join("PA_alice", mode);
        let bob = stage.join("PA_bob", mode);
        let microphone = stage.publish(alice, Kind::Audio, 1);
        let camera = stage.publish(alice, Kind::Video, 1);
        stage.run(secs(2));
        for client in [alice, bob] {
            stage.clients[client].set_cut(true);
            stage.run(secs(2));
            stage.clients[client].set_cut(false);
            stage.run(ms(1200));
            stage.assert_resumed(bob, &camera);
            stage.assert_resumed(bob, &microphone);
        }
    }
}

#[test]
fn a_very_bad_network_lets_everybody_in_at_last() {
    for seed in 1..=6 {
        let mut stage = Stage::new(seed);
        let mode = if seed % 2 == 0 { Mode::Single } else { Mode::Dual };
        let alice = stage.join("PA_alice", mode);
        let bob = stage.join("PA_bob", mode);
        for client in [alice, bob] {
            stage.set_links(client, &Link { loss: 0.25, jitter: ms(40), ..Link::default() });
        }
        let microphone = stage.publish(alice, Kind::Audio, 1);
        stage.run(secs(15));
        let connected = |event: &Event| matches!(event, Event::Connected { .. });
        assert_eq!(stage.told(connected), 2);
        assert_eq!(stage.told(|event| matches!(event, Event::Lost { .. })), 0);
        assert!(stage.sink(bob, &microphone).packets.len() > 100);
    }
}
