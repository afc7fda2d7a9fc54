//! The whole way through a shard: in from the network, out to everybody, with what they report.

use beckon_sfu_api::{ConnectionMode, Event, Kind};

use crate::counting;
use crate::stage::network::Link;
use crate::stage::{Stage, secs};

/// Allocations of a shard in ten seconds, and events that it told.
fn steady(loss: f64) -> (u64, Vec<Event>, u64) {
    let mut stage = Stage::new(2);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    let listeners: Vec<usize> = (0..10)
        .map(|at| {
            stage.join(
                &format!("PA_{at}"),
                if at % 2 == 0 { ConnectionMode::Single } else { ConnectionMode::Dual },
            )
        })
        .collect();
    for client in 0..stage.clients.len() {
        stage.set_links(client, &Link { loss, ..Link::default() });
    }
    let tracks = [stage.publish(alice, Kind::Audio, 1), stage.publish(alice, Kind::Video, 3)];
    stage.run(secs(10));
    let forwarded = stage.shard.counters().forwarded;
    let told = stage.events.len();
    stage.watch = counting::watch;
    let before = counting::watched();
    stage.run(secs(10));
    let allocations = counting::watched() - before;
    assert!(listeners.iter().all(|it| stage.sink(*it, &tracks[1]).played().len() > 300));
    let told = stage.events.drain(told..).map(|(_, event)| event).collect();
    (allocations, told, stage.shard.counters().forwarded - forwarded)
}

#[test]
fn a_room_in_which_nothing_happens_allocates_nothing_but_its_events() {
    for loss in [0.0, 0.02] {
        let (allocations, told, forwarded) = steady(loss);
        assert!(forwarded > 10 * 10 * 150, "{forwarded} packets");
        assert!(told.iter().all(|event| matches!(event, Event::Quality(_))), "{told:?}");
        // Each is a list.
        assert_eq!(allocations, told.len() as u64, "with {loss} lost");
    }
}
