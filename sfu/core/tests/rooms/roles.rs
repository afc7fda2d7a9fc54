//! Clients that let us begin with DTLS are served like those that begin themselves (RFC 8842, 5.3).

use beckon_sfu_api::{
    Command, ConnectionMode, DataKind, DataMessage, Description, Event, Kind, Refused, TrackId,
};
use beckon_sfu_core::role::Role;
use bytes::Bytes;

use crate::stage::network::Link;
use crate::stage::{Stage, ms, secs};

const MODES: [ConnectionMode; 2] = [ConnectionMode::Single, ConnectionMode::Dual];
const ROLES: [[Role; 2]; 3] =
    [[Role::Server, Role::Client], [Role::Client, Role::Server], [Role::Server, Role::Server]];

/// Two with these roles see each other over this link.
fn meeting(
    seed: u64,
    mode: ConnectionMode,
    roles: [Role; 2],
    link: &Link,
) -> (Stage, [usize; 2], [TrackId; 2]) {
    let mut stage = Stage::new(seed);
    let both = [("PA_alice", roles[0]), ("PA_bob", roles[1])].map(|(id, role)| {
        stage.next_role = role;
        let client = stage.join(id, mode);
        stage.set_links(client, link);
        client
    });
    let cameras = both.map(|client| stage.publish(client, Kind::Video, 1));
    stage.run(secs(6));
    assert_resumed(&stage, both, &cameras);
    (stage, both, cameras)
}

fn assert_resumed(stage: &Stage, [alice, bob]: [usize; 2], cameras: &[TrackId; 2]) {
    stage.assert_resumed(bob, &cameras[0]);
    stage.assert_resumed(alice, &cameras[1]);
}

fn send(stage: &mut Stage, from: usize, to: usize, kind: DataKind, payload: &Bytes) {
    let now = stage.now;
    stage.clients[from].publisher.headless.send_data(now, kind, payload).unwrap();
    let to = vec![stage.clients[to].id.clone()];
    stage.tell(Command::Send(DataMessage {
        from: "PA_x".into(),
        kind,
        to,
        payload: payload.clone(),
    }));
}

#[test]
fn media_flows_whoever_begins() {
    for mode in MODES {
        for roles in ROLES {
            let (stage, ..) = meeting(3, mode, roles, &Link::default());
            assert_eq!(stage.told(|event| matches!(event, Event::Connected { .. })), 2);
            assert_eq!(stage.told(|event| matches!(event, Event::Refused { .. })), 0);
        }
    }
}

#[test]
fn handshakes_get_through_loss_and_disorder_whoever_begins() {
    let link = Link { loss: 0.15, jitter: ms(60), ..Link::default() };
    for seed in 0..8 {
        for mode in MODES {
            let mut stage = Stage::new(seed);
            stage.next_role = Role::Server;
            let both = ["PA_alice", "PA_bob"].map(|id| stage.join(id, mode));
            both.iter().for_each(|client| stage.set_links(*client, &link));
            stage.run(secs(20));
            let connected = |event: &Event| matches!(event, Event::Connected { .. });
            assert_eq!(stage.told(connected), 2, "{mode:?}");
            assert_eq!(stage.told(|event| matches!(event, Event::Lost { .. })), 0, "{mode:?}");
        }
    }
}

#[test]
fn messages_go_both_ways_whoever_begins() {
    for mode in MODES {
        for roles in ROLES {
            let (mut stage, [alice, bob], _) = meeting(3, mode, roles, &Link::default());
            for kind in [DataKind::Reliable, DataKind::Lossy] {
                for (from, to) in [(alice, bob), (bob, alice)] {
                    let payload = Bytes::from(format!("{kind:?} of {from}"));
                    send(&mut stage, from, to, kind, &payload);
                    stage.run(ms(500));
                    assert_eq!(stage.clients[to].data.last(), Some(&(kind, payload.clone())));
                    let heard = |event: &Event| matches!(event, Event::Data { payload: it, .. } if *it == payload);
                    assert_eq!(stage.told(heard), 1);
                }
            }
        }
    }
}

#[test]
fn an_ice_restart_keeps_the_roles() {
    for mode in MODES {
        for roles in ROLES {
            let (mut stage, both, cameras) = meeting(5, mode, roles, &Link::default());
            let participant = stage.clients[both[0]].id.clone();
            stage.clients[both[0]].publisher.headless.restart();
            stage.tell(Command::Restart { participant });
            stage.offer(both[0]);
            // Long enough for consent to need the new credentials.
            stage.run(secs(25));
            assert_resumed(&stage, both, &cameras);
            assert_eq!(stage.told(|event| matches!(event, Event::Refused { .. })), 0);
            assert_eq!(stage.told(|event| matches!(event, Event::Lost { .. })), 0);
        }
    }
}

#[test]
fn an_offer_with_the_other_role_is_refused_and_changes_nothing() {
    for mode in MODES {
        let roles = [Role::Server, Role::Client];
        let (mut stage, both, cameras) = meeting(7, mode, roles, &Link::default());
        let Some(Command::Offer { participant, offer }) = stage.clients[both[0]].offer() else {
            panic!("no offer");
        };
        let sdp = offer.sdp.replace("a=setup:passive", "a=setup:active");
        stage.tell(Command::Offer { participant, offer: Description { sdp: sdp.into(), ..offer } });
        stage.run(secs(1));
        let refused =
            |event: &Event| matches!(event, Event::Refused { why: Refused::Malformed(_), .. });
        assert_eq!(stage.told(refused), 1);
        assert_resumed(&stage, both, &cameras);
    }
}
