//! Who is gone is gone for everybody, and leaves nothing behind.

use beckon_sfu_api::{Command, ConnectionMode, Event, Kind, Lost, ParticipantId};

use crate::stage::{Stage, ms, secs};

const MODES: [ConnectionMode; 2] = [ConnectionMode::Single, ConnectionMode::Dual];

fn is_lost(event: &Event, id: &str, why: Lost) -> bool {
    *event == Event::Lost { participant: ParticipantId::from(id), why }
}

#[test]
fn whoever_falls_silent_is_lost_after_twenty_seconds() {
    for mode in MODES {
        let mut stage = Stage::new(3);
        let alice = stage.join("PA_alice", mode);
        stage.join("PA_bob", ConnectionMode::Single);
        stage.publish(alice, Kind::Audio, 1);
        stage.run(secs(2));
        stage.clients[alice].set_cut(true);
        stage.run(secs(19));
        let lost = |event: &Event| is_lost(event, "PA_alice", Lost::Silent);
        assert_eq!(stage.told(lost), 0);
        stage.run(secs(2));
        assert_eq!(stage.told(lost), 1);
        stage.run(secs(30));
        assert_eq!(stage.told(lost), 1, "told once");
        assert_eq!(stage.told(|event| is_lost(event, "PA_bob", Lost::Silent)), 0);
    }
}

#[test]
fn whoever_never_connects_is_lost_after_half_a_minute() {
    for mode in MODES {
        let mut stage = Stage::new(3);
        let alice = stage.join("PA_alice", mode);
        stage.clients[alice].set_cut(true);
        let lost = |event: &Event| matches!(event, Event::Lost { .. });
        stage.run(secs(29));
        assert_eq!(stage.told(lost), 0);
        stage.run(secs(2));
        assert_eq!(stage.told(lost), 1);
    }
}

#[test]
fn a_goodbye_of_the_client_is_heard() {
    let mut stage = Stage::new(3);
    let alice = stage.join("PA_alice", ConnectionMode::Single);
    stage.run(secs(2));
    stage.clients[alice].publisher.headless.close(stage.now);
    stage.run(ms(100));
    assert_eq!(stage.told(|event| is_lost(event, "PA_alice", Lost::Closed)), 1);
}

/// Media alone would go on, and its client would call itself connected.
#[test]
fn whoever_has_no_data_channels_any_more_is_lost() {
    for mode in MODES {
        let mut stage = Stage::new(3);
        let alice = stage.join("PA_alice", mode);
        stage.join("PA_bob", ConnectionMode::Single);
        stage.run(secs(2));
        // A DATA chunk without data (RFC 9260, 6.2).
        let empty = [&[0; 12][..], &[0, 3, 0, 16], &[0; 12]].concat();
        stage.clients[alice].publisher.headless.send_sctp(stage.now, &empty);
        stage.run(secs(5));
        assert_eq!(stage.told(|event| is_lost(event, "PA_alice", Lost::Data)), 1);
        assert_eq!(stage.told(|event| matches!(event, Event::Lost { .. })), 1);
        let connected = |event: &Event| matches!(event, Event::Connected { .. });
        assert_eq!(stage.told(connected), 2, "it does not come back by itself");
    }
}

#[test]
fn whoever_left_leaves_nothing_behind() {
    for modes in [
        [ConnectionMode::Single, ConnectionMode::Dual],
        [ConnectionMode::Dual, ConnectionMode::Single],
    ] {
        let mut stage = Stage::new(3);
        let alice = stage.join("PA_alice", modes[0]);
        let bob = stage.join("PA_bob", modes[1]);
        let tracks = [stage.publish(alice, Kind::Audio, 1), stage.publish(alice, Kind::Video, 3)];
        stage.run(secs(3));
        assert!(tracks.iter().all(|track| stage.sink(bob, track).frames().len() > 30));
        stage.leave(alice);
        stage.run(secs(1));
        for track in &tracks {
            let unpublished =
                Event::Unpublished { participant: "PA_alice".into(), track: track.clone() };
            assert_eq!(stage.told(|event| *event == unpublished), 1);
        }
        assert_eq!(stage.shard.participants(), 1);
        let heard = tracks.each_ref().map(|track| stage.sink(bob, track).packets.len());
        let unknown =
            stage.shard.counters().discarded(beckon_sfu_core::stats::Discard::UnknownSource);
        stage.run(secs(1));
        assert_eq!(heard, tracks.each_ref().map(|track| stage.sink(bob, track).packets.len()));
        let still =
            stage.shard.counters().discarded(beckon_sfu_core::stats::Discard::UnknownSource);
        assert!(still >= unknown, "what the client still sends is for nobody");
        stage.leave(bob);
        stage.run(secs(1));
        assert_eq!(stage.shard.participants(), 0);
        assert!(stage.shard.demux().is_empty(), "{:?}", stage.shard.demux());
        assert!(stage.shard.poll_timeout().is_none(), "an empty room needs no time");
        stage.tell(Command::Close);
        stage.run(ms(100));
        assert_eq!(stage.shard.rooms(), 0);
    }
}

#[test]
fn a_room_that_closes_says_goodbye_but_whoever_leaves_knows() {
    for mode in MODES {
        let mut stage = Stage::new(3);
        let alice = stage.join("PA_alice", mode);
        let bob = stage.join("PA_bob", mode);
        stage.run(secs(1));
        stage.leave(alice);
        stage.run(ms(100));
        assert_eq!(stage.clients[alice].goodbyes, 0);
        stage.tell(Command::Close);
        stage.run(ms(100));
        assert_eq!(stage.clients[bob].goodbyes, if mode == ConnectionMode::Dual { 2 } else { 1 });
    }
}

#[test]
fn a_section_is_used_again_for_the_next_to_come() {
    for mode in MODES {
        let mut stage = Stage::new(3);
        let bob = stage.join("PA_bob", mode);
        for round in 0..5 {
            let guest = stage.join(&format!("PA_guest{round}"), ConnectionMode::Single);
            let camera = stage.publish(guest, Kind::Video, 1);
            stage.run(secs(2));
            assert!(stage.sink(bob, &camera).frames().len() > 30, "round {round}");
            stage.leave(guest);
            stage.run(ms(500));
        }
        assert!(stage.clients[bob].sections.len() <= 2, "sections are not piled up");
    }
}

#[test]
fn leaving_in_the_middle_of_anything_harms_nobody() {
    for wait in (0..700).step_by(23) {
        let mut stage = Stage::new(wait);
        let bob = stage.join("PA_bob", MODES[wait as usize % 2]);
        let alice = stage.join("PA_alice", MODES[wait as usize / 23 % 2]);
        stage.publish(alice, Kind::Video, 3);
        stage.run(ms(wait));
        stage.leave(alice);
        let microphone = stage.publish(bob, Kind::Audio, 1);
        let carol = stage.join("PA_carol", ConnectionMode::Single);
        stage.run(secs(2));
        assert_eq!(stage.shard.participants(), 2);
        let subscribed = stage.clients[carol].sinks.values().any(|it| it.track == microphone);
        assert!(
            subscribed && stage.sink(carol, &microphone).frames().len() > 20,
            "after {wait} ms"
        );
        stage.leave(bob);
        stage.leave(carol);
        stage.run(ms(100));
        assert!(stage.shard.demux().is_empty());
    }
}
