//! What happens on an open socket.

use std::time::Duration;

use beckon_signalling::rooms::token::{Claims, Grants, mint};
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, DisconnectReason, JoinRequest, LeaveRequest, ParticipantInfo, Ping, SyncState,
    TrackPublishedResponse, UpdateParticipantMetadata,
};
use tokio_tungstenite::tungstenite;

use super::stage::{Socket, Stage, claims, key, packed};

/// What the next update says of somebody.
async fn update_of(socket: &mut Socket, identity: &str) -> ParticipantInfo {
    socket
        .hears_until(|message| match message {
            Message::Update(update) => {
                update.participants.into_iter().find(|info| info.identity == identity)
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn both_ways_of_joining_meet_in_one_room() {
    let stage = Stage::new().await;
    let (mut alice, welcome) = stage.join("alice").await;
    assert!(welcome.subscriber_primary && welcome.other_participants.is_empty());
    let (mut bob, welcome) = stage.join_by_header("bob").await;
    assert!(!welcome.subscriber_primary);
    assert_eq!(welcome.other_participants[0].identity, "alice");
    assert_eq!(welcome.room.unwrap().name, "garden");
    assert_eq!(update_of(&mut alice, "bob").await.state(), State::Joined);

    bob.asks(Request::PingReq(Ping { timestamp: 42, rtt: 0 })).await;
    let pong = bob.hears_until(|message| match message {
        Message::PongResp(pong) => Some(pong),
        _ => None,
    });
    assert_eq!(pong.await.last_ping_timestamp, 42);

    bob.asks(Request::Leave(LeaveRequest::default())).await;
    let gone = update_of(&mut alice, "bob").await;
    assert_eq!(gone.state(), State::Disconnected);
    assert_eq!(gone.disconnect_reason(), DisconnectReason::ClientInitiated);
    assert_eq!(bob.closes().await, Some(1000));
}

#[tokio::test]
async fn a_cut_socket_is_resumed_and_an_unknown_one_starts_over() {
    let stage = Stage::new().await;
    let (alice, welcome) = stage.join("alice").await;
    let sid = welcome.participant.unwrap().sid;
    let (mut bob, _) = stage.join("bob").await;
    drop(alice);
    let token = stage.token("alice");
    let mut alice = stage.open(&format!("/rtc?access_token={token}&reconnect=1&sid={sid}")).await;
    assert!(matches!(alice.hears().await, Message::Reconnect(_)));
    assert_eq!(update_of(&mut alice, "bob").await.identity, "bob");
    bob.asks(Request::Leave(LeaveRequest::default())).await;
    assert_eq!(update_of(&mut alice, "bob").await.state(), State::Disconnected);

    let mut lost = stage.open(&format!("/rtc?access_token={token}&reconnect=1&sid=PA_gone")).await;
    let Message::Leave(leave) = lost.hears().await else { panic!("no leave") };
    assert_eq!(leave.action(), Action::Reconnect);
    assert_eq!(lost.closes().await, Some(1000));
}

#[tokio::test]
async fn frames_that_should_not_be_close_the_socket_and_harm_nobody() {
    let stage = Stage::new().await;
    let (mut bob, _) = stage.join("bob").await;
    let (mut texts, _) = stage.join("texts").await;
    texts.sends(tungstenite::Message::Text("{}".into())).await;
    assert_eq!(texts.closes().await, Some(1003));
    let (mut huge, _) = stage.join("huge").await;
    huge.sends(tungstenite::Message::Binary(vec![0; 1024 * 1024].into())).await;
    assert!(matches!(huge.closes().await, Some(1009) | None));
    let (mut odd, _) = stage.join("odd").await;
    for _ in 0..19 {
        odd.sends(tungstenite::Message::Binary(vec![0xff; 50].into())).await;
    }
    odd.asks(Request::Ping(1)).await;
    odd.hears_until(|message| (message == Message::Pong(1)).then_some(())).await;
    odd.sends(tungstenite::Message::Binary(vec![0xff; 50].into())).await;
    assert_eq!(odd.closes().await, Some(1007));
    bob.asks(Request::Ping(2)).await;
    bob.hears_until(|message| (message == Message::Pong(2)).then_some(())).await;
}

#[tokio::test]
async fn a_node_that_stops_sends_everybody_to_start_over() {
    let stage = Stage::new().await;
    let (mut alice, _) = stage.join("alice").await;
    let drained = stage.signalling.drain(Duration::from_secs(10));
    let leave = alice.hears_until(|message| match message {
        Message::Leave(leave) => Some(leave),
        _ => None,
    });
    let ((), leave) = tokio::join!(drained, leave);
    assert_eq!(leave.reason(), DisconnectReason::ServerShutdown);
    assert_eq!(leave.action(), Action::Reconnect);
    let path = format!("/rtc?access_token={}", stage.token("bob"));
    assert_eq!(stage.try_open(&path).await.err().unwrap().0, 503);
}

#[tokio::test]
async fn a_join_request_at_the_older_address_means_one_connection() {
    let stage = Stage::new().await;
    let join_request = packed(&JoinRequest::default());
    let path = format!("/rtc?access_token={}&join_request={join_request}", stage.token("alice"));
    let mut alice = stage.open(&path).await;
    assert!(!alice.welcome().await.subscriber_primary, "not two, as the address alone would mean");
}

/// As React does it, which mounts everything twice: the first join is given up at once.
#[tokio::test]
async fn a_join_that_is_given_up_leaves_nothing_and_throws_nobody_out() {
    let stage = Stage::new().await;
    let (mut bob, _) = stage.join("bob").await;
    for round in 0..20 {
        let identity = format!("alice {round}");
        stage.hang_up_after_asking(&identity).await;
        let (mut alice, _) = stage.join(&identity).await;
        alice.asks(Request::Ping(round)).await;
        let word = alice.hears_until(|message| match message {
            Message::Pong(_) | Message::Leave(_) => Some(message),
            _ => None,
        });
        assert_eq!(word.await, Message::Pong(round));
    }
    for _ in 0..20 {
        stage.hang_up_after_asking("ghost").await;
    }
    bob.asks(Request::Ping(1)).await;
    let ghost = bob.hears_until(|message| match message {
        Message::Update(update) => {
            update.participants.iter().any(|info| info.identity == "ghost").then_some(true)
        }
        Message::Pong(1) => Some(false),
        _ => None,
    });
    assert!(!ghost.await, "nobody has come");
}

#[tokio::test]
async fn frames_that_would_become_large_in_memory_close_the_socket() {
    let stage = Stage::new().await;
    let (mut bob, _) = stage.join("bob").await;
    let tracks = vec![TrackPublishedResponse::default(); 30_000];
    let state = SyncState { publish_tracks: tracks, ..SyncState::default() };
    let (mut many, _) = stage.join("many").await;
    many.asks(Request::SyncState(state)).await;
    assert_eq!(many.closes().await, Some(1009));
    let (mut long, _) = stage.join("long").await;
    let name = "x".repeat(100_000);
    long.asks(Request::AddTrack(AddTrackRequest { name, ..AddTrackRequest::default() })).await;
    assert_eq!(long.closes().await, Some(1009));
    bob.asks(Request::Ping(2)).await;
    bob.hears_until(|message| (message == Message::Pong(2)).then_some(())).await;
}

#[tokio::test]
async fn whatever_text_is_in_metadata_it_comes_through() {
    let stage = Stage::new().await;
    let video = Grants { can_update_own_metadata: Some(true), ..claims("alice", "garden").video };
    let token = mint(&key(), Claims { video, ..claims("alice", "garden") });
    let mut alice = stage.open(&format!("/rtc?access_token={token}")).await;
    alice.welcome().await;
    let numbers = (0..9000).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    for text in ["0".repeat(20_000), format!("[{numbers}]"), "♥".repeat(9000), " ".repeat(9000)] {
        let attributes = [("doc".to_owned(), text.clone())].into();
        let request =
            UpdateParticipantMetadata { metadata: text, attributes, ..Default::default() };
        alice.asks(Request::UpdateMetadata(request)).await;
        let answer = alice.hears_until(|message| match message {
            Message::RequestResponse(answer) => Some(answer.reason()),
            _ => None,
        });
        assert_eq!(answer.await, Reason::Ok);
    }
}
