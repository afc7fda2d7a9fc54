//! Requests that name more than anybody means.

use beckon_sfu_api::Command;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{SubscriptionPermission, TrackPermission, UpdateSubscription};

use super::stage::{Stage, microphone};

#[tokio::test]
async fn a_request_about_many_tracks_has_few_answers() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    let track = stage.publishes(&mut alice, microphone("m")).await;
    bob.hears();
    stage.told();
    let wish = |subscribe| {
        let unknown = (0..3000).map(|number| format!("TR_{number}"));
        let twice = [track.to_string(), track.to_string(), "TR_1".into()];
        let track_sids = unknown.chain(twice).collect();
        Request::Subscription(UpdateSubscription { track_sids, subscribe, ..Default::default() })
    };
    for _ in 0..3 {
        stage.asks(&bob, wish(false)).await;
        assert_eq!(bob.hears(), []);
        stage.asks(&bob, wish(true)).await;
        let words = bob.hears();
        let named = words.iter().filter(|it| matches!(it, Message::SubscriptionResponse(_)));
        assert_eq!((named.count(), words.len()), (64, 65));
        let Some(Message::RequestResponse(rest)) = words.last() else { panic!("{words:?}") };
        assert_eq!(rest.reason(), Reason::LimitExceeded);
        let told = stage.told();
        let is_wanted = |command: &Command| match command {
            Command::Subscribe { tracks, .. } => tracks == std::slice::from_ref(&track),
            _ => false,
        };
        assert!(told.iter().any(is_wanted), "the others are not in its way: {told:?}");
    }
}

#[tokio::test]
async fn an_audience_that_is_too_long_to_keep_is_refused_and_not_cut() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    stage.publishes(&mut alice, microphone("m")).await;
    bob.hears();
    alice.hears();
    let one = TrackPermission { participant_identity: "x".into(), ..TrackPermission::default() };
    let audience =
        SubscriptionPermission { all_participants: false, track_permissions: vec![one; 1001] };
    stage.asks(&alice, Request::SubscriptionPermission(audience)).await;
    let words = alice.hears();
    let [Message::RequestResponse(no)] = &words[..] else { panic!("{words:?}") };
    assert_eq!(no.reason(), Reason::LimitExceeded);
    assert_eq!(bob.hears(), [], "nothing has changed");
}
