//! A group talks, and two people ask a third one in.

use std::time::Duration;

use livekit_protocol::DisconnectReason;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Person, Room, Seat, Stage};

/// Beyond the 45 s somebody is rung.
const LONG: Duration = Duration::from_secs(70);

/// Asks to start or join the call of a group.
async fn enters(person: &Person, room: &Room) -> Value {
    person.post(&room.path("/call"), json!({"media": "video"})).await.ok()
}

fn id_of(ticket: &Value) -> String {
    ticket["call"]["id"].as_str().expect("a ticket").to_owned()
}

async fn asks_in(person: &Person, call: &str, whom: &Person) {
    let path = format!("group-calls/{call}/people");
    person.post(&path, json!({"user_ids": [whom.id]})).await.ok();
}

/// Waits until somebody is told that exactly these are in the call.
async fn sees_inside(person: &Person, call: &str, people: &[&Person]) -> Value {
    let ids = |list: &Value| -> Vec<Value> {
        list.as_array().expect("people").iter().map(|one| one["id"].clone()).collect()
    };
    let expected: Vec<_> = people.iter().map(|one| json!(one.id)).collect();
    let fits = |frame: &Value| {
        frame["call"]["id"] == call && ids(&frame["call"]["participants"]) == expected
    };
    person.notices_that("group_call", fits).await["call"].clone()
}

async fn sees_over(person: &Person, call: &str) {
    let over = |frame: &Value| frame["call"]["id"] == call && frame["call"]["state"] == "over";
    person.notices_that("group_call", over).await;
}

/// Alice and Bob, who are talking to each other alone, and their call.
async fn talking(alice: &Person, bob: &Person) -> String {
    let call = Uuid::new_v4().to_string();
    let start = json!({"type": "call_start", "call_id": call, "user_id": bob.id, "media": "voice"});
    alice.gets_ok(start).await;
    bob.notices("call_ringing").await;
    bob.gets_ok(json!({"type": "call_accept", "call_id": call})).await;
    alice.notices("call_accepted").await;
    call
}

#[tokio::test]
async fn a_call_started_in_a_group_is_seen_and_joined_and_leaves_a_record() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob, &carol]).await;
    let answer = alice.post(&room.path("/call"), json!({"media": "video"})).await;
    assert_eq!(answer.status, 201);
    let ticket = answer.ok();
    let call = id_of(&ticket);
    assert_eq!(
        (&ticket["call"]["started_by"], &ticket["call"]["state"]),
        (&json!(alice.id), &json!("active"))
    );
    let alices = Seat::take(&ticket).await;
    let identity = &alices.joined.participant.as_ref().expect("a participant").identity;
    assert_eq!(*identity, alice.id);
    sees_inside(&bob, &call, &[&alice]).await;
    assert_eq!(bob.get(&room.path("/call")).await.ok()["participants"][0]["id"], json!(alice.id));

    let answer = bob.post(&room.path("/call"), json!({"media": "voice"})).await;
    assert_eq!((answer.status.as_u16(), id_of(&answer.ok())), (200, call.clone()));
    let bobs = Seat::take(&answer.json()).await;
    let seen = sees_inside(&carol, &call, &[&alice, &bob]).await;
    assert_eq!(
        (&seen["media"], &seen["participants"][0]["relation"]),
        (&json!("video"), &json!("none"))
    );
    let late = carol.on_another_device("phone").await;
    let welcome = late.connects().await;
    assert_eq!(welcome["group_calls"][0]["id"], json!(call), "{welcome}");

    alices.leaves().await;
    sees_inside(&carol, &call, &[&bob]).await;
    bobs.leaves().await;
    sees_over(&carol, &call).await;
    let record = carol.record_of(&room, &call).await;
    assert_eq!(
        (&record["body"]["outcome"], &record["sender_id"]),
        (&json!("completed"), &json!(alice.id))
    );
    assert!(record["body"]["duration_ms"].is_u64(), "{record}");
    carol.get(&room.path("/call")).await.is_refused(404, "not_found");
    carol.post(&format!("group-calls/{call}/join"), Value::Null).await.is_refused(409, "call_over");
    let again = enters(&carol, &room).await;
    assert_ne!(id_of(&again), call, "the group may have another call");
}

#[tokio::test]
async fn only_members_know_of_a_group_call() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let mallory = stage.person("mallory").await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    let call = id_of(&enters(&alice, &room).await);
    mallory
        .post(&room.path("/call"), json!({"media": "voice"}))
        .await
        .is_refused(403, "not_member");
    mallory.get(&room.path("/call")).await.is_refused(403, "not_member");
    let path = |rest: &str| format!("group-calls/{call}/{rest}");
    mallory.post(&path("join"), Value::Null).await.is_refused(403, "not_member");
    mallory.post(&path("decline"), Value::Null).await.is_refused(404, "not_found");
    let people = json!({"user_ids": [alice.id]});
    mallory.post(&path("people"), people).await.is_refused(403, "not_contacts");
    mallory.delete(&path(&format!("people/{}", alice.id))).await.is_refused(403, "denied");
    let unknown = format!("group-calls/{}/join", Uuid::new_v4());
    alice.post(&unknown, Value::Null).await.is_refused(404, "not_found");
    let two = alice.room_with(&bob).await;
    alice
        .post(&two.path("/call"), json!({"media": "voice"}))
        .await
        .is_refused(400, "not_supported");
    mallory.gets_ok(json!({"type": "ping"})).await;
    mallory.has_noticed_no("group_call").await;
}

#[tokio::test]
async fn one_more_than_a_call_holds_is_refused() {
    let stage = Stage::configured(&[("BECKON_ROOMS__PARTICIPANTS_MAX", "2")]).await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob, &carol]).await;
    let ticket = enters(&alice, &room).await;
    assert_eq!(ticket["call"]["size_max"], 2);
    let _alices = Seat::take(&ticket).await;
    let bobs = Seat::take(&enters(&bob, &room).await).await;
    let call = id_of(&ticket);
    sees_inside(&carol, &call, &[&alice, &bob]).await;
    let join = format!("group-calls/{call}/join");
    carol.post(&join, Value::Null).await.is_refused(409, "call_full");
    bobs.leaves().await;
    sees_inside(&carol, &call, &[&alice]).await;
    Seat::take(&carol.post(&join, Value::Null).await.ok()).await;
}

#[tokio::test]
async fn somebody_asked_in_is_rung_and_comes_or_declines() {
    let stage = Stage::new().await;
    let [alice, bob, carol, dave] = stage.friends(["alice", "bob", "carol", "dave"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    let ticket = enters(&alice, &room).await;
    let call = id_of(&ticket);
    let _alices = Seat::take(&ticket).await;
    let phone = carol.on_another_device("phone").await;
    asks_in(&alice, &call, &carol).await;
    asks_in(&alice, &call, &dave).await;
    for device in [&carol, &phone] {
        let ringing = device.notices("group_call_ringing").await;
        assert_eq!(
            (&ringing["by"]["id"], &ringing["call"]["id"]),
            (&json!(alice.id), &json!(call))
        );
    }
    dave.notices("group_call_ringing").await;
    let late = dave.signs_in("phone").await;
    assert_eq!(late.connects().await["group_calls"][0]["id"], json!(call));
    dave.post(&format!("group-calls/{call}/decline"), Value::Null).await.ok();
    late.notices_that("group_call", |frame| {
        !frame["call"]["invited"].to_string().contains(&dave.id)
    })
    .await;
    let join = format!("group-calls/{call}/join");
    dave.post(&join, Value::Null).await.is_refused(403, "not_member");

    let carols = Seat::take(&carol.post(&join, Value::Null).await.ok()).await;
    let seen = sees_inside(&phone, &call, &[&alice, &carol]).await;
    assert_eq!(seen["invited"], json!([]));
    let seen = sees_inside(&bob, &call, &[&alice, &carol]).await;
    assert_eq!(seen["id"], json!(call));
    carols.leaves().await;
    Seat::take(&carol.post(&join, Value::Null).await.ok()).await;
    let strangers = json!({"user_ids": [Uuid::new_v4()]});
    let people = format!("group-calls/{call}/people");
    alice.post(&people, strangers).await.is_refused(403, "not_contacts");
    bob.post(&people, json!({"user_ids": [carol.id]})).await.is_refused(403, "denied");
}

#[tokio::test]
async fn somebody_who_does_not_come_is_no_longer_invited() {
    let stage = Stage::new().await;
    let [alice, carol] = stage.friends(["alice", "carol"]).await;
    let room = alice.opens_group("Lunch", &[]).await;
    let ticket = enters(&alice, &room).await;
    let call = id_of(&ticket);
    let _alices = Seat::take(&ticket).await;
    asks_in(&alice, &call, &carol).await;
    carol.notices("group_call_ringing").await;
    carol.is_patient_for(LONG).await;
    carol.notices_that("group_call", |frame| frame["call"]["invited"] == json!([])).await;
    carol
        .post(&format!("group-calls/{call}/join"), Value::Null)
        .await
        .is_refused(403, "not_member");
}

#[tokio::test]
async fn a_moderator_mutes_and_removes_and_nobody_else_does() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob, &carol]).await;
    let ticket = enters(&bob, &room).await;
    let call = id_of(&ticket);
    assert_eq!(ticket["call"]["moderators"], json!([alice.id, bob.id]));
    let _bobs = Seat::take(&ticket).await;
    let mut carols = Seat::take(&enters(&carol, &room).await).await;
    sees_inside(&alice, &call, &[&bob, &carol]).await;
    let person = |whom: &Person| format!("group-calls/{call}/people/{}", whom.id);
    let microphone = json!({"source": "microphone"});
    let mute = |whom: &Person| format!("{}/mute", person(whom));
    carol.post(&mute(&bob), microphone.clone()).await.is_refused(403, "denied");
    bob.post(&mute(&alice), microphone.clone()).await.is_refused(403, "denied");
    alice.post(&mute(&carol), microphone).await.ok();
    carol.delete(&person(&bob)).await.is_refused(403, "denied");

    let old = carol.post(&format!("group-calls/{call}/join"), Value::Null).await.ok();
    alice.delete(&person(&carol)).await.ok();
    assert_eq!(carols.is_sent_away().await, DisconnectReason::ParticipantRemoved);
    sees_inside(&carol, &call, &[&bob]).await;
    let again = carol.post(&format!("group-calls/{call}/join"), Value::Null).await;
    again.is_refused(403, "denied");
    assert!(Seat::knock(&old).await.is_err(), "an old ticket helps nobody");
}

#[tokio::test]
async fn whoever_leaves_the_group_leaves_its_call_and_dissolving_ends_it() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    let ticket = enters(&alice, &room).await;
    let call = id_of(&ticket);
    let mut alices = Seat::take(&ticket).await;
    let mut bobs = Seat::take(&enters(&bob, &room).await).await;
    let members = format!("groups/{}/members", room.id);
    alice.post(&members, json!({"user_ids": [carol.id]})).await.ok();
    let heard = carol.notices("group_call").await;
    assert_eq!(heard["call"]["id"], json!(call), "a new member sees the call at once");

    bob.delete(&format!("{members}/{}", bob.id)).await.ok();
    bobs.is_sent_away().await;
    sees_inside(&carol, &call, &[&alice]).await;
    bob.post(&format!("group-calls/{call}/join"), Value::Null).await.is_refused(403, "not_member");
    alice.delete(&format!("groups/{}", room.id)).await.ok();
    alices.is_sent_away().await;
    carol.post(&format!("group-calls/{call}/join"), Value::Null).await.is_refused(409, "call_over");
}

#[tokio::test]
async fn two_people_ask_a_third_in_without_hanging_up() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let call = talking(&alice, &bob).await;
    let people = format!("calls/{call}/people");
    let ask = json!({"user_ids": [carol.id]});
    carol.post(&people, json!({"user_ids": [alice.id]})).await.is_refused(404, "not_found");
    alice.post(&people, json!({"user_ids": [bob.id]})).await.is_refused(400, "invalid");
    let ticket = bob.post(&people, ask.clone()).await.ok();
    assert_eq!(id_of(&ticket), call);
    for person in [&alice, &bob] {
        let moved = person.notices("call_moved").await;
        assert_eq!((&moved["call_id"], &moved["call"]["id"]), (&json!(call), &json!(call)));
    }
    carol.notices("group_call_ringing").await;
    let join = format!("group-calls/{call}/join");
    let bobs = Seat::take(&ticket).await;
    let alices = Seat::take(&alice.post(&join, Value::Null).await.ok()).await;
    let carols = Seat::take(&carol.post(&join, Value::Null).await.ok()).await;
    sees_inside(&carol, &call, &[&bob, &alice, &carol]).await;
    alice.is_refused(json!({"type": "call_hangup", "call_id": call}), "call_over").await;
    alice.post(&people, ask).await.is_refused(409, "call_over");
    for seat in [alices, bobs, carols] {
        seat.leaves().await;
    }
    sees_over(&carol, &call).await;
    let room = alice.room_with(&bob).await;
    let record = bob.record_of(&room, &call).await;
    assert_eq!(
        (&record["body"]["media"], &record["body"]["outcome"]),
        (&json!("voice"), &json!("completed"))
    );
    alice.has_noticed_no("call_ended").await;
    assert_eq!(alice.sees(&room).await["unread"], 0, "who was in the call knows of it");
    talking(&alice, &bob).await;
}

#[tokio::test]
async fn a_call_nobody_comes_to_is_given_up() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    let call = id_of(&enters(&alice, &room).await);
    bob.is_patient_for(LONG).await;
    sees_over(&bob, &call).await;
    assert_eq!(bob.record_of(&room, &call).await["body"]["outcome"], "cancelled");
}

#[tokio::test]
async fn somebody_who_vanishes_is_gone_and_the_others_talk_on() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    let ticket = enters(&alice, &room).await;
    let call = id_of(&ticket);
    let mut alices = Seat::take(&ticket).await;
    sees_inside(&alice, &call, &[&alice]).await;
    let bobs = Seat::take(&enters(&bob, &room).await).await;
    sees_inside(&alice, &call, &[&alice, &bob]).await;
    drop(bobs);
    alice.is_patient_for(Duration::from_secs(30)).await;
    sees_inside(&alice, &call, &[&alice]).await;
    alices.is_heard().await;
    let again = Seat::take(&enters(&bob, &room).await).await;
    sees_inside(&alice, &call, &[&alice, &bob]).await;
    drop(again);
}

#[tokio::test]
async fn whoever_is_signed_out_elsewhere_is_sent_out_of_the_call() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    let phone = bob.signs_in("phone").await;
    let mut alices = Seat::take(&enters(&alice, &room).await).await;
    let ticket = enters(&phone, &room).await;
    let mut on_phone = Seat::take(&ticket).await;
    phone.delete("logins/current").await.ok();
    // told, and not found out at the next look, which may be ten seconds off
    let sent_away = tokio::time::timeout(Duration::from_secs(4), on_phone.is_sent_away()).await;
    assert_eq!(sent_away.expect("at once"), DisconnectReason::ParticipantRemoved);
    assert!(Seat::knock(&ticket).await.is_err(), "the ticket is worth nothing any more");
    Seat::take(&enters(&bob, &room).await).await;
    alices.is_heard().await;
}
