//! One person rings another.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Person, Stage};

/// Starts a call and returns its id.
async fn rings(caller: &Person, callee: &Person) -> String {
    let id = Uuid::new_v4().to_string();
    let start =
        json!({"type": "call_start", "call_id": id, "user_id": callee.id, "media": "video"});
    caller.gets_ok(start).await;
    id
}

fn act(kind: &str, call_id: &str) -> Value {
    json!({"type": kind, "call_id": call_id})
}

fn signal(call_id: &str, signal: Value) -> Value {
    json!({"type": "call_signal", "call_id": call_id, "signal": signal})
}

/// Beyond the 45 s a call rings, and the 20 s a socket may be gone.
const LONG: Duration = Duration::from_secs(70);

async fn ends(person: &Person, call_id: &str, outcome: &str) {
    let ended = person.notices_that("call_ended", |frame| frame["call_id"] == call_id).await;
    assert_eq!(ended["outcome"], outcome, "{} saw {ended}", person.name);
}

/// Alice and Bob, who are talking, and the call.
async fn talking(stage: &Stage) -> (Person, Person, String) {
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let call = rings(&alice, &bob).await;
    bob.notices("call_ringing").await;
    bob.gets_ok(act("call_accept", &call)).await;
    for person in [&alice, &bob] {
        let accepted = person.notices("call_accepted").await;
        assert_eq!(
            (&accepted["call"]["mine"], &accepted["call"]["state"]),
            (&json!(true), &json!("active"))
        );
    }
    (alice, bob, call)
}

#[tokio::test]
async fn a_call_rings_on_every_device_and_answering_one_dismisses_the_others() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let tablet = bob.on_another_device("tablet").await;
    let call = rings(&alice, &bob).await;
    for device in [&bob, &tablet] {
        let ringing = device.notices("call_ringing").await["call"].clone();
        assert_eq!((&ringing["id"], &ringing["state"]), (&json!(call), &json!("ringing")));
        assert_eq!(
            (&ringing["caller"]["id"], &ringing["media"]),
            (&json!(alice.id), &json!("video"))
        );
    }
    tablet.gets_ok(act("call_accept", &call)).await;
    assert_eq!(tablet.notices("call_accepted").await["call"]["mine"], true);
    assert_eq!(bob.notices("call_accepted").await["call"]["mine"], false);
    assert_eq!(alice.notices("call_accepted").await["call"]["mine"], true);
    bob.is_refused(act("call_accept", &call), "call_over").await;
}

#[tokio::test]
async fn sdp_and_candidates_go_between_the_two_and_nowhere_else() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let alices_phone = alice.on_another_device("phone").await;
    let tablet = bob.on_another_device("tablet").await;
    let call = rings(&alice, &bob).await;
    bob.notices("call_ringing").await;
    bob.gets_ok(act("call_accept", &call)).await;
    alice.notices("call_accepted").await;

    let offer = json!({"kind": "offer", "sdp": "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"});
    alice.gets_ok(signal(&call, offer.clone())).await;
    assert_eq!(bob.notices("call_signal").await["signal"], offer);
    let candidate = json!({"kind": "candidate", "candidate":
        {"candidate": "candidate:1 1 udp 1 127.0.0.1 5000 typ host", "sdpMid": "0", "sdpMLineIndex": 0}});
    bob.gets_ok(signal(&call, candidate.clone())).await;
    assert_eq!(alice.notices("call_signal").await["signal"], candidate);
    let media = json!({"kind": "media", "microphone": true, "camera": false, "screen": true});
    bob.gets_ok(signal(&call, media.clone())).await;
    assert_eq!(alice.notices("call_signal").await["signal"], media);

    for device in [&alices_phone, &tablet] {
        device.gets_ok(json!({"type": "ping"})).await;
        device.has_noticed_no("call_signal").await;
        let answer = device.asks(signal(&call, offer.clone())).await;
        assert_eq!(answer["type"], "error", "{answer}");
    }
}

#[tokio::test]
async fn a_stranger_gets_no_word_into_a_call() {
    let stage = Stage::new().await;
    let (alice, bob, call) = talking(&stage).await;
    let mallory = stage.person("mallory").await;
    let offer = json!({"kind": "offer", "sdp": "v=0"});
    for frame in [signal(&call, offer), act("call_accept", &call), act("call_hangup", &call)] {
        let answer = mallory.asks(frame).await;
        assert_eq!(answer["type"], "error", "{answer}");
    }
    alice.gets_ok(signal(&call, json!({"kind": "candidates_end"}))).await;
    assert_eq!(bob.notices("call_signal").await["signal"]["kind"], "candidates_end");
}

#[tokio::test]
async fn a_signal_can_be_large_but_not_larger_than_32_kib() {
    let stage = Stage::new().await;
    let (alice, bob, call) = talking(&stage).await;
    let large = json!({"kind": "offer", "sdp": "x".repeat(30 * 1024)});
    alice.gets_ok(signal(&call, large.clone())).await;
    assert_eq!(bob.notices("call_signal").await["signal"], large);
    let answer =
        alice.asks(signal(&call, json!({"kind": "offer", "sdp": "x".repeat(33 * 1024)}))).await;
    assert_eq!(answer["error"]["code"], "too_large", "{answer}");
}

#[tokio::test]
async fn hanging_up_leaves_a_record_with_the_duration() {
    let stage = Stage::new().await;
    let (alice, bob, call) = talking(&stage).await;
    alice.gets_ok(act("call_hangup", &call)).await;
    ends(&alice, &call, "completed").await;
    ends(&bob, &call, "completed").await;
    let room = alice.room_with(&bob).await;
    let record = &bob.record_of(&room, &call).await["body"];
    assert_eq!((&record["type"], &record["outcome"]), (&json!("call"), &json!("completed")));
    assert!(record["duration_ms"].is_u64(), "{record}");
    bob.is_refused(act("call_hangup", &call), "call_over").await;
}

#[tokio::test]
async fn a_declined_call_says_so_on_both_sides() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let call = rings(&alice, &bob).await;
    bob.notices("call_ringing").await;
    bob.gets_ok(act("call_decline", &call)).await;
    ends(&alice, &call, "declined").await;
    ends(&bob, &call, "declined").await;
    let room = alice.room_with(&bob).await;
    assert_eq!(alice.record_of(&room, &call).await["body"]["outcome"], "declined");
}

#[tokio::test]
async fn a_call_is_no_news_to_those_who_declined_it_and_what_came_before_it_still_is() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let last = bob.sees(&room).await["last_seq"].clone();
    let read = json!({"type": "receipt", "conversation_id": room.id, "read_seq": last});
    bob.gets_ok(read).await;

    let call = rings(&alice, &bob).await;
    bob.notices("call_ringing").await;
    bob.gets_ok(act("call_decline", &call)).await;
    let record = bob.record_of(&room, &call).await["seq"].clone();
    let has_read = |frame: &Value| frame["user_id"] == bob.id && frame["read_seq"] == record;
    bob.notices_that("receipt", has_read).await;
    assert_eq!(bob.sees(&room).await["unread"], 0);

    alice.says("Are you there?", &room).await;
    let again = rings(&alice, &bob).await;
    bob.gets_ok(act("call_decline", &again)).await;
    bob.record_of(&room, &again).await;
    assert_eq!(bob.sees(&room).await["unread"], 2, "the question is not read, nor what follows it");
}

#[tokio::test]
async fn a_caller_who_gives_up_cancels() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let call = rings(&alice, &bob).await;
    bob.notices("call_ringing").await;
    alice.gets_ok(act("call_hangup", &call)).await;
    ends(&bob, &call, "cancelled").await;
    bob.is_refused(act("call_accept", &call), "call_over").await;
}

#[tokio::test]
async fn somebody_in_a_call_is_busy() {
    let stage = Stage::new().await;
    let (alice, bob, call) = talking(&stage).await;
    let carol = stage.person("carol").await;
    carol.befriends(&bob).await;
    let id = Uuid::new_v4().to_string();
    let start = json!({"type": "call_start", "call_id": id, "user_id": bob.id, "media": "voice"});
    carol.asks(start).await;
    ends(&carol, &id, "busy").await;
    let room = carol.room_with(&bob).await;
    assert_eq!(carol.record_of(&room, &id).await["body"]["outcome"], "busy");
    alice.gets_ok(signal(&call, json!({"kind": "candidates_end"}))).await;
    bob.notices("call_signal").await;
}

#[tokio::test]
async fn when_both_call_each_other_they_meet_in_the_first_call() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let first = rings(&alice, &bob).await;
    rings(&bob, &alice).await;
    for person in [&alice, &bob] {
        let accepted = person.notices("call_accepted").await["call"].clone();
        assert_eq!((&accepted["id"], &accepted["mine"]), (&json!(first), &json!(true)));
    }
}

#[tokio::test]
async fn starting_the_same_call_again_changes_nothing() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let id = Uuid::new_v4().to_string();
    let start = json!({"type": "call_start", "call_id": id, "user_id": bob.id, "media": "video"});
    alice.gets_ok(start.clone()).await;
    alice.gets_ok(start).await;
    bob.notices("call_ringing").await;
    bob.gets_ok(act("call_accept", &id)).await;
    bob.notices("call_accepted").await;
    bob.has_noticed_no("call_ringing").await;
}

#[tokio::test]
async fn strangers_cannot_ring_and_blocked_people_ring_in_vain() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.people(["alice", "bob"]).await;
    let start = |to: &Person| json!({"type": "call_start", "call_id": Uuid::new_v4(), "user_id": to.id, "media": "voice"});
    alice.is_refused(start(&bob), "not_contacts").await;
    let answer = alice.asks(start(&alice)).await;
    assert_eq!(answer["type"], "error", "{answer}");

    alice.befriends(&bob).await;
    bob.put(&format!("blocks/{}", alice.id), json!({})).await.ok();
    alice.gets_ok(start(&bob)).await;
    alice.notices("call_ringing").await;
    bob.gets_ok(json!({"type": "ping"})).await;
    bob.has_noticed_no("call_ringing").await;
}

#[tokio::test]
async fn a_reload_in_the_middle_of_a_call_resumes_it() {
    let stage = Stage::new().await;
    let (alice, bob, call) = talking(&stage).await;
    let place = bob.loses_connection().await;
    alice.gets_ok(signal(&call, json!({"kind": "candidates_end"}))).await;
    let welcome = bob.resumes(&place).await;
    assert_eq!((&welcome["recovered"], &welcome["calls"][0]["id"]), (&json!(true), &json!(call)));
    bob.notices("call_signal").await;
}

#[tokio::test]
async fn a_party_that_vanishes_loses_the_call() {
    let stage = Stage::new().await;
    let (alice, bob, call) = talking(&stage).await;
    bob.loses_connection().await;
    alice.is_patient_for(LONG).await;
    ends(&alice, &call, "lost").await;
}

#[tokio::test]
async fn an_unanswered_call_is_missed() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let call = rings(&alice, &bob).await;
    bob.notices("call_ringing").await;
    alice.is_patient_for(LONG).await;
    ends(&alice, &call, "missed").await;
    ends(&bob, &call, "missed").await;
    let room = alice.room_with(&bob).await;
    assert_eq!(bob.record_of(&room, &call).await["body"]["outcome"], "missed");
}

#[tokio::test]
async fn a_device_that_connects_while_it_rings_can_answer() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let call = rings(&alice, &bob).await;
    let late = bob.signs_in("phone").await;
    let welcome = late.connects().await;
    assert_eq!(welcome["calls"][0]["id"], json!(call), "{welcome}");
    late.gets_ok(act("call_accept", &call)).await;
    alice.notices("call_accepted").await;
}
