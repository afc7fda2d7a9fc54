use beckon_sfu_api::{ConnectionMode, Permissions};

use super::*;
use crate::transport::Identity;

#[test]
fn a_panic_in_a_room_ends_that_room_and_no_other() {
    let now = Instant::now();
    let identity = Identity::generate();
    let mut shard = Shard::new(ShardConfig { identity, candidates: Vec::new() }, now);
    for room in ["RM_one", "RM_other"].map(RoomId::from) {
        shard.open(now, room.clone(), RoomSettings { participants_max: 10 });
        for (id, connection) in [("PA_a", ConnectionMode::Single), ("PA_b", ConnectionMode::Dual)] {
            let permissions = Permissions { publish: true, subscribe: true };
            let participant = id.into();
            shard.command(now, &room, Command::Join { participant, connection, permissions });
        }
    }
    while shard.poll_event().is_some() {}
    let known = shard.demux().len();
    let key = shard.by_id[&RoomId::from("RM_one")];
    assert!(shard.within(key, |_, _| panic!("on purpose")).is_none());

    assert_eq!(shard.poll_failed(), Some("RM_one".into()));
    assert!(shard.poll_event().is_none() && shard.poll_failed().is_none());
    assert_eq!(shard.counters().rooms_failed, 1);
    assert_eq!((shard.rooms(), shard.participants()), (1, 2));
    assert_eq!(shard.demux().len() * 2, known);
    shard.handle_timeout(now);
    shard.flush(&mut |_| panic!("nobody is left to send to"));
    // Its name is free again.
    shard.open(now, "RM_one".into(), RoomSettings { participants_max: 10 });
    assert_eq!(shard.rooms(), 2);
}
