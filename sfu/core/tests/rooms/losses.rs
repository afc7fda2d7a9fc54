//! Packets that get lost on the way are repaired.

use std::time::Duration;

use beckon_sfu_api::{ConnectionMode, Event, Kind, Quality, TrackId};
use beckon_sfu_core::role::Role;

use crate::stage::network::Link;
use crate::stage::{Stage, ms, secs};

#[test]
fn on_a_good_network_everything_arrives() {
    for modes in [
        [ConnectionMode::Single, ConnectionMode::Dual],
        [ConnectionMode::Dual, ConnectionMode::Single],
    ] {
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
        let alice = stage.join("PA_alice", ConnectionMode::Single);
        let bob = stage.join("PA_bob", ConnectionMode::Dual);
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
        let alice = stage.join("PA_alice", ConnectionMode::Single);
        let bob = stage.join("PA_bob", ConnectionMode::Single);
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
    for mode in [ConnectionMode::Single, ConnectionMode::Dual] {
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

/// Two join, one with a microphone, over a network that loses a quarter of all datagrams.
fn meet_on_a_very_bad_network(seed: u64, role: Role) -> (Stage, TrackId) {
    let mut stage = Stage::new(seed);
    stage.next_role = role;
    let mode = if seed.is_multiple_of(2) { ConnectionMode::Single } else { ConnectionMode::Dual };
    let [alice, bob] = ["PA_alice", "PA_bob"].map(|id| stage.join(id, mode));
    for client in [alice, bob] {
        stage.set_links(client, &Link { loss: 0.25, jitter: ms(40), ..Link::default() });
    }
    let microphone = stage.publish(alice, Kind::Audio, 1);
    (stage, microphone)
}

fn is_connected(event: &Event) -> bool {
    matches!(event, Event::Connected { .. })
}

#[test]
fn a_very_bad_network_lets_everybody_in_at_last() {
    for seed in 1..=6 {
        let (mut stage, microphone) = meet_on_a_very_bad_network(seed, Role::Client);
        stage.run(secs(8));
        assert_eq!(stage.told(is_connected), 2);
        assert_eq!(stage.told(|event| matches!(event, Event::Lost { .. })), 0);
        assert!(stage.sink(1, &microphone).packets.len() > 100);
    }
}

/// Of a hundred meetings half are complete after a second and a quarter, nine of ten within twice that, and all within
/// five seconds, whichever side begins with DTLS.
#[test]
fn a_very_bad_network_makes_nobody_wait_for_long() {
    for role in [Role::Client, Role::Server] {
        let joined = |seed| {
            let (mut stage, _) = meet_on_a_very_bad_network(seed, role);
            let mut waited = Duration::ZERO;
            while stage.told(is_connected) < 2 && waited < secs(30) {
                stage.run(ms(50));
                waited += ms(50);
            }
            waited
        };
        let mut times: Vec<Duration> = (0..100).map(joined).collect();
        times.sort();
        let [half, most, all] = [49, 89, 99].map(|at| times[at]);
        assert!(half <= ms(1250) && most <= ms(2500) && all <= secs(5), "{role:?}: {times:?}");
    }
}
