//! Descriptions wait for the media node where nobody else does.

use beckon_sfu_api::{Command, Event, Fault, Refused};
use futures_util::FutureExt as _;
use livekit_protocol::SessionDescription;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;

use super::stage::{Person, Stage, claims, entrance};
use crate::livekit::requests;
use crate::rooms::Entrance;

fn offer(id: u32) -> Request {
    Request::Offer(SessionDescription { r#type: "offer".into(), id, ..Default::default() })
}

#[tokio::test]
async fn a_description_of_another_type_than_its_message_is_refused() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    alice.hears();
    stage.told();
    for kind in ["pranswer", "rollback", "answer"] {
        let other = SessionDescription { r#type: kind.into(), id: 1, ..Default::default() };
        stage.asks(&alice, Request::Offer(other)).await;
        let words = alice.hears();
        let [Message::RequestResponse(no)] = &words[..] else { panic!("{kind}: {words:?}") };
        assert_eq!(no.reason(), Reason::InvalidRequest);
        assert!(stage.told().is_empty(), "{kind}");
    }
    stage.asks(&alice, Request::Offer(SessionDescription::default())).await;
    assert!(matches!(&stage.told()[..], [Command::Offer { .. }]), "some clients name no type");
}

#[tokio::test]
async fn a_client_hears_which_line_of_its_description_is_wrong() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    alice.hears();
    let why = Refused::Malformed(Fault { line: Some(7), why: "m= lists no format".into() });
    stage.event(Event::Refused { participant: alice.id.clone(), track: None, why });
    let words = alice.hears();
    let [Message::RequestResponse(no)] = &words[..] else { panic!("{words:?}") };
    assert_eq!(no.reason(), Reason::InvalidRequest);
    assert_eq!(no.message, "the description is refused: line 7: m= lists no format");
}

fn sends_at_once(person: &Person, request: Request) -> bool {
    person.seat.requests.send(requests::request(request), 1).now_or_never().is_some()
}

#[tokio::test]
async fn one_description_of_a_participant_is_under_way_and_the_next_waits_at_its_socket() {
    let mut stage = Stage::new(10);
    let [alice, bob] = stage.people(["alice", "bob"]);
    stage.hold(true);
    stage.asks(&alice, offer(1)).await;
    assert!(!sends_at_once(&alice, offer(2)), "the media node is at work on the first");
    assert!(sends_at_once(&alice, Request::Ping(1)));
    assert!(sends_at_once(&bob, offer(1)), "nobody else waits");
    stage.hold(false);
    assert!(sends_at_once(&alice, offer(2)));
}

#[tokio::test]
async fn another_socket_does_not_help_and_an_offer_with_the_join_counts() {
    let mut stage = Stage::new(10);
    stage.hold(true);
    let offer_along = Some(crate::rooms::SessionDescription::default());
    let alice = stage.join_with(claims("alice"), Entrance { offer: offer_along, ..entrance() });
    let again = Entrance { resume: Some(alice.id.to_string()), ..entrance() };
    let again = stage.try_join(claims("alice"), again).unwrap();
    assert!(!sends_at_once(&again, offer(2)));
    stage.hold(false);
    assert!(sends_at_once(&again, offer(2)));
    stage.settle();
}

/// Each of its participants may have a large one under way, but not all of them.
#[tokio::test]
async fn what_descriptions_of_a_room_take_is_bounded() {
    let mut stage = Stage::new(10);
    let people = stage.people(["a", "b", "c", "d", "e", "f"]);
    stage.hold(true);
    let at_once = |person: &&Person| {
        person.seat.requests.send(requests::request(offer(1)), 4096).now_or_never().is_some()
    };
    assert_eq!(people.iter().filter(at_once).count(), 4);
    stage.settle();
    stage.hold(false);
    assert!(at_once(&&people[5]));
}

#[tokio::test]
async fn a_room_whose_media_node_does_not_keep_up_starts_over_at_last() {
    let mut stage = Stage::new(10);
    let [_alice] = stage.people(["alice"]);
    stage.hold(true);
    for at in 0..300 {
        stage.room.media.tell(Command::Unpublish { track: format!("TR_{at}").into() });
    }
    assert!(!stage.room.media.has_room() && stage.room.media.in_touch());
    stage.seconds(5);
    assert!(!stage.room.over, "it may catch up");
    stage.seconds(10);
    assert!(stage.room.over);
    stage.hold(false);
    assert!(stage.room.media.has_room());
}
