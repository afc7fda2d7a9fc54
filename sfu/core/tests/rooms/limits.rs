//! Rooms are as large as they may be, and what is beyond is refused.

use beckon_sfu_api::{ConnectionMode, Event, Kind, ParticipantId, Refused};

use crate::stage::{Stage, ms, secs};

fn refusals(stage: &Stage) -> Vec<(ParticipantId, Refused)> {
    let refused = stage.events.iter().filter_map(|(_, event)| match event {
        Event::Refused { participant, why, .. } => Some((participant.clone(), why.clone())),
        _ => None,
    });
    refused.collect()
}

#[test]
fn a_full_room_takes_nobody_more() {
    let mut stage = Stage::of(3, 1);
    for at in 0..5 {
        stage.join(&format!("PA_{at}"), ConnectionMode::Single);
        stage.run(ms(20));
    }
    let limited: Vec<_> =
        refusals(&stage).into_iter().filter(|(_, why)| *why == Refused::Limit).collect();
    assert_eq!(limited, [("PA_3".into(), Refused::Limit), ("PA_4".into(), Refused::Limit)]);
    assert_eq!(stage.shard.participants(), 3);
    stage.leave(0);
    stage.run(ms(20));
    stage.join("PA_5", ConnectionMode::Dual);
    stage.run(secs(1));
    assert_eq!(stage.shard.participants(), 3);
}

/// Seven publish as much as a hundred with a camera and a microphone each.
#[test]
fn a_newcomer_receives_everybody_of_a_full_room() {
    let mut stage = Stage::of(100, 1);
    let mut tracks = Vec::new();
    for at in 0..7 {
        let publisher = stage.join(&format!("PA_{at}"), ConnectionMode::Single);
        stage.clients[publisher].subscribes = false;
        for number in (32 * at)..(32 * (at + 1)).min(198) {
            let kind = if number < 99 { Kind::Audio } else { Kind::Video };
            tracks.push(stage.publish(publisher, kind, 1));
        }
    }
    stage.run(ms(500));
    let newcomers =
        [stage.join("PA_one", ConnectionMode::Single), stage.join("PA_two", ConnectionMode::Dual)];
    for newcomer in newcomers {
        stage.subscribe(newcomer, &tracks.iter().collect::<Vec<_>>());
    }
    stage.run(secs(1));
    assert_eq!(refusals(&stage), []);
    for newcomer in newcomers {
        let heard =
            tracks[..99].iter().filter(|track| !stage.sink(newcomer, track).packets.is_empty());
        assert_eq!(heard.count(), 99);
        let seen =
            stage.clients[newcomer].sinks.values().filter(|sink| tracks.contains(&sink.track));
        assert_eq!(seen.count(), 198, "every track has its section");
    }
}

#[test]
fn nobody_publishes_without_end() {
    let mut stage = Stage::new(1);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    let bob = stage.join("PA_bob", ConnectionMode::Single);
    let tracks: Vec<_> = (0..40).map(|_| stage.publish(alice, Kind::Audio, 1)).collect();
    stage.run(secs(2));
    assert_eq!(refusals(&stage), vec![("PA_alice".into(), Refused::Limit); 8]);
    for track in &tracks[..32] {
        assert!(stage.sink(bob, track).frames().len() > 50);
    }
}
