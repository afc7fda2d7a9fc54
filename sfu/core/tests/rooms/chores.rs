//! What is a lot of work for many is done in pieces, between which packets of others pass.

use std::collections::HashSet;

use beckon_sfu_api::{Command, ConnectionMode, DataKind, DataMessage, Event, Kind};
use bytes::Bytes;

use crate::stage::{Stage, ms, secs};

const PEOPLE: usize = 12;

fn crowd(mode: ConnectionMode) -> (Stage, Vec<usize>) {
    let mut stage = Stage::new(12);
    let people = (0..PEOPLE).map(|at| stage.join(&format!("PA_{at}"), mode)).collect();
    stage.run(secs(3));
    (stage, people)
}

/// One turn of the shard: to whom it sends.
fn turn(stage: &mut Stage) -> HashSet<std::net::SocketAddr> {
    stage.shard.handle_timeout(stage.now);
    let mut to = HashSet::new();
    stage.shard.flush(&mut |transmit| _ = to.insert(transmit.path.remote));
    to
}

#[test]
fn a_large_message_goes_to_one_after_the_other_and_reaches_all() {
    let (mut stage, people) = crowd(ConnectionMode::Single);
    turn(&mut stage);
    let (from, payload) = ("PA_0".into(), Bytes::from(vec![7; 64 * 1024]));
    let to = people.iter().map(|at| stage.clients[*at].id.clone()).collect();
    let (kind, room) = (DataKind::Reliable, stage.room.clone());
    let message = DataMessage { from, kind, to, payload: payload.clone() };
    stage.shard.command(stage.now, &room, Command::Send(message));
    assert_eq!(turn(&mut stage).len(), 1, "the first");
    assert!(stage.shard.poll_timeout().is_some_and(|due| due <= stage.now), "it goes on at once");
    assert_eq!(turn(&mut stage).len(), 1, "the next");
    stage.run(secs(3));
    let whole = |at: &&usize| stage.clients[**at].data.iter().any(|(_, data)| *data == payload);
    // What was sent in the two turns is lost here, and repaired.
    assert_eq!(people.iter().filter(whole).count(), PEOPLE);
}

#[test]
fn messages_that_nobody_has_time_for_are_lost_and_counted() {
    let (mut stage, people) = crowd(ConnectionMode::Single);
    let to: Vec<_> = people.iter().map(|at| stage.clients[*at].id.clone()).collect();
    let room = stage.room.clone();
    for _ in 0..100 {
        let payload = Bytes::from(vec![7; 64 * 1024]);
        let message =
            DataMessage { from: "PA_0".into(), kind: DataKind::Lossy, to: to.clone(), payload };
        stage.shard.command(stage.now, &room, Command::Send(message));
    }
    let full = beckon_sfu_core::stats::DataError::Full;
    assert_eq!(stage.shard.counters().messages_undelivered(full), 100 - 15);
}

#[test]
fn who_leaves_with_many_tracks_causes_one_offer_for_each_other() {
    let (mut stage, people) = crowd(ConnectionMode::Dual);
    for _ in 0..10 {
        stage.publish(people[0], Kind::Audio, 1);
    }
    stage.run(secs(3));
    let offers = |stage: &Stage| stage.told(|event| matches!(event, Event::Offer { .. }));
    let before = offers(&stage);
    stage.leave(people[0]);
    stage.run(ms(20));
    assert_eq!(stage.told(|event| matches!(event, Event::Unpublished { .. })), 10);
    assert_eq!(offers(&stage) - before, PEOPLE - 1);
}
