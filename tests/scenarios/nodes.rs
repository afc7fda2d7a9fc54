//! Several nodes over one MariaDB and one Redis.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{Person, Room, Seat, Stage, eventually};

/// Waits for a message as a client does: it is delivered, or a `sync` makes one look.
async fn learns(person: &Person, text: &str, room: &Room) {
    loop {
        let says = |frame: &Value| frame["message"]["body"]["text"] == text;
        let fits = |frame: &Value| frame["type"] == "sync" || says(frame);
        let frame = person.socket().await.wait("the message or a sync", fits).await;
        let history = person.history(room).await;
        if says(&frame) || history.iter().any(|message| message["body"]["text"] == text) {
            return;
        }
    }
}

#[tokio::test]
async fn people_on_two_nodes_hear_and_see_each_other() {
    let Some(stage) = Stage::shared().await else { return };
    let second = stage.node().await;
    let alice = stage.person("alice").await;
    let bob = stage.person_on(&second, "bob").await;
    alice.befriends(&bob).await;
    let room = alice.room_with(&bob).await;
    alice.says("hello over there", &room).await;
    bob.hears("hello over there").await;
    bob.says("hello yourself", &room).await;
    alice.hears("hello yourself").await;

    let contact = &alice.get("contacts?after_ver=0").await.ok()["contacts"][0];
    assert_eq!(contact["presence"]["state"], "online");
    assert_eq!(alice.says("there?", &room).await["peer_online"], true);
    bob.delete("logins/current").await.ok();
    alice.sees_presence(&bob, "offline").await;
}

#[tokio::test]
async fn a_login_revoked_on_one_node_is_closed_on_the_other() {
    let Some(stage) = Stage::shared().await else { return };
    let second = stage.node().await;
    let alice = stage.person("alice").await;
    let phone = alice.signs_in("phone").await.at(&second);
    phone.connects().await;
    alice.delete(&format!("logins/{}", phone.login_id)).await.ok();
    assert_eq!(phone.is_closed().await.code, Some(4401));
}

#[tokio::test]
async fn a_group_opened_on_one_node_is_heard_on_the_other() {
    let Some(stage) = Stage::shared().await else { return };
    let second = stage.node().await;
    let [alice, carol] = stage.friends(["alice", "carol"]).await;
    let bob = stage.person_on(&second, "bob").await;
    alice.befriends(&bob).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    bob.notices("conversation").await;
    alice.says("noodles?", &room).await;
    bob.hears("noodles?").await;
    bob.befriends(&carol).await;
    bob.post(&format!("groups/{}/members", room.id), json!({"user_ids": [carol.id]})).await.ok();
    carol.notices("conversation").await;
    bob.says("welcome", &room).await;
    carol.hears("welcome").await;
}

#[tokio::test]
async fn people_on_two_nodes_call_each_other() {
    let Some(stage) = Stage::shared().await else { return };
    let second = stage.node().await;
    let alice = stage.person("alice").await;
    let bob = stage.person_on(&second, "bob").await;
    alice.befriends(&bob).await;
    let call = uuid::Uuid::new_v4();
    alice
        .gets_ok(
            json!({"type": "call_start", "call_id": call, "user_id": bob.id, "media": "voice"}),
        )
        .await;
    bob.notices("call_ringing").await;
    bob.gets_ok(json!({"type": "call_accept", "call_id": call})).await;
    alice.notices("call_accepted").await;
    let offer = json!({"kind": "offer", "sdp": "v=0"});
    alice.gets_ok(json!({"type": "call_signal", "call_id": call, "signal": offer})).await;
    assert_eq!(bob.notices("call_signal").await["signal"], offer);
    let answer = json!({"kind": "answer", "sdp": "v=0"});
    bob.gets_ok(json!({"type": "call_signal", "call_id": call, "signal": answer})).await;
    assert_eq!(alice.notices("call_signal").await["signal"], answer);
    bob.gets_ok(json!({"type": "call_hangup", "call_id": call})).await;
    assert_eq!(alice.notices("call_ended").await["outcome"], "completed");
}

/// Both nodes say that their rooms are there; the test knows where they really are.
const ROOMS_ELSEWHERE: (&str, &str) = ("BECKON_ROOMS__URL", "wss://rooms.example.com");

/// A group of Alice on the first node and Bob on the second, who are also Carol's contacts there.
async fn group_over_two_nodes(stage: &Stage) -> (Person, Person, Person, Room) {
    let second = stage.node().await;
    let alice = stage.person("alice").await;
    let bob = stage.person_on(&second, "bob").await;
    let carol = stage.person_on(&second, "carol").await;
    alice.befriends(&bob).await;
    alice.befriends(&carol).await;
    bob.befriends(&carol).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    bob.notices("conversation").await;
    (alice, bob, carol, room)
}

/// A ticket of a room on this person's own node.
fn here(mut ticket: Value, person: &Person) -> Value {
    assert_eq!(ticket["url"], ROOMS_ELSEWHERE.1);
    ticket["url"] = json!(person.node().url().replacen("http", "ws", 1));
    ticket
}

#[tokio::test]
async fn a_group_call_on_one_node_is_joined_and_moderated_from_the_other() {
    let Some(stage) = Stage::shared_with(&[ROOMS_ELSEWHERE]).await else { return };
    let (alice, bob, carol, room) = group_over_two_nodes(&stage).await;
    let media = json!({"media": "video"});
    let ticket = alice.post(&room.path("/call"), media.clone()).await.ok();
    let call = ticket["call"]["id"].as_str().expect("a call").to_owned();
    let _alices = Seat::take(&here(ticket, &alice)).await;
    let inside = |person: &Person| {
        let id = person.id.clone();
        move |frame: &Value| frame["call"]["participants"].to_string().contains(&id)
    };
    bob.notices_that("group_call", inside(&alice)).await;
    let phone = bob.signs_in("phone").await;
    assert_eq!(phone.connects().await["group_calls"][0]["id"], json!(call));
    eventually("the other node to know who is in it", || async {
        bob.get(&room.path("/call")).await.ok()["participants"][0]["id"] == json!(alice.id)
    })
    .await;

    let answer = bob.post(&room.path("/call"), media).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["call"]["id"]), (200, &json!(call)));
    let mut bobs = Seat::take(&here(answer.ok(), &alice)).await;
    alice.notices_that("group_call", inside(&bob)).await;
    let path = |rest: &str| format!("group-calls/{call}/{rest}");
    bob.post(&path("people"), json!({"user_ids": [carol.id]})).await.ok();
    carol.notices("group_call_ringing").await;
    carol.post(&path("decline"), Value::Null).await.ok();
    carol.post(&path("join"), Value::Null).await.is_refused(403, "not_member");
    let whom = path(&format!("people/{}", alice.id));
    bob.delete(&whom).await.is_refused(403, "denied");

    bob.delete(&format!("groups/{}/members/{}", room.id, bob.id)).await.ok();
    bobs.is_sent_away().await;
    bob.post(&path("join"), Value::Null).await.is_refused(403, "not_member");
}

#[tokio::test]
async fn a_one_to_one_call_over_two_nodes_grows() {
    let Some(stage) = Stage::shared_with(&[ROOMS_ELSEWHERE]).await else { return };
    let (alice, bob, carol, _) = group_over_two_nodes(&stage).await;
    let call = uuid::Uuid::new_v4().to_string();
    let start = json!({"type": "call_start", "call_id": call, "user_id": bob.id, "media": "voice"});
    alice.gets_ok(start).await;
    bob.notices("call_ringing").await;
    bob.gets_ok(json!({"type": "call_accept", "call_id": call})).await;
    alice.notices("call_accepted").await;
    let people = json!({"user_ids": [carol.id]});
    let ticket = bob.post(&format!("calls/{call}/people"), people).await.ok();
    for person in [&alice, &bob] {
        assert_eq!(person.notices("call_moved").await["call_id"], json!(call));
    }
    carol.notices("group_call_ringing").await;
    let _bobs = Seat::take(&here(ticket, &alice)).await;
    let join = format!("group-calls/{call}/join");
    Seat::take(&here(carol.post(&join, Value::Null).await.ok(), &alice)).await;
}

/// What a node that dies began must have ended by then, however busy the machine: the promise is 10 s.
const GONE_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_call_goes_on_after_either_of_its_nodes_has_died() {
    for home_dies in [true, false] {
        let Some(stage) = Stage::shared().await else { return };
        let (home, other) = (stage.node().await, stage.node().await);
        let alice = stage.person_on(&home, "alice").await;
        let bob = stage.person_on(&other, "bob").await;
        alice.befriends(&bob).await;
        let room = alice.room_with(&bob).await;
        let call = uuid::Uuid::new_v4().to_string();
        let start =
            json!({"type": "call_start", "call_id": call, "user_id": bob.id, "media": "voice"});
        alice.gets_ok(start).await;
        bob.notices("call_ringing").await;
        bob.gets_ok(json!({"type": "call_accept", "call_id": call})).await;
        let fact = alice.notices("call_accepted").await["call"]["fact"].clone();
        let back = json!({"type": "call_resume", "call_id": call, "fact": fact, "connection": 1});

        let (dead, moved, stays) =
            if home_dies { (&home, &alice, &bob) } else { (&other, &bob, &alice) };
        dead.kill_9().await;
        let moved = moved.at(stage.first());
        moved.connects().await;
        if home_dies {
            stays.notices("call_orphaned").await;
            stays.gets_ok(back.clone()).await;
        }
        eventually("a node to let them back in", || async {
            moved.asks(back.clone()).await["type"] == "ok"
        })
        .await;
        for person in [&moved, stays] {
            assert_eq!(person.notices("call_resumed").await["call"]["connection"], json!(1));
        }
        let offer = json!({"kind": "offer", "sdp": "v=0"});
        let signal = json!({"type": "call_signal", "call_id": call, "signal": offer});
        moved.gets_ok(signal.clone()).await;
        assert_eq!(stays.notices("call_signal").await["signal"], offer);
        stays.gets_ok(signal).await;
        moved.notices("call_signal").await;
        moved.gets_ok(json!({"type": "call_hangup", "call_id": call})).await;
        assert_eq!(stays.notices("call_ended").await["outcome"], "completed");
        let record = stays.record_of(&room, &call).await;
        assert_eq!(record["body"]["outcome"], "completed");
    }
}

#[tokio::test]
async fn what_a_node_began_that_has_died_ends_within_10_seconds() {
    let Some(stage) = Stage::shared_with(&[ROOMS_ELSEWHERE]).await else { return };
    let doomed = stage.node().await;
    let alice = stage.person_on(&doomed, "alice").await;
    let bob = stage.person("bob").await;
    alice.befriends(&bob).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    let ticket = alice.post(&room.path("/call"), json!({"media": "voice"})).await.ok();
    let _alices = Seat::take(&here(ticket.clone(), &alice)).await;
    bob.notices_that("group_call", |frame| {
        frame["call"]["participants"][0]["id"] == alice.id.as_str()
    })
    .await;
    let call = uuid::Uuid::new_v4();
    let start = json!({"type": "call_start", "call_id": call, "user_id": bob.id, "media": "voice"});
    alice.gets_ok(start).await;
    bob.notices("call_ringing").await;

    doomed.kill_9().await;
    bob.is_patient_for(GONE_WITHIN).await;
    let over = bob.notices("call_ended").await;
    assert_eq!((&over["call_id"], &over["outcome"]), (&json!(call), &json!("lost")));
    let gone = bob.notices_that("group_call", |frame| frame["call"]["state"] == "over").await;
    assert_eq!(gone["call"]["lost"], true);
    bob.sees_presence(&alice, "offline").await;

    // It was nobody's wish to end it: whoever was in it goes on.
    let join = format!("group-calls/{}/join", ticket["call"]["id"].as_str().expect("an id"));
    let alice = alice.at(stage.first());
    let again = alice.post(&join, json!({"fact": ticket["fact"]})).await.ok();
    assert_eq!(again["call"]["started_at"], ticket["call"]["started_at"]);
    let _alices = Seat::take(&here(again, &alice)).await;
    bob.notices_that("group_call", |frame| frame["call"]["state"] == "active").await;
    assert_eq!(bob.get(&room.path("/call")).await.ok()["id"], ticket["call"]["id"]);
}

#[tokio::test]
async fn without_an_address_of_its_rooms_a_call_is_joined_on_its_own_node_only() {
    let Some(stage) = Stage::shared().await else { return };
    let (alice, bob, _, room) = group_over_two_nodes(&stage).await;
    let media = json!({"media": "voice"});
    let ticket = alice.post(&room.path("/call"), media.clone()).await.ok();
    assert_eq!(bob.get(&room.path("/call")).await.ok()["id"], ticket["call"]["id"]);
    bob.post(&room.path("/call"), media.clone()).await.is_refused(409, "call_elsewhere");
    bob.at(stage.first()).post(&room.path("/call"), media).await.ok();
}

#[tokio::test]
async fn redis_stopped_for_a_while_stops_nobody_on_one_node() {
    let Some(stage) = Stage::shared().await else { return };
    let second = stage.node().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let carol = stage.person_on(&second, "carol").await;
    alice.befriends(&carol).await;
    let (near, far) = (alice.room_with(&bob).await, alice.room_with(&carol).await);

    stage.redis().stops().await;
    alice.says("still here", &near).await;
    bob.hears("still here").await;
    let ack = alice.says("into the dark", &far).await;
    // The other node's people find it in the store, whatever the bus does.
    let history = carol.history(&far).await;
    assert_eq!(history[ack["seq"].as_u64().unwrap() as usize - 1]["body"]["text"], "into the dark");
    let newcomer = stage.person("dave").await;
    newcomer.gets_ok(json!({"type": "ping"})).await;

    stage.redis().returns().await;
    carol.notices("sync").await;
    alice.says("light again", &far).await;
    learns(&carol, "light again", &far).await;
}

#[tokio::test]
async fn whoever_was_invited_while_redis_was_away_hears_the_group_after() {
    let Some(stage) = Stage::shared().await else { return };
    let second = stage.node().await;
    let alice = stage.person("alice").await;
    let carol = stage.person_on(&second, "carol").await;
    alice.befriends(&carol).await;
    stage.redis().stops().await;
    let room = alice.opens_group("In the dark", &[&carol]).await;
    alice.says("nobody hears this", &room).await;

    stage.redis().returns().await;
    carol.notices("sync").await;
    let messages = carol.history(&room).await;
    assert!(messages.iter().any(|message| message["body"]["text"] == "nobody hears this"));
    alice.says("anybody now?", &room).await;
    learns(&carol, "anybody now?", &room).await;
}
