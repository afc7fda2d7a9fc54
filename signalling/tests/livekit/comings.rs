//! How somebody comes in: over one who is there, or with an offer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit_protocol::client_info::Sdk;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    ClientInfo, DisconnectReason, JoinRequest, SessionDescription, TrickleRequest,
};

use super::stage::{Quiet, Socket, Stage, packed};

/// Less than an offer waits for the first word of a client that is not ready for its answer.
const BEFORE_IT_IS_ANSWERED: Duration = Duration::from_millis(80);

/// Is alive, and was not sent away meanwhile.
async fn is_there(socket: &mut Socket, number: i64) {
    socket.asks(Request::Ping(number)).await;
    let word = socket.hears_until(|message| match message {
        Message::Pong(_) | Message::Leave(_) => Some(message),
        _ => None,
    });
    assert_eq!(word.await, Message::Pong(number));
}

#[tokio::test]
async fn whoever_hangs_up_at_the_door_puts_nobody_out() {
    let stage = Stage::new().await;
    let (mut alice, welcome) = stage.join("alice").await;
    let sid = welcome.participant.unwrap().sid;
    let join = format!("/rtc?access_token={}", stage.token("alice"));
    let resume = format!("{join}&reconnect=1&sid={sid}");
    for number in 0..5 {
        for path in [&join, &resume] {
            stage.hang_up_once_answered(path).await;
            is_there(&mut alice, number).await;
        }
    }
    // so that all of them were served to their end
    stage.join("bob").await;
    is_there(&mut alice, 10).await;
}

#[tokio::test]
async fn whoever_comes_again_takes_the_place_of_the_one_before() {
    let stage = Stage::new().await;
    let (mut old, _) = stage.join("alice").await;
    let (mut new, _) = stage.join("alice").await;
    let leave = old.hears_until(|message| match message {
        Message::Leave(leave) => Some(leave),
        _ => None,
    });
    assert_eq!(leave.await.reason(), DisconnectReason::DuplicateIdentity);
    is_there(&mut new, 1).await;
}

/// A stage, and what is offered there.
async fn stage_of_offers() -> (Stage, Arc<Quiet>) {
    let media = Arc::new(Quiet::default());
    (Stage::build(Some(media.clone()), 100).await, media)
}

async fn joins_with_an_offer(stage: &Stage, identity: &str, sdk: Sdk) -> Socket {
    let offer = SessionDescription {
        r#type: "offer".into(),
        sdp: identity.into(),
        ..SessionDescription::default()
    };
    let client = ClientInfo { sdk: sdk as i32, ..ClientInfo::default() };
    let request = JoinRequest {
        client_info: Some(client),
        publisher_offer: Some(offer),
        ..JoinRequest::default()
    };
    let token = stage.token(identity);
    let path = format!("/rtc/v1?access_token={token}&join_request={}", packed(&request));
    let mut socket = stage.open(&path).await;
    socket.welcome().await;
    socket
}

#[tokio::test]
async fn the_offer_of_a_go_client_waits_for_its_first_word() {
    let (stage, media) = stage_of_offers().await;
    let (mut bob, _) = stage.join("bob").await;
    let is_offered = |who: &str| media.offers.lock().unwrap().iter().any(|sdp| sdp == who);
    let mut go = None;
    for number in 0..50 {
        let (name, began) = (format!("go {number}"), Instant::now());
        let socket = joins_with_an_offer(&stage, &name, Sdk::Go).await;
        // all that could happen at once has happened when the room has answered somebody else
        is_there(&mut bob, number).await;
        let was_offered = is_offered(&name);
        // on a machine that is slow for a moment its time was up
        if began.elapsed() < BEFORE_IT_IS_ANSWERED {
            assert!(!was_offered);
            go = Some((name, socket));
            break;
        }
    }
    let (name, mut go) = go.expect("one join in 80 ms");
    let init = r#"{"candidate": ""}"#.to_owned();
    let trickle = TrickleRequest { candidate_init: init, ..TrickleRequest::default() };
    go.asks(Request::Trickle(trickle)).await;
    is_there(&mut go, 1).await;
    assert!(is_offered(&name), "after its first word");
}

#[tokio::test]
async fn the_offer_of_another_client_is_there_with_it() {
    let (stage, media) = stage_of_offers().await;
    let mut web = joins_with_an_offer(&stage, "web", Sdk::Js).await;
    assert_eq!(*media.offers.lock().unwrap(), ["web"]);
    let mut silent = joins_with_an_offer(&stage, "silent", Sdk::Go).await;
    while media.offers.lock().unwrap().len() < 2 {
        is_there(&mut web, 1).await; // in time, without a word of the other
    }
    is_there(&mut silent, 1).await;
}
