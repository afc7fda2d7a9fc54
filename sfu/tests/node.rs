//! The media node's life, as the process around it sees it.

use std::net::UdpSocket;
use std::sync::mpsc;
use std::time::Duration;

use beckon_sfu::{Config, Sfu, StartError};
use beckon_sfu_api::{
    Command, ConnectionMode, Description, Event, Held, Permissions, Refused, RoomId, RoomSettings,
    Unavailable,
};

fn start(shards: u16) -> Sfu {
    let listen = ([127, 0, 0, 1], 0).into();
    Sfu::start(Config { listen, shards, ..Config::default() }).unwrap()
}

fn open(sfu: &Sfu, room: &RoomId) -> Result<mpsc::Receiver<Event>, Unavailable> {
    let (events, received) = mpsc::channel();
    let settings = RoomSettings { participants_max: 2 };
    let sink = Box::new(move |event| drop(events.send(event)));
    sfu.node().open(room.clone(), settings, sink).map(|()| received)
}

/// The answer to an offer that cannot be read shows that somebody is there.
fn is_alive(sfu: &Sfu, room: &RoomId, events: &mpsc::Receiver<Event>) -> bool {
    let participant = "PA_1".into();
    let join = Command::Join {
        participant,
        connection: ConnectionMode::Single,
        permissions: Permissions { publish: true, subscribe: true },
    };
    let offer = Command::Offer {
        participant: "PA_1".into(),
        offer: Description { id: 1, sdp: "nonsense".into() },
    };
    sfu.node().tell(room, join, Held::nothing()).unwrap();
    sfu.node().tell(room, offer, Held::nothing()).unwrap();
    let refused = |event| matches!(event, Event::Refused { why: Refused::Malformed(_), .. });
    events.recv_timeout(Duration::from_secs(5)).is_ok_and(refused)
}

#[test]
fn rooms_live_on_all_shards_until_the_node_stops() {
    let sfu = start(2);
    assert_ne!(sfu.listening()[0], sfu.listening()[1]);
    let rooms: Vec<RoomId> = ["RM_1", "RM_2", "RM_3"].map(RoomId::from).to_vec();
    for room in &rooms {
        let events = open(&sfu, room).unwrap();
        assert!(is_alive(&sfu, room, &events), "{room}");
    }
    assert!(sfu.ready());
    sfu.stop();
    assert!(!sfu.ready());
    assert!(open(&sfu, &rooms[0]).is_err());
}

#[test]
fn a_closed_room_says_no_more_and_can_be_opened_again() {
    let (sfu, room) = (start(1), RoomId::from("RM_1"));
    let first = open(&sfu, &room).unwrap();
    sfu.node().tell(&room, Command::Close, Held::nothing()).unwrap();
    let second = open(&sfu, &room).unwrap();
    assert!(is_alive(&sfu, &room, &second));
    // Its sink is gone.
    assert_eq!(
        first.recv_timeout(Duration::from_secs(5)),
        Err(mpsc::RecvTimeoutError::Disconnected)
    );
    sfu.stop();
}

#[test]
fn noise_from_strangers_disturbs_nobody() {
    let (sfu, room) = (start(1), RoomId::from("RM_1"));
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in 0..1500 {
        let noise: Vec<u8> = (0..length).map(|at| (at * 31 + length) as u8).collect();
        stranger.send_to(&noise, sfu.listening()[0]).unwrap();
    }
    let events = open(&sfu, &room).unwrap();
    assert!(is_alive(&sfu, &room, &events));
    assert!(sfu.ready());
    sfu.stop();
}

#[test]
fn a_taken_port_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let started = Sfu::start(Config { listen, ..Config::default() });
    assert!(matches!(started, Err(StartError::Listen(address, _)) if address == listen));
}

#[test]
fn a_node_without_shards_or_without_ports_for_them_is_refused() {
    for (port, shards) in [(0, 0), (u16::MAX, 2)] {
        let config = Config { listen: ([127, 0, 0, 1], port).into(), shards, ..Config::default() };
        assert!(matches!(Sfu::start(config), Err(StartError::Shards)), "{shards} from port {port}");
    }
}
