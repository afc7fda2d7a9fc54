//! Joining, resuming, leaving, being sent away.

use beckon_sfu_api::{Command, Event, Lost};
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::{Kind, State};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{DisconnectReason, LeaveRequest, UpdateParticipantMetadata};

use super::super::super::{Happening, NotAdmitted};
use super::super::Plan;
use super::stage::{Person, Stage, claims, entrance, microphone, seen};
use crate::rooms::token::{Claims, Grants};
use crate::rooms::{Entrance, SessionDescription};

fn resume(person: &Person) -> Entrance {
    Entrance { resume: Some(person.id.to_string()), ..entrance() }
}

/// The last word of the room to a socket.
fn last_word(person: &mut Person) -> (DisconnectReason, Action) {
    let words = person.hears();
    let Some(Message::Leave(leave)) = words.last() else { panic!("no leave in {words:?}") };
    assert!(person.is_closed());
    (leave.reason(), leave.action())
}

#[tokio::test]
async fn a_join_is_answered_with_all_that_a_client_needs() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let mic = stage.publishes(&mut alice, microphone("a")).await;
    stage.told();
    let offer = SessionDescription { sdp: "v=0".into(), id: 7, ..Default::default() };
    let bob = stage.join_with(claims("bob"), Entrance { offer: Some(offer), ..entrance() });

    let welcome = bob.welcome.as_ref().unwrap();
    assert!(!welcome.subscriber_primary && welcome.ping_interval < welcome.ping_timeout);
    assert!(!welcome.server_info.as_ref().unwrap().version.is_empty());
    assert!(welcome.enabled_publish_codecs.iter().any(|codec| codec.mime == "video/VP8"));
    assert!(welcome.participant.as_ref().unwrap().permission.as_ref().unwrap().can_publish);
    let others = seen(&welcome.other_participants);
    assert_eq!((others[0].0, others[0].2[0].sid.as_str()), ("alice", mic.as_str()));

    let told = stage.told();
    assert!(
        matches!(&told[..], [Command::Join { .. }, Command::Subscribe { tracks, .. }, Command::Offer { offer, .. }]
            if *tracks == [mic] && offer.id == 7),
        "{told:?}"
    );
    assert_eq!(seen(&alice.hears_update_of("bob")), [("bob", State::Joined, vec![])]);
}

#[tokio::test]
async fn a_broken_socket_is_no_departure() {
    let mut stage = Stage::new(10);
    let [alice, mut bob] = stage.people(["alice", "bob"]);
    let mic = stage.publishes(&mut bob, microphone("b")).await;
    let alice_id = alice.id.clone();
    let again = resume(&alice);
    drop(alice.seat);
    stage.settle();
    stage.seconds(14);
    assert!(!bob.hears().iter().any(|message| matches!(message, Message::Update(_))));

    stage.told();
    let mut alice = Person { id: alice_id, ..stage.try_join(claims("alice"), again).unwrap() };
    assert!(matches!(alice.first, Some(Message::Reconnect(_))), "that must come first");
    let words = alice.hears();
    let [Message::Update(update), ..] = &words[..] else { panic!("{words:?}") };
    let here = seen(&update.participants);
    assert_eq!((here[0].0, here[0].2[0].sid.as_str()), ("bob", mic.as_str()));
    assert!(matches!(&stage.told()[..], [Command::Restart { .. }]), "media goes on");
    stage.asks(&alice, Request::Ping(5)).await;
    assert_eq!(alice.hears(), [Message::Pong(5)]);
}

#[tokio::test]
async fn who_left_meanwhile_is_told_to_who_comes_back() {
    let mut stage = Stage::new(10);
    let [alice, bob, mut eve] = stage.people(["alice", "bob", "eve"]);
    let again = resume(&alice);
    drop(alice.seat);
    stage.asks(&bob, Request::Leave(LeaveRequest::default())).await;
    assert_eq!(seen(&eve.hears_update()), [("bob", State::Disconnected, vec![])]);
    let mut alice = stage.try_join(claims("alice"), again).unwrap();
    let update = alice.hears_update();
    let states: Vec<_> = seen(&update).iter().map(|(who, state, _)| (*who, *state)).collect();
    assert_eq!(states, [("bob", State::Disconnected), ("eve", State::Active)]);
}

#[tokio::test]
async fn whoever_does_not_come_back_is_gone() {
    let mut stage = Stage::new(10);
    let [alice, mut bob] = stage.people(["alice", "bob"]);
    let (again, alice_id) = (resume(&alice), alice.id.clone());
    drop(alice.seat);
    stage.settle();
    stage.seconds(16);
    assert_eq!(seen(&bob.hears_update()), [("alice", State::Disconnected, vec![])]);
    assert!(stage.told().contains(&Command::Leave { participant: alice_id }));
    let mut late = stage.try_join(claims("alice"), again).unwrap();
    let Some(Message::Leave(leave)) = &late.first else { panic!("{:?}", late.first) };
    assert_eq!(leave.action(), Action::Reconnect, "it starts over");
    assert!(late.is_closed());
}

#[tokio::test]
async fn only_ones_own_place_can_be_resumed() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let stolen = resume(&alice);
    let seat = stage.try_join(claims("eve"), stolen).unwrap();
    assert!(seat.welcome.is_none());
    stage.asks(&alice, Request::Ping(1)).await;
    assert_eq!(alice.hears(), [Message::Pong(1)], "the socket of the true one works");
}

#[tokio::test]
async fn closing_media_without_a_socket_is_a_departure_at_once() {
    let mut stage = Stage::new(10);
    let [alice, mut bob] = stage.people(["alice", "bob"]);
    let lost = Event::Lost { participant: alice.id.clone(), why: Lost::Closed };
    stage.event(lost);
    assert_eq!(bob.hears(), [], "its goodbye may be under way");
    drop(alice.seat);
    stage.settle();
    assert_eq!(seen(&bob.hears_update()), [("alice", State::Disconnected, vec![])]);
}

#[tokio::test]
async fn silent_media_is_a_departure() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    stage.event(Event::Lost { participant: alice.id.clone(), why: Lost::Silent });
    assert_eq!(last_word(&mut alice), (DisconnectReason::ConnectionTimeout, Action::Reconnect));
    assert_eq!(seen(&bob.hears_update()), [("alice", State::Disconnected, vec![])]);
}

#[tokio::test]
async fn whoever_cannot_go_on_starts_over() {
    for why in [Lost::Failed, Lost::Data] {
        let mut stage = Stage::new(10);
        let [mut alice, mut bob] = stage.people(["alice", "bob"]);
        stage.event(Event::Lost { participant: alice.id.clone(), why });
        assert_eq!(last_word(&mut alice), (DisconnectReason::MediaFailure, Action::Reconnect));
        assert_eq!(seen(&bob.hears_update()), [("alice", State::Disconnected, vec![])]);
    }
}

#[tokio::test]
async fn the_same_identity_again_replaces_the_first() {
    let mut stage = Stage::new(2);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    while stage.notice().is_some() {}
    let again = stage.join("alice");
    assert_ne!(again.id, alice.id);
    assert_eq!(last_word(&mut alice), (DisconnectReason::DuplicateIdentity, Action::Disconnect));
    let words = bob.hears();
    let [Message::Update(first), Message::Update(second)] = &words[..] else { panic!("{words:?}") };
    assert_eq!(first.participants[0].state(), State::Disconnected);
    assert_eq!(second.participants[0].sid, again.id.as_str());
    let joined = Happening::Joined { identity: "alice".into() };
    assert_eq!((stage.notice(), stage.notice()), (Some(joined), None), "nobody has left");
}

#[tokio::test]
async fn a_full_room_takes_nobody_else() {
    let mut stage = Stage::new(2);
    let [_alice, _bob] = stage.people(["alice", "bob"]);
    let refused = stage.try_join(claims("eve"), entrance()).err();
    assert_eq!(refused, Some(NotAdmitted::Full));
    assert_eq!(stage.room.check("eve"), Err(NotAdmitted::Full));
    assert_eq!(stage.room.check("alice"), Ok(()), "who is there may come anew");
}

#[tokio::test]
async fn who_is_removed_hears_why() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    stage.room.remove(stage.now, "alice").unwrap();
    assert_eq!(last_word(&mut alice), (DisconnectReason::ParticipantRemoved, Action::Disconnect));
    let update = bob.hears_update();
    assert_eq!(update[0].disconnect_reason(), DisconnectReason::ParticipantRemoved);
    assert!(stage.room.remove(stage.now, "alice").is_err());
}

#[tokio::test]
async fn nobody_sees_who_is_hidden() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let video = Grants { hidden: Some(true), ..claims("eve").video };
    let eve = stage.join_with(Claims { video, ..claims("eve") }, entrance());
    stage.event(Event::Connected { participant: eve.id.clone() });
    let bob = stage.join("bob");
    assert_eq!(seen(&bob.welcome.unwrap().other_participants)[0].0, "alice");
    drop(eve.seat);
    stage.settle();
    stage.seconds(16);
    let words = alice.hears();
    assert!(!format!("{words:?}").contains("eve"), "{words:?}");
}

#[tokio::test]
async fn a_reader_that_is_too_slow_loses_its_socket_and_may_come_back() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    for number in 0..600 {
        stage.asks(&alice, Request::Ping(number)).await;
    }
    assert!(alice.is_closed());
    assert!(alice.seat.frames.is_too_slow(), "which is known though all is read that was there");
    assert_eq!(bob.hears(), []);
    let again = resume(&alice);
    assert_eq!(stage.try_join(claims("alice"), again).unwrap().hears_update()[0].identity, "bob");
}

#[tokio::test]
async fn a_room_ends_when_it_stays_empty() {
    let mut stage = Stage::new(10);
    let alice = stage.join("alice");
    stage.seconds(30);
    assert!(!stage.room.over);
    stage.asks(&alice, Request::Leave(LeaveRequest::default())).await;
    stage.seconds(19);
    assert!(!stage.room.over, "somebody may come back");
    stage.seconds(2);
    assert!(stage.room.over);
}

#[tokio::test]
async fn a_client_gets_new_tokens_before_its_old_one_ends() {
    let mut stage = Stage::new(10);
    let mut alice = stage.join("alice");
    stage.event(Event::Connected { participant: alice.id.clone() });
    stage.seconds(301);
    let token = alice.hears().into_iter().find_map(|message| match message {
        Message::RefreshToken(token) => Some(token),
        _ => None,
    });
    let now = crate::clock::now_ms() / 1000;
    let claims = crate::rooms::token::verify(&stage.rooms.keys, &token.unwrap(), now).unwrap();
    assert_eq!((claims.sub.as_str(), claims.video.room.as_str()), ("alice", "garden"));
}

#[tokio::test]
async fn an_earlier_request_never_throws_out_a_later_one() {
    let mut stage = Stage::new(10);
    let [mut bob] = stage.people(["bob"]);
    stage.number = 7;
    let mut live = stage.join("alice");
    live.hears();
    bob.hears();
    stage.number = 3; // asked first, and has its socket only now
    let late = stage.try_join(claims("alice"), entrance());
    assert_eq!(late.err(), Some(NotAdmitted::Superseded));
    assert_eq!((live.hears(), bob.hears()), (vec![], vec![]));
    assert!(!live.is_closed());
}

#[tokio::test]
async fn whoever_hangs_up_before_media_flows_is_gone_soon() {
    let mut stage = Stage::new(10);
    let [mut bob] = stage.people(["bob"]);
    let alice = stage.join("alice");
    drop(alice.seat);
    stage.settle();
    stage.seconds(6);
    assert!(seen(&bob.hears_update_of("alice")).contains(&("alice", State::Disconnected, vec![])));
}

#[tokio::test]
async fn a_room_is_as_the_first_token_asks() {
    let config: crate::rooms::token::RoomConfig = serde_json::from_str(
        r#"{"maxParticipants": 1, "metadata": "about gardens", "departureTimeout": 60}"#,
    )
    .unwrap();
    let plan = Plan::of(Some(&config), 100);
    assert_eq!((plan.participants_max, plan.empty_for.as_secs()), (1, 60));
    let mut stage = Stage::of(plan);
    let alice = stage.join("alice");
    let room = alice.welcome.as_ref().unwrap().room.as_ref().unwrap();
    assert_eq!((room.metadata.as_str(), room.max_participants), ("about gardens", 1));
    assert_eq!(stage.try_join(claims("bob"), entrance()).err(), Some(NotAdmitted::Full));
    stage.asks(&alice, Request::Leave(LeaveRequest::default())).await;
    stage.seconds(50);
    assert!(!stage.room.over);
    stage.seconds(15);
    assert!(stage.room.over);
}

#[tokio::test]
async fn a_token_says_what_somebody_is() {
    let mut stage = Stage::new(10);
    let attributes = [("mood".to_owned(), "glad".to_owned())].into();
    let (kind, kind_details) = ("sip".into(), vec!["cloud_agent".into()]);
    let video = Grants { recorder: Some(true), ..claims("eve").video };
    let eve = Claims { kind, kind_details, attributes, video, ..claims("eve") };
    let eve = stage.join_with(eve, entrance());
    let info = eve.welcome.unwrap().participant.unwrap();
    assert_eq!((info.kind(), info.kind_details.len()), (Kind::Sip, 1));
    assert_eq!(info.attributes["mood"], "glad");
    #[allow(deprecated, reason = "older clients read it")]
    let recorder = info.permission.unwrap().recorder;
    assert!(recorder);
}

#[tokio::test]
async fn a_silent_reader_costs_a_bounded_number_of_bytes() {
    let mut stage = Stage::new(10);
    let may = Grants { can_update_own_metadata: Some(true), ..claims("alice").video };
    let mut alice = stage.join_with(Claims { video: may, ..claims("alice") }, entrance());
    let mut silent = stage.join("silent");
    silent.hears();
    for number in 0..20 {
        alice.hears();
        let metadata = number.to_string().repeat(200_000);
        let request = UpdateParticipantMetadata { metadata, ..Default::default() };
        stage.asks(&alice, Request::UpdateMetadata(request)).await;
    }
    let mut waiting = 0;
    while let Some(frame) = silent.seat.frames.next_ready() {
        waiting += frame.len();
    }
    assert!(waiting <= 4 << 20, "{waiting} bytes");
    assert!(silent.is_closed(), "it is let go");
    stage.asks(&alice, Request::Ping(1)).await;
    assert!(alice.hears().contains(&Message::Pong(1)));
}
