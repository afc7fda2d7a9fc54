//! Who speaks, and what is said without a voice.

use beckon_sfu_api::{Command, ConnectionMode, DataKind, DataMessage, Event, Kind, Source};
use bytes::Bytes;

use crate::stage::network::Link;
use crate::stage::{Stage, ms, secs};

const MODES: [ConnectionMode; 2] = [ConnectionMode::Single, ConnectionMode::Dual];

/// Who was told to have begun or stopped to speak.
fn turns(stage: &Stage) -> Vec<(String, bool)> {
    let told = stage.events.iter().filter_map(|(_, event)| match event {
        Event::Speakers(speakers) => Some(speakers),
        _ => None,
    });
    let mut turns: Vec<(String, bool)> = Vec::new();
    for speaker in told.flatten() {
        let turn = (speaker.participant.as_str().to_owned(), speaker.active);
        let before = turns.iter().rev().find(|(id, _)| *id == turn.0);
        if before.is_none_or(|before| before.1 != turn.1) {
            turns.push(turn);
        }
    }
    turns
}

#[test]
fn whoever_speaks_is_told_and_whoever_stops() {
    let mut stage = Stage::new(9);
    let both = [
        stage.join("PA_alice", ConnectionMode::Single),
        stage.join("PA_bob", ConnectionMode::Dual),
    ];
    let microphones = both.map(|client| stage.publish(client, Kind::Audio, 1));
    stage.run(secs(3));
    assert_eq!(turns(&stage), []);
    for client in both {
        stage.clients[client].sources[0].level = 20;
        stage.run(secs(2));
        stage.clients[client].sources[0].level = 80;
        stage.run(secs(2));
    }
    let turn = |id: &str, active| (id.to_owned(), active);
    let [alice, bob] = ["PA_alice", "PA_bob"];
    let expected = [turn(alice, true), turn(alice, false), turn(bob, true), turn(bob, false)];
    assert_eq!(turns(&stage), expected);
    // A muted microphone says nothing, whatever it still sends.
    stage.tell(Command::Mute { track: microphones[0].clone(), muted: true });
    stage.clients[both[0]].sources[0].level = 10;
    stage.run(secs(2));
    assert_eq!(turns(&stage).len(), expected.len());
}

#[test]
fn the_sound_of_a_shared_screen_is_nobodys_voice() {
    let mut stage = Stage::new(9);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    stage.next_shown = Some(Source::ScreenShareAudio);
    stage.publish(alice, Kind::Audio, 1);
    stage.clients[alice].sources[0].level = 10;
    stage.run(secs(3));
    assert_eq!(turns(&stage), []);
}

#[test]
fn messages_go_both_ways() {
    for mode in MODES {
        let mut stage = Stage::new(9);
        let alice = stage.join("PA_alice", mode);
        let bob = stage.join("PA_bob", ConnectionMode::Dual);
        let lossy = Link { loss: 0.05, jitter: ms(10), ..Link::default() };
        stage.set_links(alice, &lossy);
        stage.run(secs(4));
        let kind = DataKind::Reliable;
        let messages: Vec<Bytes> = (0..50).map(|at| Bytes::from(vec![at; 3000])).collect();
        for payload in &messages {
            let now = stage.now;
            stage.clients[alice].publisher.headless.send_data(now, kind, payload).unwrap();
            let to = [alice, bob].map(|client| stage.clients[client].id.clone()).to_vec();
            stage.tell(Command::Send(DataMessage {
                from: "PA_x".into(),
                kind,
                to,
                payload: payload.clone(),
            }));
            stage.run(ms(20));
        }
        stage.run(secs(10));
        let heard: Vec<&Bytes> = stage
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Data { participant, payload, .. } if participant.as_str() == "PA_alice" => {
                    Some(payload)
                }
                _ => None,
            })
            .collect();
        assert_eq!(heard, messages.iter().collect::<Vec<_>>());
        for client in [alice, bob] {
            let data: Vec<&Bytes> = stage.clients[client].data.iter().map(|(_, it)| it).collect();
            assert_eq!(data, messages.iter().collect::<Vec<_>>());
        }
    }
}

#[test]
fn lossy_messages_go_both_ways_too() {
    let mut stage = Stage::new(9);
    let alice = stage.join("PA_alice", ConnectionMode::Dual);
    stage.run(secs(2));
    let (kind, payload) = (DataKind::Lossy, Bytes::from_static(b"here I am"));
    let now = stage.now;
    stage.clients[alice].publisher.headless.send_data(now, kind, &payload).unwrap();
    let to = vec![stage.clients[alice].id.clone()];
    stage.tell(Command::Send(DataMessage {
        from: "PA_x".into(),
        kind,
        to,
        payload: payload.clone(),
    }));
    stage.run(secs(1));
    assert_eq!(stage.clients[alice].data, [(kind, payload.clone())]);
    let heard = |event: &Event| matches!(event, Event::Data { kind: DataKind::Lossy, payload: it, .. } if *it == payload);
    assert_eq!(stage.told(heard), 1);
}
