//! A thin link takes the picture first and never the voice.

use beckon_sfu_api::{ConnectionMode, Event, Kind, Quality, TrackId};

use crate::stage::{Stage, ms, secs};

/// Alice speaks and shows herself in three layers; Bob listens and watches.
fn call(mode: ConnectionMode, layers: u8) -> (Stage, usize, usize, [TrackId; 2]) {
    let mut stage = Stage::new(23);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    let bob = stage.join("PA_bob", mode);
    let microphone = stage.publish(alice, Kind::Audio, 1);
    let camera = stage.publish(alice, Kind::Video, layers);
    stage.run(secs(5));
    (stage, alice, bob, [microphone, camera])
}

fn set_downlink(stage: &mut Stage, client: usize, bits_per_second: Option<u64>) {
    stage.clients[client].down().down.bits_per_second = bits_per_second;
}

/// Packets of a voice that got lost since there were `before`, of how many.
fn lost_since(stage: &Stage, client: usize, track: &TrackId, before: (u64, usize)) -> (u64, usize) {
    let sink = stage.sink(client, track);
    (sink.lost().saturating_sub(before.0), sink.packets.len() - before.1)
}

fn balance(stage: &Stage, client: usize, track: &TrackId) -> (u64, usize) {
    lost_since(stage, client, track, (0, 0))
}

fn newest_layer(stage: &Stage, client: usize, track: &TrackId) -> u8 {
    stage.sink(client, track).newest_frames().last().expect("frames").stamp.layer
}

fn pauses(stage: &Stage) -> Vec<bool> {
    let paused = stage.events.iter().filter_map(|(_, event)| match event {
        Event::Paused { paused, .. } => Some(*paused),
        _ => None,
    });
    paused.collect()
}

#[test]
fn a_voice_goes_on_while_the_picture_gives_way_and_comes_back() {
    for mode in [ConnectionMode::Single, ConnectionMode::Dual] {
        let (mut stage, _, bob, [microphone, camera]) = call(mode, 3);
        assert_eq!(newest_layer(&stage, bob, &camera), 2);
        let before = balance(&stage, bob, &microphone);
        let played = stage.sink(bob, &camera).played().len();
        // All of a sudden, so that at first both queue up before it.
        set_downlink(&mut stage, bob, Some(300_000));
        stage.run(secs(3));
        let (lost, _) = lost_since(&stage, bob, &microphone, before);
        assert!(lost <= 15, "{lost} lost in three seconds");
        let before = balance(&stage, bob, &microphone);
        stage.run(secs(27));
        let (lost, heard) = lost_since(&stage, bob, &microphone, before);
        assert!(heard > 1300 && lost * 100 < heard as u64, "{lost} lost, {heard} heard");
        let thin = stage.sink(bob, &camera).played().split_off(played);
        let smallest = thin.iter().filter(|frame| frame.stamp.layer == 0).count();
        assert!(thin.len() > 600 && smallest > 550, "{smallest} of {} small", thin.len());
        set_downlink(&mut stage, bob, None);
        stage.run(secs(60));
        assert_eq!(newest_layer(&stage, bob, &camera), 2);
        stage.assert_resumed(bob, &camera);
    }
}

#[test]
fn a_picture_that_does_not_fit_is_paused_until_it_does() {
    let (mut stage, _, bob, [microphone, camera]) = call(ConnectionMode::Dual, 1);
    // Alice's only layer takes 110 kbit/s, her voice 50.
    set_downlink(&mut stage, bob, Some(100_000));
    stage.run(secs(10));
    let before = balance(&stage, bob, &microphone);
    stage.run(secs(30));
    let (lost, heard) = lost_since(&stage, bob, &microphone, before);
    assert!(heard > 1400 && lost * 100 < heard as u64, "{lost} lost, {heard} heard");
    assert_eq!(pauses(&stage).first(), Some(&true), "{:?}", pauses(&stage));
    set_downlink(&mut stage, bob, None);
    stage.run(secs(60));
    assert_eq!(pauses(&stage).last(), Some(&false));
    assert!(pauses(&stage).len() <= 8, "not on and off all the time: {:?}", pauses(&stage));
    stage.assert_resumed(bob, &camera);
}

#[test]
fn one_thin_link_is_nobody_elses() {
    let (mut stage, alice, bob, [microphone, camera]) = call(ConnectionMode::Single, 3);
    let carol = stage.join("PA_carol", ConnectionMode::Single);
    stage.subscribe(carol, &[&microphone, &camera]);
    stage.run(secs(3));
    set_downlink(&mut stage, bob, Some(150_000));
    stage.run(secs(15));
    for track in [&microphone, &camera] {
        assert_eq!(stage.sink(carol, track).lost(), 0);
    }
    assert_eq!(newest_layer(&stage, carol, &camera), 2);
    let sent = stage.clients[alice].sources[1].frames;
    assert!(stage.sink(carol, &camera).frames().last().unwrap().stamp.frame + 10 > sent);
}

#[test]
fn whoever_hides_a_paused_picture_is_not_told_that_it_waits() {
    let (mut stage, _, bob, [_, camera]) = call(ConnectionMode::Dual, 1);
    set_downlink(&mut stage, bob, Some(100_000));
    let mut waited = 0;
    while pauses(&stage).last() != Some(&true) {
        stage.run(ms(100));
        waited += 1;
        assert!(waited < 300, "never paused");
    }
    stage.prefer(bob, &camera, Quality::High, false);
    stage.run(secs(1));
    assert_eq!(pauses(&stage).last(), Some(&false));
}
