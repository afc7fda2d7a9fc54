//! Announced tracks that are taken back before they are offered.

use beckon_sfu_api::{Command, TrackId};
use livekit_protocol::TrackSource;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;

use super::stage::{Person, Stage, claims, entrance, microphone};
use crate::livekit::requests;
use crate::rooms::Entrance;

/// As many as somebody may have.
const TRACKS: usize = 32;

/// What a person was told of its announcements: which came, and which went.
fn announcements(person: &mut Person) -> (Vec<TrackId>, Vec<TrackId>) {
    let (mut came, mut went) = (vec![], vec![]);
    for message in person.hears() {
        match message {
            Message::TrackPublished(it) => came.push(TrackId::from(it.track.unwrap().sid.as_str())),
            Message::TrackUnpublished(it) => went.push(TrackId::from(it.track_sid.as_str())),
            _ => {}
        }
    }
    (came, went)
}

async fn announces(stage: &mut Stage, person: &mut Person, cid: &str) -> TrackId {
    stage.asks(person, Request::AddTrack(microphone(cid))).await;
    let (came, went) = announcements(person);
    assert_eq!((came.len(), went), (1, vec![]));
    came[0].clone()
}

#[tokio::test]
async fn what_is_not_offered_gives_way_to_what_is_announced_next() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let stays = stage.publishes(&mut alice, microphone("published")).await;
    let mut waiting = Vec::new();
    for number in 1..TRACKS {
        waiting.push(announces(&mut stage, &mut alice, &number.to_string()).await);
    }
    stage.told();
    for round in 0..100 {
        stage.asks(&alice, Request::AddTrack(microphone(&format!("again {round}")))).await;
        let (came, went) = announcements(&mut alice);
        assert_eq!(went, [waiting.remove(0)]);
        let told = stage.told();
        assert!(matches!(
            &told[..],
            [Command::Unpublish { track: old }, Command::Publish { track: new, .. }]
                if *old == went[0] && new.id == came[0]
        ));
        waiting.extend(came);
        if round % 7 == 0 {
            stage.answers(&alice);
        }
    }
    assert!(!waiting.contains(&stays));
}

#[tokio::test]
async fn what_is_never_offered_is_taken_back_after_a_while() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    let stays = stage.publishes(&mut alice, microphone("published")).await;
    let passed_over = announces(&mut stage, &mut alice, "passed over").await;
    stage.answers(&alice);
    let not_yet = announces(&mut stage, &mut alice, "not yet").await;
    bob.hears();
    stage.told();
    stage.seconds(9);
    assert_eq!(announcements(&mut alice), (vec![], vec![]));
    stage.seconds(2);
    assert_eq!(announcements(&mut alice), (vec![], vec![passed_over.clone()]));
    assert_eq!(stage.told(), [Command::Unpublish { track: passed_over }]);
    stage.seconds(50);
    assert_eq!(announcements(&mut alice), (vec![], vec![not_yet]));
    stage.seconds(100);
    assert_eq!(announcements(&mut alice), (vec![], vec![]));
    assert!(stage.room.owners.contains_key(&stays));
    let updates = bob.hears().into_iter().filter(|message| matches!(message, Message::Update(_)));
    assert_eq!(updates.count(), 0, "the others never saw them");
}

#[tokio::test]
async fn another_track_under_a_name_takes_the_place_of_the_one_that_was_not_offered() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let first = announces(&mut stage, &mut alice, "m").await;
    let mut other = microphone("m");
    other.source = TrackSource::ScreenShareAudio as i32;
    stage.asks(&alice, Request::AddTrack(other)).await;
    let (came, went) = announcements(&mut alice);
    assert_eq!(went, std::slice::from_ref(&first));
    assert!(came.len() == 1 && came[0] != first);
}

#[tokio::test]
async fn announcements_that_come_with_a_join_are_answered_as_far_as_there_may_be_any() {
    let mut stage = Stage::new(10);
    let tracks =
        (0..2000).map(|number| requests::add_track(microphone(&number.to_string()))).collect();
    let mut alice = stage.join_with(claims("alice"), Entrance { tracks, ..entrance() });
    let words = alice.hears();
    let refused = words.iter().filter(|word| match word {
        Message::RequestResponse(no) => no.reason() == Reason::LimitExceeded,
        _ => false,
    });
    assert_eq!(refused.count(), 1);
    assert!(!alice.is_closed());
}
