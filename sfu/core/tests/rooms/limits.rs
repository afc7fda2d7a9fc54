//! Rooms are as large as they may be, and what is beyond is refused.

use beckon_sfu_api::{Connection as Mode, Event, Kind, ParticipantId, Refused};

use crate::stage::{Stage, ms, secs};

fn refusals(stage: &Stage) -> Vec<(ParticipantId, Refused)> {
    let refused = stage.events.iter().filter_map(|(_, event)| match event {
        Event::Refused { participant, why, .. } => Some((participant.clone(), *why)),
        _ => None,
    });
    refused.collect()
}

#[test]
fn a_full_room_takes_nobody_more() {
    let mut stage = Stage::of(3, 1);
    for at in 0..5 {
        stage.join(&format!("PA_{at}"), Mode::Single);
        stage.run(ms(20));
    }
    let limited: Vec<_> =
        refusals(&stage).into_iter().filter(|(_, why)| *why == Refused::Limit).collect();
    assert_eq!(limited, [("PA_3".into(), Refused::Limit), ("PA_4".into(), Refused::Limit)]);
    assert_eq!(stage.shard.participants(), 3);
    stage.leave(0);
    stage.run(ms(20));
    stage.join("PA_5", Mode::Dual);
    stage.run(secs(1));
    assert_eq!(stage.shard.participants(), 3);
}

#[test]
fn nobody_publishes_without_end() {
    let mut stage = Stage::new(1);
    let alice = stage.join("PA_alice", Mode::Single);
    let bob = stage.join("PA_bob", Mode::Single);
    let tracks: Vec<_> = (0..40).map(|_| stage.publish(alice, Kind::Audio, 1)).collect();
    stage.run(secs(2));
    assert_eq!(refusals(&stage), vec![("PA_alice".into(), Refused::Limit); 8]);
    for track in &tracks[..32] {
        assert!(stage.sink(bob, track).frames().len() > 50);
    }
}
