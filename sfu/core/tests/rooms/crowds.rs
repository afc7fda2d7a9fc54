//! Many people do not ask a publisher for more than one would.

use beckon_sfu_api::{ConnectionMode, Kind};
use beckon_sfu_core::rtcp;

use crate::stage::network::Link;
use crate::stage::{Stage, ms, secs};

#[test]
fn a_storm_of_fifty_viewers_is_one_keyframe_request() {
    let mut stage = Stage::new(50);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    let viewers: Vec<usize> =
        (0..50).map(|at| stage.join(&format!("PA_{at}"), ConnectionMode::Single)).collect();
    stage.run(secs(2));
    let camera = stage.publish(alice, Kind::Video, 1);
    stage.run(secs(2));
    let before = stage.clients[alice].sources[0].keyframes_asked;
    assert!(before <= 2, "{before} to begin with");
    for viewer in &viewers {
        let ssrc = stage.sink(*viewer, &camera).ssrc;
        let mut pli = Vec::new();
        rtcp::write_pli(&mut pli, 1, ssrc);
        stage.clients[*viewer].down().send_rtcp(&pli);
    }
    stage.run(ms(600));
    assert_eq!(stage.clients[alice].sources[0].keyframes_asked, before + 1);
    for viewer in viewers {
        let sink = stage.sink(viewer, &camera);
        assert_eq!((sink.lost(), sink.frames().len() > 40), (0, true));
    }
}

#[test]
fn eight_people_all_see_and_hear_each_other() {
    let mut stage = Stage::new(8);
    let lossy = Link { loss: 0.01, jitter: ms(5), ..Link::default() };
    let mut tracks = Vec::new();
    for at in 0..8 {
        let mode = if at % 2 == 0 { ConnectionMode::Single } else { ConnectionMode::Dual };
        let client = stage.join(&format!("PA_{at}"), mode);
        stage.set_links(client, &lossy);
        tracks.push((client, stage.publish(client, Kind::Audio, 1)));
        tracks.push((client, stage.publish(client, Kind::Video, 1 + at % 3)));
        stage.run(ms(70));
        let before: Vec<_> = tracks.iter().map(|(_, track)| track).collect();
        stage.subscribe(client, &before);
    }
    stage.run(secs(4));
    // What is still missing is repaired, before anybody looks.
    (0..8).for_each(|client| stage.set_links(client, &Link::default()));
    stage.run(secs(1));
    for viewer in 0..8 {
        for (_, track) in tracks.iter().filter(|(publisher, _)| *publisher != viewer) {
            stage.assert_resumed(viewer, track);
        }
    }
}
