//! What reports say is so: clocks, round trips, losses, arrivals.

use std::time::Duration;

use beckon_sfu_api::{Command, ConnectionMode, Event, Kind, NetworkQuality};

use crate::stage::network::Link;
use crate::stage::{Stage, ms, secs};

/// When a frame of RTP time `rtp` was captured, by the last sender report about its stream, in seconds of our clock.
fn capture_time(report: (u64, u32), rtp: u32, clock_rate: f64) -> f64 {
    let (ntp, at) = report;
    ntp as f64 / 4_294_967_296.0 + f64::from(rtp.wrapping_sub(at) as i32) / clock_rate
}

#[test]
fn a_voice_and_its_picture_keep_step() {
    for (seed, jitter) in [(1, ms(0)), (2, ms(30))] {
        let mut stage = Stage::new(seed);
        let alice = stage.join("PA_alice", ConnectionMode::Single);
        let bob = stage.join("PA_bob", ConnectionMode::Dual);
        stage.set_links(alice, &Link { jitter, ..Link::default() });
        let tracks = [(Kind::Audio, 48_000.0), (Kind::Video, 90_000.0)]
            .map(|(kind, clock_rate)| (stage.publish(alice, kind, 3), clock_rate));
        stage.run(secs(20));
        // How long after its capture each stream says that a frame was captured: the same, or lips are off.
        let late = tracks.each_ref().map(|(track, clock_rate)| {
            let sink = stage.sink(bob, track);
            let (ntp, rtp, _) = *sink.reports.last().expect("sender reports");
            let frame = *sink.newest_frames().last().expect("frames");
            let said = capture_time((ntp, rtp), frame.timestamp, *clock_rate);
            said - frame.stamp.captured_ns as f64 / 1e9
        });
        let apart = (late[0] - late[1]).abs();
        assert!(apart < 0.005, "{apart} s apart");
        assert!(stage.sink(bob, &tracks[0].0).reports.len() >= 15);
    }
}

#[test]
fn publishers_learn_their_round_trip_and_their_losses() {
    let mut stage = Stage::new(5);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    stage.join("PA_bob", ConnectionMode::Single);
    let link = Link { delay: ms(60), ..Link::default() };
    stage.set_links(alice, &link);
    stage.publish(alice, Kind::Video, 1);
    stage.run(secs(5));
    let ssrc = stage.clients[alice].sources[0].layers[0].ssrc;
    let (_, lost, rtt) = *stage.clients[alice].told.last().expect("receiver reports");
    assert_eq!(lost, 0);
    let rtt = Duration::from_secs_f64(rtt.expect("a round trip"));
    assert!((ms(118)..ms(135)).contains(&rtt), "{rtt:?}");
    stage.clients[alice].publisher.up.loss = 0.2;
    stage.clients[alice].told.clear();
    stage.run(secs(20));
    let told = stage.clients[alice].told.iter().filter(|told| told.0 == ssrc);
    let told: Vec<f64> = told.map(|told| f64::from(told.1) / 256.0).collect();
    let mean = told.iter().sum::<f64>() / told.len() as f64;
    assert!((0.1..0.25).contains(&mean), "{mean} lost on the way here");
}

#[test]
fn publishers_hear_when_their_packets_arrived() {
    for mode in [ConnectionMode::Single, ConnectionMode::Dual] {
        let mut stage = Stage::new(5);
        let alice = stage.join("PA_alice", mode);
        stage.publish(alice, Kind::Audio, 1);
        stage.publish(alice, Kind::Video, 3);
        stage.run(secs(2));
        let [before, after] = [secs(0), secs(3)].map(|time| {
            stage.run(time);
            (stage.clients[alice].publisher.number, stage.clients[alice].congestion)
        });
        let (sent, arrived) = (after.0 - before.0, after.1.arrived - before.1.arrived);
        assert_eq!(after.1.lost, 0);
        assert!(arrived.abs_diff(sent.into()) < 30, "{arrived} of {sent} told");
    }
}

#[test]
fn a_track_that_was_taken_away_is_no_congestion() {
    let mut stage = Stage::new(5);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    stage.publish(alice, Kind::Audio, 1);
    let camera = stage.publish(alice, Kind::Video, 1);
    stage.run(secs(2));
    // She goes on sending it.
    stage.tell(Command::Unpublish { track: camera });
    stage.run(secs(3));
    assert_eq!(stage.clients[alice].congestion.lost, 0);
}

#[test]
fn the_quality_of_a_connection_is_told() {
    let mut stage = Stage::new(5);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    let bob = stage.join("PA_bob", ConnectionMode::Dual);
    stage.publish(alice, Kind::Audio, 1);
    stage.publish(alice, Kind::Video, 1);
    let quality = |stage: &Stage, client: &str| {
        let told = stage.events.iter().rev().find_map(|(_, event)| match event {
            Event::Quality(qualities) => {
                qualities.iter().find(|(id, _)| id.as_str() == client).map(|(_, quality)| *quality)
            }
            _ => None,
        });
        told.expect("a quality")
    };
    stage.run(secs(8));
    assert_eq!(quality(&stage, "PA_alice"), NetworkQuality::Excellent);
    assert_eq!(quality(&stage, "PA_bob"), NetworkQuality::Excellent);
    stage.clients[alice].publisher.up.loss = 0.03;
    stage.clients[bob].down().down.loss = 0.2;
    stage.run(secs(20));
    assert_eq!(quality(&stage, "PA_alice"), NetworkQuality::Good);
    assert_eq!(quality(&stage, "PA_bob"), NetworkQuality::Poor);
    // What is over is forgotten.
    stage.clients[alice].publisher.up.loss = 0.0;
    stage.clients[bob].down().down.loss = 0.0;
    stage.clients[alice].end_sections();
    stage.offer(alice);
    stage.run(secs(20));
    assert_eq!(quality(&stage, "PA_alice"), NetworkQuality::Excellent);
    assert_eq!(quality(&stage, "PA_bob"), NetworkQuality::Excellent);
    stage.publish(alice, Kind::Audio, 1);
    let carol = stage.join("PA_carol", ConnectionMode::Single);
    stage.set_links(carol, &Link { delay: ms(200), ..Link::default() });
    stage.run(secs(1));
    let tracks: Vec<_> = stage.clients[bob].sinks.values().map(|sink| sink.track.clone()).collect();
    stage.subscribe(carol, &tracks.iter().collect::<Vec<_>>());
    stage.run(secs(10));
    assert_eq!(quality(&stage, "PA_carol"), NetworkQuality::Good, "it is far");
    stage.clients[bob].set_cut(true);
    stage.run(secs(14));
    assert_eq!(quality(&stage, "PA_bob"), NetworkQuality::Lost);
}
