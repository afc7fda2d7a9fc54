//! A room goes on for whoever loses the way for a while, or finds another.

use beckon_sfu_api::{Command, ConnectionMode, Event, Kind, TrackId};

use crate::stage::{Stage, ms, secs};

const MODES: [ConnectionMode; 2] = [ConnectionMode::Single, ConnectionMode::Dual];

/// Alice and Bob see each other.
fn meeting(mode: ConnectionMode) -> (Stage, [usize; 2], [TrackId; 2]) {
    let mut stage = Stage::new(11);
    let both = [stage.join("PA_alice", mode), stage.join("PA_bob", mode)];
    let cameras = both.map(|client| stage.publish(client, Kind::Video, 1));
    stage.run(secs(3));
    assert_flowing(&mut stage, both, &cameras);
    (stage, both, cameras)
}

/// What both see is of now.
fn assert_flowing(stage: &mut Stage, [alice, bob]: [usize; 2], [of_alice, of_bob]: &[TrackId; 2]) {
    for (publisher, viewer, track) in [(alice, bob, of_alice), (bob, alice, of_bob)] {
        let sink = stage.sink(viewer, track);
        let seen = sink.frames().last().expect("frames").stamp.frame;
        let sent = stage.clients[publisher].sources[0].frames;
        assert!(seen + 10 > sent, "{seen} of {sent} frames of {publisher}");
    }
}

/// An ICE restart of all connections, as after another network.
fn restart(stage: &mut Stage, client: usize) {
    let participant = stage.clients[client].id.clone();
    stage.clients[client].publisher.headless.restart();
    stage.tell(Command::Restart { participant });
    stage.offer(client);
}

#[test]
fn an_ice_restart_goes_unnoticed() {
    for mode in MODES {
        let (mut stage, [alice, bob], cameras) = meeting(mode);
        restart(&mut stage, alice);
        stage.run(secs(3));
        assert_flowing(&mut stage, [alice, bob], &cameras);
        assert_eq!(stage.sink(bob, &cameras[0]).lost() + stage.sink(alice, &cameras[1]).lost(), 0);
        // The new credentials keep consent.
        stage.run(secs(25));
        assert_flowing(&mut stage, [alice, bob], &cameras);
        assert_eq!(stage.told(|event| matches!(event, Event::Lost { .. })), 0);
    }
}

#[test]
fn a_restart_from_another_network_brings_media_back() {
    for mode in MODES {
        let (mut stage, [alice, bob], cameras) = meeting(mode);
        stage.clients[alice].set_cut(true);
        stage.run(secs(4));
        stage.rebind(alice);
        stage.clients[alice].set_cut(false);
        restart(&mut stage, alice);
        stage.run(secs(2));
        stage.assert_resumed(bob, &cameras[0]);
        stage.assert_resumed(alice, &cameras[1]);
    }
}

#[test]
fn another_address_behind_a_nat_is_found_out() {
    for mode in MODES {
        let (mut stage, [alice, bob], cameras) = meeting(mode);
        stage.rebind(alice);
        // The next check of consent shows it.
        stage.run(secs(7));
        stage.assert_resumed(bob, &cameras[0]);
        stage.assert_resumed(alice, &cameras[1]);
        assert_eq!(stage.told(|event| matches!(event, Event::Lost { .. })), 0);
    }
}

#[test]
fn whoever_was_lost_may_come_back() {
    for mode in MODES {
        let (mut stage, [alice, bob], cameras) = meeting(mode);
        stage.clients[alice].set_cut(true);
        stage.run(secs(22));
        assert_eq!(stage.told(|event| matches!(event, Event::Lost { .. })), 1);
        let forwarded = stage.sent_to(alice);
        stage.run(secs(2));
        assert_eq!(stage.sent_to(alice), forwarded, "nothing is sent to whoever is lost");
        let connected = |event: &Event| matches!(event, Event::Connected { participant } if participant.as_str() == "PA_alice");
        assert_eq!(stage.told(connected), 1);
        stage.clients[alice].set_cut(false);
        stage.run(secs(5));
        assert_eq!(stage.told(connected), 2);
        stage.assert_resumed(bob, &cameras[0]);
        stage.assert_resumed(alice, &cameras[1]);
    }
}

#[test]
fn the_same_person_may_join_anew() {
    for mode in MODES {
        let (mut stage, [alice, bob], _) = meeting(mode);
        stage.clients[alice].set_cut(true);
        stage.leave(alice);
        let again = stage.join("PA_alice2", mode);
        let camera = stage.publish(again, Kind::Video, 3);
        stage.run(secs(3));
        assert!(stage.sink(bob, &camera).frames().len() > 50);
        assert_eq!(stage.shard.participants(), 2);
    }
}

#[test]
fn a_client_back_on_another_socket_hears_what_it_missed() {
    for mode in MODES {
        let (mut stage, [alice, bob], _) = meeting(mode);
        // Whatever the room tells Bob now is lost with his socket.
        stage.deaf = Some(stage.clients[bob].id.clone());
        let microphone = stage.publish(alice, Kind::Audio, 1);
        stage.run(ms(500));
        stage.deaf = None;
        let participant = stage.clients[bob].id.clone();
        stage.tell(Command::Restart { participant });
        stage.clients[bob].forget_offer();
        stage.run(secs(2));
        assert!(stage.sink(bob, &microphone).frames().len() > 50);
    }
}
