//! Nonsense over signalling, and greed over RTCP, are refused; who sends them stays where they are.

use beckon_load::headless::description::Section;
use beckon_sfu_api::{
    Command, ConnectionMode, Description, Event, Kind, Refused, RoomSettings, TrackId,
};
use beckon_sfu_core::rtcp;
use beckon_sfu_core::transport::Identity;

use crate::stage::{Stage, ms, secs};

const MODES: [ConnectionMode; 2] = [ConnectionMode::Single, ConnectionMode::Dual];

fn meeting(mode: ConnectionMode) -> (Stage, [usize; 2], [TrackId; 2]) {
    let mut stage = Stage::new(99);
    let both = [stage.join("PA_alice", mode), stage.join("PA_bob", mode)];
    let cameras = both.map(|client| stage.publish(client, Kind::Video, 1));
    stage.run(secs(2));
    (stage, both, cameras)
}

fn assert_unharmed(stage: &mut Stage, [alice, bob]: [usize; 2], cameras: &[TrackId; 2]) {
    stage.run(secs(1));
    for (viewer, track) in [(bob, &cameras[0]), (alice, &cameras[1])] {
        stage.assert_resumed(viewer, track);
        assert_eq!(stage.sink(viewer, track).lost(), 0);
    }
}

fn refusals(stage: &Stage) -> Vec<Refused> {
    let refused = stage.events.iter().filter_map(|(_, event)| match event {
        Event::Refused { why, .. } => Some(why.clone()),
        _ => None,
    });
    refused.collect()
}

/// What was wrong with the descriptions that were refused.
fn faults(stage: &Stage) -> Vec<String> {
    let faults = refusals(stage).into_iter().filter_map(|why| match why {
        Refused::Malformed(fault) => Some(fault.to_string()),
        _ => None,
    });
    faults.collect()
}

/// What a client would offer now, with another fingerprint or setup.
fn offer(stage: &mut Stage, client: usize, change: impl FnOnce(String) -> String) -> Command {
    stage.clients[client].forget_offer();
    let Some(Command::Offer { participant, offer }) = stage.clients[client].offer() else {
        panic!("no offer");
    };
    stage.clients[client].forget_offer();
    let sdp = change(offer.sdp.to_string());
    Command::Offer { participant, offer: Description { sdp: sdp.into(), ..offer } }
}

#[test]
fn descriptions_that_make_no_sense_change_nothing() {
    for mode in MODES {
        let (mut stage, [alice, bob], cameras) = meeting(mode);
        for garbage in ["", "v=0", "hello", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"] {
            let nonsense = offer(&mut stage, alice, |_| garbage.to_owned());
            stage.tell(nonsense);
        }
        let passive = |sdp: String| sdp.replace("a=setup:actpass", "a=setup:passive");
        let nonsense = offer(&mut stage, alice, passive);
        stage.tell(nonsense);
        stage.run(ms(100));
        assert_eq!(
            faults(&stage),
            [
                "line 1: a description begins with v=0",
                "there is no a=ice-ufrag",
                "line 1: a description begins with v=0",
                "there is no a=ice-ufrag",
                "its certificate or DTLS role is another than before",
            ]
        );
        assert_unharmed(&mut stage, [alice, bob], &cameras);
        // And the next that does make sense is answered.
        let microphone = stage.publish(alice, Kind::Audio, 1);
        stage.run(secs(2));
        assert!(stage.sink(bob, &microphone).frames().len() > 50);
    }
}

#[test]
fn a_certificate_is_for_life() {
    for mode in MODES {
        let (mut stage, [alice, bob], cameras) = meeting(mode);
        let own = stage.clients[alice].publisher.headless.fingerprint().to_owned();
        let other = Identity::generate();
        let changed = offer(&mut stage, alice, |sdp| sdp.replace(&own, other.fingerprint()));
        stage.tell(changed);
        stage.run(ms(100));
        assert_eq!(faults(&stage), ["its certificate or DTLS role is another than before"]);
        assert_unharmed(&mut stage, [alice, bob], &cameras);
    }
}

#[test]
fn answers_to_nothing_are_out_of_turn() {
    for (mode, id) in
        [(ConnectionMode::Single, 1), (ConnectionMode::Dual, 1), (ConnectionMode::Dual, 77)]
    {
        let (mut stage, [alice, bob], cameras) = meeting(mode);
        let participant = stage.clients[alice].id.clone();
        let Command::Offer { offer: any, .. } = offer(&mut stage, alice, |sdp| sdp) else {
            unreachable!();
        };
        stage.tell(Command::Answer { participant, answer: Description { id, ..any } });
        stage.run(ms(100));
        assert_eq!(refusals(&stage), [Refused::OutOfTurn]);
        assert_unharmed(&mut stage, [alice, bob], &cameras);
    }
}

#[test]
fn nobody_joins_twice_and_strangers_have_no_say() {
    let (mut stage, both, cameras) = meeting(ConnectionMode::Single);
    let (stranger, track) = ("PA_stranger", cameras[0].clone());
    for command in [
        Command::Offer {
            participant: stranger.into(),
            offer: Description { id: 1, sdp: "".into() },
        },
        Command::Answer {
            participant: stranger.into(),
            answer: Description { id: 1, sdp: "".into() },
        },
        Command::Restart { participant: stranger.into() },
        Command::Subscribe { participant: stranger.into(), tracks: vec![track.clone()] },
        Command::Unsubscribe { participant: stranger.into(), tracks: vec![track] },
        Command::Leave { participant: stranger.into() },
        Command::Unpublish { track: "TR_none".into() },
        Command::Mute { track: "TR_none".into(), muted: true },
    ] {
        stage.tell(command);
    }
    stage.run(ms(100));
    assert_eq!(refusals(&stage), [const { Refused::NotFound }; 4]);
    stage.join("PA_alice", ConnectionMode::Single);
    stage.clients.pop();
    stage.run(ms(100));
    assert_eq!(refusals(&stage)[4], Refused::Limit, "the join");
    assert_eq!(
        faults(&stage),
        ["its certificate or DTLS role is another than before"],
        "the offer"
    );
    assert_eq!(stage.shard.participants(), 2);
    assert_unharmed(&mut stage, both, &cameras);
}

#[test]
fn a_track_is_announced_once() {
    let (mut stage, both, cameras) = meeting(ConnectionMode::Single);
    stage.publish(both[0], Kind::Audio, 1);
    stage.next_track = Some(cameras[0].clone());
    stage.publish(both[1], Kind::Audio, 1);
    stage.run(ms(200));
    assert_eq!(refusals(&stage), [Refused::Limit]);
    assert_unharmed(&mut stage, both, &cameras);
}

#[test]
fn whoever_asks_for_everything_again_and_again_gets_little() {
    let (mut stage, [alice, bob], cameras) = meeting(ConnectionMode::Single);
    let ssrc = stage.sink(bob, &cameras[0]).ssrc;
    let everything: Vec<u16> =
        stage.sink(bob, &cameras[0]).packets.keys().map(|at| *at as u16).collect();
    // Such a client tells nothing by which its link could be judged.
    stage.clients[bob].silent_feedback = true;
    let before = stage.sent_to(bob);
    for _ in 0..500 {
        let mut nack = Vec::new();
        rtcp::write_nack(&mut nack, 1, ssrc, &everything);
        stage.clients[bob].publisher.send_rtcp(&nack);
        stage.run(ms(10));
    }
    let sent = (stage.sent_to(bob) - before) / 5 * 8;
    assert!(sent < 3_000_000, "{sent} bits a second, of a stream of 110,000");
    let camera = cameras[0].clone();
    stage.run(secs(1));
    stage.assert_resumed(bob, &camera);
    assert_eq!(stage.sink(alice, &cameras[1]).lost(), 0);
}

#[test]
fn sections_for_nothing_cost_nothing() {
    let (mut stage, both, cameras) = meeting(ConnectionMode::Single);
    let most = RoomSettings { participants_max: 100 }.sections_max();
    let sections = std::iter::repeat_n(Section::Receives(Kind::Video), most);
    stage.clients[both[0]].sections.extend(sections);
    let greedy = offer(&mut stage, both[0], |sdp| sdp);
    stage.tell(greedy);
    stage.run(ms(100));
    assert_eq!(refusals(&stage), [Refused::Limit]);
    assert_unharmed(&mut stage, both, &cameras);
}
