//! People who came through different doors in one room.

use std::sync::atomic::{AtomicUsize, Ordering};

use beckon_sfu_api::{Event, Speaker};
use bytes::Bytes;
use livekit_protocol::signal_response::Message;

use super::stage::{Stage, claims, entrance};
use crate::rooms::{Dialect, Entrance, Notice};

static ENCODED: AtomicUsize = AtomicUsize::new(0);

/// Has one word for everything.
static OTHER: Dialect = Dialect { encode: count, address: |_, _| Err("no messages") };

fn count(_: Notice) -> Bytes {
    ENCODED.fetch_add(1, Ordering::Relaxed);
    Bytes::from_static(&[])
}

#[tokio::test]
async fn what_many_hear_is_encoded_once_for_each_door_and_each_hears_its_own() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let mut others = ["bob", "carol", "dan"].map(|name| {
        let how = Entrance { dialect: &OTHER, ..entrance() };
        stage.try_join(claims(name), how).unwrap()
    });
    alice.hears();
    for other in &mut others {
        while other.seat.frames.next_ready().is_some() {}
    }
    let before = ENCODED.load(Ordering::Relaxed);
    let speaker = Speaker { participant: alice.id.clone(), level: 0.5, active: true };
    stage.event(Event::Speakers(vec![speaker]));
    assert_eq!(ENCODED.load(Ordering::Relaxed) - before, 1);
    assert!(matches!(&alice.hears()[..], [Message::SpeakersChanged(_)]));
    for other in &mut others {
        assert_eq!(other.seat.frames.next_ready(), Some(Bytes::new()));
        assert_eq!(other.seat.frames.next_ready(), None);
    }
}
