//! Rooms with more to receive than one participant has room for.

use beckon_sfu_api::{Codec, Command, Event, Refused, TrackId};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{AddTrackRequest, SubscriptionError, TrackSource, TrackType};

use super::stage::{Person, Stage, claims, entrance, microphone};
use crate::rooms::Entrance;

fn camera(cid: &str) -> AddTrackRequest {
    AddTrackRequest {
        cid: cid.into(),
        r#type: TrackType::Video as i32,
        source: TrackSource::Camera as i32,
        ..AddTrackRequest::default()
    }
}

/// What somebody receives by all that the media node was told.
fn received(told: &[Command], person: &Person) -> Vec<TrackId> {
    let mut received: Vec<TrackId> = Vec::new();
    for command in told {
        match command {
            Command::Subscribe { participant, tracks } if *participant == person.id => {
                received.extend(tracks.iter().cloned());
            }
            Command::Unsubscribe { participant, tracks } if *participant == person.id => {
                received.retain(|track| !tracks.contains(track));
            }
            _ => {}
        }
    }
    received
}

fn refusals(person: &mut Person) -> Vec<TrackId> {
    let words = person.hears().into_iter();
    let refusals = words.filter_map(|message| match message {
        Message::SubscriptionResponse(no) => {
            assert_eq!(no.err(), SubscriptionError::SeUnknown);
            Some(TrackId::from(no.track_sid))
        }
        _ => None,
    });
    refusals.collect()
}

#[tokio::test]
async fn a_newcomer_to_a_full_room_receives_everybody_voices_first() {
    let mut stage = Stage::new(100);
    let mut voices = Vec::new();
    for at in 0..99 {
        let mut person = stage.join_with(
            claims(&format!("person {at}")),
            Entrance { auto_subscribe: false, ..entrance() },
        );
        stage.publishes(&mut person, camera("c")).await;
        voices.push(stage.publishes(&mut person, microphone("m")).await);
    }
    stage.told();
    let mut newcomer = stage.join("newcomer");
    let received = received(&stage.told(), &newcomer);
    assert_eq!(received.len(), 198);
    assert!(voices.iter().all(|voice| received[..99].contains(voice)), "voices come first");
    assert_eq!(refusals(&mut newcomer), []);
}

#[tokio::test]
async fn one_who_publishes_much_takes_nobodys_place_and_whoever_waits_gets_the_next() {
    let mut stage = Stage::new(4);
    let mut newcomer = stage.join("newcomer");
    let mut loud = stage.join("loud");
    let mut first = Vec::new();
    for at in 0..30 {
        first.push(stage.publishes(&mut loud, microphone(&at.to_string())).await);
    }
    let told = stage.told();
    assert_eq!(received(&told, &newcomer).len(), 20, "four people, and sixteen more");
    let refused = refusals(&mut newcomer);
    assert_eq!(refused.len(), 10);

    let mut quiet = stage.join("quiet");
    let voice = stage.publishes(&mut quiet, microphone("m")).await;
    let told = [told, stage.told()].concat();
    let now = received(&told, &newcomer);
    assert!(now.contains(&voice) && now.len() == 20);
    assert_eq!(refusals(&mut newcomer).len(), 1, "the last of the loud one had to go");

    let gone = now.iter().find(|track| **track != voice).unwrap().clone();
    stage.event(Event::Unpublished { participant: loud.id.clone(), track: gone.clone() });
    let told = [told, stage.told()].concat();
    let now: Vec<_> = received(&told, &newcomer).into_iter().filter(|it| *it != gone).collect();
    assert_eq!(now.len(), 20, "somebody else has the place");
    assert_eq!(refusals(&mut newcomer), []);
}

#[tokio::test]
async fn what_the_media_node_has_no_room_for_is_tried_again() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    let one = stage.publishes(&mut alice, camera("one")).await;
    let two = stage.publishes(&mut alice, camera("two")).await;
    let mut told = stage.told();
    bob.hears();
    let (participant, why) = (bob.id.clone(), Refused::Limit);
    stage.event(Event::Refused { participant, track: Some(two.clone()), why });
    told.extend(stage.told());
    assert_eq!(received(&told, &bob), std::slice::from_ref(&one));
    assert_eq!(refusals(&mut bob), std::slice::from_ref(&two));
    stage.event(Event::Unpublished { participant: alice.id.clone(), track: one.clone() });
    told.extend(stage.told());
    assert!(received(&told, &bob).contains(&two), "there is room now");
}

#[tokio::test]
async fn a_burst_of_publications_is_one_order_for_each_subscriber() {
    let mut stage = Stage::new(100);
    let mut people: Vec<_> = (0..100).map(|at| stage.join(&format!("person {at}"))).collect();
    let mut published = Vec::new();
    for person in &mut people {
        stage.asks(person, Request::AddTrack(microphone("m"))).await;
        let track = person.hears().into_iter().find_map(|message| match message {
            Message::TrackPublished(it) => Some(TrackId::from(it.track?.sid)),
            _ => None,
        });
        published.push(Event::Published {
            participant: person.id.clone(),
            track: track.unwrap(),
            codec: Codec::Opus,
            mid: "1".into(),
            answered: true,
        });
    }
    stage.told();
    stage.events(published);
    let told = stage.told();
    assert_eq!(told.len(), 100, "no more than the media node has room for");
    assert!(people.iter().all(|person| received(&told, person).len() == 99));
}
