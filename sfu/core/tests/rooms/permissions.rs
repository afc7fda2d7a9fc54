//! What nobody allowed does not happen.

use beckon_sfu_api::{Command, ConnectionMode, Event, Kind, Permissions, Refused, TrackId};

use crate::stage::{Stage, ms, secs};

const MODES: [ConnectionMode; 2] = [ConnectionMode::Single, ConnectionMode::Dual];

fn permit(stage: &mut Stage, client: usize, publish: bool, subscribe: bool) {
    let participant = stage.clients[client].id.clone();
    let permissions = Permissions { publish, subscribe };
    stage.tell(Command::Permit { participant, permissions });
}

fn refused(stage: &Stage, track: &TrackId) -> Option<Refused> {
    stage.events.iter().find_map(|(_, event)| match event {
        Event::Refused { track: Some(it), why, .. } if it == track => Some(why.clone()),
        _ => None,
    })
}

fn meeting(mode: ConnectionMode) -> (Stage, usize, usize, TrackId) {
    let mut stage = Stage::new(31);
    let alice = stage.join("PA_alice", mode);
    let bob = stage.join("PA_bob", mode);
    let camera = stage.publish(alice, Kind::Video, 3);
    stage.run(secs(2));
    assert!(stage.sink(bob, &camera).frames().len() > 20);
    (stage, alice, bob, camera)
}

fn arrived(stage: &Stage, client: usize, track: &TrackId) -> usize {
    stage.sink(client, track).packets.len()
}

#[test]
fn nothing_is_published_without_permission() {
    for mode in MODES {
        let mut stage = Stage::new(31);
        let alice = stage.join("PA_alice", mode);
        let bob = stage.join("PA_bob", mode);
        permit(&mut stage, alice, false, true);
        let camera = stage.publish(alice, Kind::Video, 1);
        stage.run(secs(2));
        assert_eq!(refused(&stage, &camera), Some(Refused::Denied));
        assert_eq!(stage.told(|event| matches!(event, Event::Published { .. })), 0);
        assert!(stage.clients[bob].sinks.is_empty());
    }
}

#[test]
fn permission_to_publish_can_be_taken_away() {
    for mode in MODES {
        let (mut stage, alice, bob, camera) = meeting(mode);
        permit(&mut stage, alice, false, true);
        stage.run(ms(100));
        let before = arrived(&stage, bob, &camera);
        stage.run(secs(2));
        assert_eq!(arrived(&stage, bob, &camera), before);
        assert_eq!(stage.told(|event| matches!(event, Event::Unpublished { .. })), 1);
        // She still hears others, and may publish again.
        let microphone = stage.publish(bob, Kind::Audio, 1);
        permit(&mut stage, alice, true, true);
        stage.clients[alice].end_sections();
        let again = stage.publish(alice, Kind::Audio, 1);
        stage.run(secs(2));
        assert!(stage.sink(alice, &microphone).frames().len() > 50);
        assert!(stage.sink(bob, &again).frames().len() > 50);
    }
}

#[test]
fn permission_to_subscribe_can_be_taken_away() {
    for mode in MODES {
        let (mut stage, _, bob, camera) = meeting(mode);
        permit(&mut stage, bob, true, false);
        stage.run(ms(100));
        let before = arrived(&stage, bob, &camera);
        stage.subscribe(bob, &[&camera]);
        stage.run(secs(2));
        assert_eq!(arrived(&stage, bob, &camera), before);
        assert_eq!(refused(&stage, &camera), Some(Refused::Denied));
        permit(&mut stage, bob, true, true);
        stage.subscribe(bob, &[&camera]);
        stage.run(secs(2));
        stage.assert_resumed(bob, &camera);
    }
}

#[test]
fn a_subscription_can_be_given_up_and_taken_again() {
    for mode in MODES {
        let (mut stage, _, bob, camera) = meeting(mode);
        let participant = stage.clients[bob].id.clone();
        for _ in 0..3 {
            let tracks = vec![camera.clone()];
            stage.tell(Command::Unsubscribe { participant: participant.clone(), tracks });
            stage.run(ms(100));
            let before: usize = stage.clients[bob].sinks.values().map(|it| it.packets.len()).sum();
            stage.run(secs(1));
            let after: usize = stage.clients[bob].sinks.values().map(|it| it.packets.len()).sum();
            assert_eq!(before, after);
            stage.subscribe(bob, &[&camera]);
            stage.run(secs(2));
            stage.assert_resumed(bob, &camera);
        }
    }
}

#[test]
fn nobody_subscribes_to_themselves_or_to_nothing() {
    let (mut stage, alice, _, camera) = meeting(ConnectionMode::Single);
    stage.subscribe(alice, &[&camera]);
    stage.subscribe(alice, &[&"TR_none".into()]);
    stage.run(ms(100));
    assert_eq!(refused(&stage, &camera), Some(Refused::Denied));
    assert_eq!(refused(&stage, &"TR_none".into()), Some(Refused::NotFound));
}

#[test]
fn a_track_that_its_publisher_ends_is_unpublished() {
    for mode in MODES {
        let (mut stage, alice, bob, camera) = meeting(mode);
        stage.clients[alice].end_sections();
        stage.offer(alice);
        stage.run(secs(1));
        let before = arrived(&stage, bob, &camera);
        let ended =
            |event: &Event| matches!(event, Event::Unpublished { track, .. } if *track == camera);
        assert_eq!(stage.told(ended), 1);
        stage.run(secs(1));
        assert_eq!(arrived(&stage, bob, &camera), before);
    }
}

#[test]
fn a_camera_can_be_turned_off_and_on_again() {
    for mode in MODES {
        let (mut stage, alice, bob, _) = meeting(mode);
        for layers in [3, 1, 3, 2] {
            stage.clients[alice].end_sections();
            stage.offer(alice);
            stage.run(ms(300));
            let camera = stage.publish(alice, Kind::Video, layers);
            stage.run(secs(2));
            assert_eq!(stage.sink(bob, &camera).lost(), 0);
            stage.assert_resumed(bob, &camera);
        }
        assert_eq!(stage.clients[alice].sections.len(), 2, "the same section each time");
    }
}

#[test]
fn a_camera_can_be_exchanged_in_one_offer() {
    for mode in MODES {
        let (mut stage, alice, bob, old) = meeting(mode);
        stage.clients[alice].end_sections();
        let camera = stage.publish(alice, Kind::Video, 3);
        stage.run(secs(2));
        stage.assert_resumed(bob, &camera);
        let ended =
            |event: &Event| matches!(event, Event::Unpublished { track, .. } if *track == old);
        assert_eq!(stage.told(ended), 1);
    }
}
