//! Whoever watches a camera does not see its layers change, nor whether it was off for a while.

use beckon_sfu_api::{Command, ConnectionMode, Kind, Quality, TrackId};

use crate::stage::sink::Frame;
use crate::stage::{Stage, ms, secs};

/// Alice shows herself in three layers, Bob watches.
fn watched(modes: [ConnectionMode; 2]) -> (Stage, usize, usize, TrackId) {
    let mut stage = Stage::new(7);
    let alice = stage.join("PA_alice", modes[0]);
    let bob = stage.join("PA_bob", modes[1]);
    let camera = stage.publish(alice, Kind::Video, 3);
    stage.run(secs(3));
    (stage, alice, bob, camera)
}

/// The layers that were seen, one after another.
fn layers(frames: &[Frame]) -> Vec<u8> {
    let mut layers: Vec<u8> = frames.iter().map(|frame| frame.stamp.layer).collect();
    layers.dedup();
    layers
}

fn watched_until(stage: &Stage, client: usize, track: &TrackId) -> u64 {
    stage.sink(client, track).frames().last().expect("frames").stamp.frame
}

#[test]
fn a_layer_switch_has_no_seam() {
    for modes in [
        [ConnectionMode::Single, ConnectionMode::Single],
        [ConnectionMode::Dual, ConnectionMode::Dual],
    ] {
        let (mut stage, alice, bob, camera) = watched(modes);
        for quality in [Quality::Low, Quality::Medium, Quality::Low, Quality::High] {
            stage.prefer(bob, &camera, quality, true);
            stage.run(secs(2));
        }
        let sink = stage.sink(bob, &camera);
        let frames = sink.frames();
        let seen = layers(&frames);
        assert!(seen.ends_with(&[2, 0, 1, 0, 2]), "{seen:?}");
        assert_eq!((sink.lost(), sink.duplicates), (0, 0));
        let sent = stage.clients[alice].sources[0].frames;
        assert!(frames.len() as u64 + 20 > sent, "{} of {sent} frames", frames.len());
        // One for each beginning and switch, and none in vain.
        let asked = stage.clients[alice].sources[0].keyframes_asked;
        assert!((4..=7).contains(&asked), "{asked} keyframes");
    }
}

#[test]
fn a_muted_camera_comes_back_as_if_nothing_had_been() {
    let (mut stage, alice, bob, camera) = watched([ConnectionMode::Single, ConnectionMode::Dual]);
    for client_stops in [false, true] {
        let before = watched_until(&stage, bob, &camera);
        stage.tell(Command::Mute { track: camera.clone(), muted: true });
        stage.clients[alice].sources[0].silent = client_stops;
        stage.run(secs(4));
        let muted = watched_until(&stage, bob, &camera);
        assert!(muted < before + 10, "{before} to {muted} while muted");
        stage.tell(Command::Mute { track: camera.clone(), muted: false });
        stage.clients[alice].sources[0].silent = false;
        stage.run(secs(2));
        let after = watched_until(&stage, bob, &camera);
        let sent = stage.clients[alice].sources[0].frames;
        assert!(after + 10 > sent, "{after} of {sent} frames");
    }
    assert_eq!(stage.sink(bob, &camera).lost(), 0);
}

#[test]
fn a_muted_microphone_comes_back_as_if_nothing_had_been() {
    let mut stage = Stage::new(7);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    let bob = stage.join("PA_bob", ConnectionMode::Dual);
    let microphone = stage.publish(alice, Kind::Audio, 1);
    stage.run(secs(2));
    let heard = stage.sink(bob, &microphone).packets.len();
    stage.tell(Command::Mute { track: microphone.clone(), muted: true });
    stage.run(secs(2));
    let muted = stage.sink(bob, &microphone).packets.len();
    assert!(heard > 50 && muted < heard + 5, "{heard} to {muted} while muted");
    stage.tell(Command::Mute { track: microphone.clone(), muted: false });
    stage.run(secs(2));
    let sink = stage.sink(bob, &microphone);
    assert!(sink.frames().len() > muted + 90);
    assert_eq!(sink.lost(), 0);
}

#[test]
fn what_a_viewer_hides_is_not_sent_until_it_is_shown_again() {
    let (mut stage, _, bob, camera) = watched([ConnectionMode::Single, ConnectionMode::Single]);
    stage.prefer(bob, &camera, Quality::High, false);
    stage.run(ms(500));
    let hidden = watched_until(&stage, bob, &camera);
    stage.run(secs(3));
    assert_eq!(watched_until(&stage, bob, &camera), hidden);
    stage.prefer(bob, &camera, Quality::High, true);
    stage.run(secs(1));
    assert!(watched_until(&stage, bob, &camera) > hidden + 80);
}

#[test]
fn a_publisher_may_stop_its_larger_layers() {
    let (mut stage, alice, bob, camera) = watched([ConnectionMode::Single, ConnectionMode::Dual]);
    for top in [1, 0, 1, 2] {
        for (at, layer) in (0..).zip(&mut stage.clients[alice].sources[0].layers) {
            layer.active = at <= top;
        }
        stage.run(secs(4));
        let frames = stage.sink(bob, &camera).frames();
        assert_eq!(layers(&frames).last(), Some(&top));
        let (last, sent) = (frames.last().unwrap().stamp, stage.clients[alice].sources[0].frames);
        assert!(last.frame + 10 > sent, "{} of {sent} frames", last.frame);
    }
}

#[test]
fn a_camera_may_come_muted() {
    for mode in [ConnectionMode::Single, ConnectionMode::Dual] {
        let mut stage = Stage::new(7);
        let alice = stage.join("PA_alice", mode);
        let bob = stage.join("PA_bob", mode);
        stage.next_muted = true;
        let camera = stage.publish(alice, Kind::Video, 3);
        stage.run(secs(2));
        assert!(stage.sink(bob, &camera).packets.is_empty());
        stage.tell(Command::Mute { track: camera.clone(), muted: false });
        stage.run(secs(2));
        assert_eq!(stage.sink(bob, &camera).lost(), 0);
        stage.assert_resumed(bob, &camera);
    }
}
