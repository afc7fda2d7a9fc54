//! Two participants meet in a room and one says hello to the other, without a socket, a thread or a clock.
//!
//! ```sh
//! cargo run -p beckon-sfu-core --example two_in_a_room
//! ```
//!
//! The core takes datagrams, commands and the time, and gives back datagrams, events and a deadline. Here a queue of datagrams is the
//! network, and time passes as fast as we say: a second of it takes milliseconds.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use beckon_load::headless::description::{Description, Section};
use beckon_load::headless::{Headless, HeadlessEvent};
use beckon_sfu_api::{
    Command, ConnectionMode, DataKind, DataMessage, Description as Text, Event, ParticipantId,
    Permissions, RoomId, RoomSettings,
};
use beckon_sfu_core::config::ShardConfig;
use beckon_sfu_core::ice::IceCredentials;
use beckon_sfu_core::negotiation::read_session;
use beckon_sfu_core::shard::Shard;
use beckon_sfu_core::transport::Identity;

/// How long a step of our time is.
const STEP: Duration = Duration::from_millis(5);

struct Participant {
    id: ParticipantId,
    address: SocketAddr,
    transport: Headless,
}

fn main() {
    let mut now = Instant::now();
    let server: SocketAddr = ([192, 0, 2, 1], 7882).into();
    let config = ShardConfig { identity: Identity::generate(), candidates: vec![server] };
    let mut shard = Shard::new(config, now);
    let room = RoomId::from("RM_example");
    shard.open(now, room.clone(), RoomSettings { participants_max: 2 });

    let mut people: Vec<Participant> =
        [("alice", 1001), ("bob", 1002)].map(|(id, port)| Participant::new(id, port, now)).into();
    for person in &people {
        for command in person.comes_in() {
            shard.command(now, &room, command);
        }
    }

    // Here ends what signalling says; from now on, datagrams and time are enough.
    let (mut greeted, mut heard) = (false, false);
    while !heard {
        now += STEP;
        shard.handle_timeout(now);
        while let Some((room, event)) = shard.poll_event() {
            match event {
                Event::Answer { participant, answer, .. } => {
                    let person = people.iter_mut().find(|person| person.id == participant);
                    person.expect("one of the two").hears_answer(now, &answer);
                }
                // Whom a message is for is for signalling to decide. Here: everybody else.
                Event::Data { participant, kind, payload } => {
                    let others = people.iter().map(|person| person.id.clone());
                    let to = others.filter(|id| *id != participant).collect();
                    let message = DataMessage { from: participant, kind, to, payload };
                    shard.command(now, &room, Command::Send(message));
                }
                _ => {}
            }
        }
        deliver(&mut shard, &mut people, now);
        for person in &mut people {
            while let Some(event) = person.transport.poll_event() {
                println!("{}: {event:?}", person.id);
                heard |= matches!(event, HeadlessEvent::Data { .. });
            }
        }
        if !greeted && people.iter().all(|person| person.transport.is_connected()) {
            let greeting = b"hello, bob".as_slice().into();
            greeted = people[0].transport.send_data(now, DataKind::Reliable, &greeting).is_ok();
        }
    }
}

/// Carries datagrams both ways.
fn deliver(shard: &mut Shard, people: &mut [Participant], now: Instant) {
    for person in people.iter_mut() {
        person.transport.handle_timeout(now);
        while let Some(mut datagram) = person.transport.poll_transmit() {
            shard.handle_datagram(now, person.address, None, &mut datagram);
        }
    }
    let mut arrived = Vec::new();
    shard.flush(&mut |transmit| {
        let size = transmit.segment.unwrap_or(transmit.contents.len()).max(1);
        let datagrams = transmit.contents.chunks(size).map(<[u8]>::to_vec);
        arrived.extend(datagrams.map(|datagram| (transmit.path.remote, datagram)));
    });
    for (to, mut datagram) in arrived {
        let person = people.iter_mut().find(|person| person.address == to);
        person.expect("one of the two").transport.handle(now, &mut datagram);
    }
}

impl Participant {
    fn new(id: &str, port: u16, now: Instant) -> Participant {
        let mut transport = Headless::new(&Identity::generate());
        transport.open_channels(now);
        Participant { id: id.into(), address: ([198, 51, 100, 7], port).into(), transport }
    }

    /// What signalling would tell the core.
    fn comes_in(&self) -> [Command; 2] {
        let credentials = self.transport.credentials();
        let offer = Description {
            ufrag: credentials.ufrag.clone(),
            pwd: credentials.pwd.clone(),
            fingerprint: self.transport.fingerprint().to_owned(),
            role: self.transport.role(),
            sections: vec![Section::Data],
        };
        let offer = Text { id: 1, sdp: offer.offer(1).into() };
        let participant = self.id.clone();
        [
            Command::Join {
                participant: participant.clone(),
                connection: ConnectionMode::Single,
                permissions: Permissions { publish: true, subscribe: true },
            },
            Command::Offer { participant, offer },
        ]
    }

    fn hears_answer(&mut self, now: Instant, answer: &Text) {
        let answer = read_session(&answer.sdp).expect("the core writes what it can read");
        let credentials = IceCredentials { ufrag: answer.ufrag.clone(), pwd: answer.pwd.clone() };
        self.transport.set_remote(now, &credentials, &answer.fingerprint, answer.candidates[0]);
    }
}
