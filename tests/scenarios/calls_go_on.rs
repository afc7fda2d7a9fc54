//! Calls that outlive a page, a process and a node.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::stage::{Person, Room, Seat, Stage};

/// Beyond the 15 s a page may be gone, and the 30 s in which both must be back.
const LONG: Duration = Duration::from_secs(60);

/// What is left of a call when its server is gone: what both clients carry.
struct Carried {
    call: String,
    fact: String,
    accepted_at: i64,
}

impl Carried {
    fn of(accepted: &Value) -> Self {
        let text = |name: &str| accepted[name].as_str().expect("an answered call").to_owned();
        let accepted_at = accepted["accepted_at"].as_i64().expect("a time");
        Self { call: text("id"), fact: text("fact"), accepted_at }
    }

    fn shown(&self, connection: Option<u32>) -> Value {
        let mut frame = json!({"type": "call_resume", "call_id": self.call, "fact": self.fact});
        if let Some(connection) = connection {
            frame["connection"] = json!(connection);
        }
        frame
    }

    fn act(&self, kind: &str) -> Value {
        json!({"type": kind, "call_id": self.call})
    }
}

/// Alice calls Bob, and he answers.
async fn talk(alice: &Person, bob: &Person) -> Carried {
    let call = Uuid::new_v4();
    let start = json!({"type": "call_start", "call_id": call, "user_id": bob.id, "media": "voice"});
    alice.gets_ok(start).await;
    bob.notices("call_ringing").await;
    bob.gets_ok(json!({"type": "call_accept", "call_id": call})).await;
    bob.notices("call_accepted").await;
    Carried::of(&alice.notices("call_accepted").await["call"])
}

/// Waits until somebody hears that both are there again, over the connection of this number.
async fn is_back(person: &Person, carried: &Carried, connection: u32) {
    let call = person.notices("call_resumed").await["call"].clone();
    assert_eq!((&call["id"], &call["mine"]), (&json!(carried.call), &json!(true)));
    assert_eq!((&call["connection"], &call["state"]), (&json!(connection), &json!("active")));
    assert_eq!(call["accepted_at"], json!(carried.accepted_at));
}

async fn hears_signal(from: &Person, to: &Person, carried: &Carried) {
    let offer = json!({"kind": "offer", "sdp": "v=0"});
    let frame =
        json!({"type": "call_signal", "call_id": carried.call, "signal": offer, "connection": 1});
    from.gets_ok(frame).await;
    let heard = to.notices("call_signal").await;
    assert_eq!((&heard["signal"], &heard["connection"]), (&offer, &json!(1)));
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}

/// Closes the socket as a page does that is left.
async fn leaves_page(person: &Person) {
    person.socket().await.say_raw(Message::Close(None)).await;
}

#[tokio::test]
async fn a_call_outlives_a_server_that_is_killed_or_restarted() {
    for (killed, caller_first) in [(true, true), (true, false), (false, true)] {
        let stage = Stage::new().await;
        let [alice, bob] = stage.friends(["alice", "bob"]).await;
        let room = alice.room_with(&bob).await;
        let carried = talk(&alice, &bob).await;
        if killed {
            stage.kill_9().await;
        }
        let stopped_at = now_ms();
        stage.restart().await;

        let (first, second) = if caller_first { (&alice, &bob) } else { (&bob, &alice) };
        for person in [first, second] {
            assert_eq!(
                person.connects().await["calls"].as_array().map_or(0, Vec::len),
                usize::from(person.id == second.id)
            );
            person.gets_ok(carried.shown(Some(1))).await;
        }
        for person in [&alice, &bob] {
            is_back(person, &carried, 1).await;
        }
        hears_signal(&alice, &bob, &carried).await;
        hears_signal(&bob, &alice, &carried).await;
        bob.gets_ok(carried.act("call_hangup")).await;
        let record = alice.record_of(&room, &carried.call).await;
        assert_eq!(record["body"]["outcome"], "completed");
        let duration = record["body"]["duration_ms"].as_i64().expect("a duration");
        assert!(duration >= stopped_at - carried.accepted_at, "{duration} is not all of it");
        alice.is_refused(carried.shown(Some(1)), "call_over").await;
    }
}

#[tokio::test]
async fn a_call_to_which_only_one_comes_back_is_recorded_as_lost() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let carried = talk(&alice, &bob).await;
    stage.kill_9().await;
    stage.restart().await;
    alice.connects().await;
    alice.gets_ok(carried.shown(Some(1))).await;
    alice.is_patient_for(LONG).await;
    assert_eq!(alice.notices("call_ended").await["outcome"], "lost");
    assert_eq!(alice.record_of(&room, &carried.call).await["body"]["outcome"], "lost");
    bob.connects().await;
    bob.is_refused(carried.shown(Some(1)), "call_over").await;
}

#[tokio::test]
async fn what_was_not_signed_by_this_server_brings_nobody_into_a_call() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let mallory = stage.person("mallory").await;
    let carried = talk(&alice, &bob).await;
    let forged = |fact: String| Carried { fact, call: carried.call.clone(), accepted_at: 0 };
    let (payload, signature) = carried.fact.split_once('.').expect("a fact is signed");
    for fact in [payload.to_owned(), format!("x{payload}.{signature}"), String::new()] {
        alice.is_refused(forged(fact).shown(None), "denied").await;
    }
    mallory.is_refused(carried.shown(None), "not_found").await;
    let other = Stage::new().await;
    let [carol, dave] = other.friends(["carol", "dave"]).await;
    let foreign = talk(&carol, &dave).await;
    alice.is_refused(foreign.shown(None), "denied").await;
    hears_signal(&alice, &bob, &carried).await;
}

#[tokio::test]
async fn a_page_loaded_anew_comes_back_and_one_that_stays_away_ends_the_call() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let carried = talk(&alice, &bob).await;
    leaves_page(&bob).await;
    alice.notices("call_away").await;
    let known = bob.connects().await["calls"][0].clone();
    assert_eq!((&known["id"], &known["mine"]), (&json!(carried.call), &json!(false)));
    assert!(known.get("fact").is_none(), "only who carries it has one: {known}");
    bob.gets_ok(carried.shown(None)).await;
    for person in [&alice, &bob] {
        is_back(person, &carried, 2).await;
    }

    leaves_page(&alice).await;
    bob.notices("call_away").await;
    bob.is_patient_for(LONG).await;
    assert_eq!(bob.notices("call_ended").await["outcome"], "lost");
    assert_eq!(bob.record_of(&room, &carried.call).await["body"]["outcome"], "lost");
}

#[tokio::test]
async fn a_call_that_rang_on_a_server_that_was_killed_rings_again_under_its_id() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let call = Uuid::new_v4();
    let start = json!({"type": "call_start", "call_id": call, "user_id": bob.id, "media": "voice"});
    alice.gets_ok(start.clone()).await;
    bob.notices("call_ringing").await;
    stage.kill_9().await;
    stage.restart().await;
    assert_eq!(bob.connects().await["calls"], json!([]), "it rings no more");
    alice.connects().await;
    alice.gets_ok(start).await;
    assert_eq!(bob.notices("call_ringing").await["call"]["id"], json!(call));
    bob.gets_ok(json!({"type": "call_accept", "call_id": call})).await;
    alice.notices("call_accepted").await;
}

/// Joins the call of a group, and its room.
async fn enters(person: &Person, room: &Room) -> (Value, Seat) {
    let ticket = person.post(&room.path("/call"), json!({"media": "voice"})).await.ok();
    let seat = Seat::take(&ticket).await;
    (ticket, seat)
}

#[tokio::test]
async fn a_group_call_outlives_a_server_that_is_killed_or_restarted() {
    for killed in [true, false] {
        let stage = Stage::new().await;
        let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
        let room = alice.opens_group("Lunch", &[&bob, &carol]).await;
        let (ticket, _alices) = enters(&alice, &room).await;
        let (bobs_ticket, _bobs) = enters(&bob, &room).await;
        let call = ticket["call"].clone();
        let path = format!("group-calls/{}/join", call["id"].as_str().expect("an id"));
        let fact = |ticket: &Value| json!({"fact": ticket["fact"]});
        if killed {
            stage.kill_9().await;
        }
        let stopped_at = now_ms();
        stage.restart().await;
        for person in [&alice, &bob, &carol] {
            assert_eq!(person.connects().await["group_calls"], json!([]));
        }

        bob.post(&path, Value::Null).await.is_refused(404, "not_found");
        let stolen = bob.post(&path, fact(&ticket)).await;
        stolen.is_refused(404, "not_found");
        let (again, both) =
            tokio::join!(async { bob.post(&path, fact(&bobs_ticket)).await.ok() }, async {
                alice.post(&path, fact(&ticket)).await.ok()
            });
        for ticket in [&again, &both] {
            assert_eq!(
                (&ticket["call"]["id"], &ticket["call"]["started_at"]),
                (&call["id"], &call["started_at"])
            );
            assert_eq!(ticket["call"]["started_by"], json!(alice.id));
        }
        let (bobs, alices) = (Seat::take(&again).await, Seat::take(&both).await);
        let inside =
            |frame: &Value| frame["call"]["participants"].as_array().map(Vec::len) == Some(2);
        carol.notices_that("group_call", inside).await;
        bobs.leaves().await;
        alices.leaves().await;
        let record = carol.record_of(&room, call["id"].as_str().expect("an id")).await;
        assert_eq!(record["body"]["outcome"], "completed");
        let duration = record["body"]["duration_ms"].as_i64().expect("a duration");
        let before = stopped_at - call["started_at"].as_i64().expect("a time");
        assert!(duration >= before, "{duration} is not all of it");
        alice.post(&path, fact(&ticket)).await.is_refused(409, "call_over");
    }
}

#[tokio::test]
async fn whoever_was_removed_from_a_group_call_stays_out_after_a_crash() {
    let stage = Stage::new().await;
    let [alice, carol] = stage.friends(["alice", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&carol]).await;
    let (ticket, _alices) = enters(&alice, &room).await;
    let (carols_ticket, _carols) = enters(&carol, &room).await;
    let call = ticket["call"]["id"].as_str().expect("an id").to_owned();
    alice.delete(&format!("group-calls/{call}/people/{}", carol.id)).await.ok();
    stage.kill_9().await;
    stage.restart().await;
    let path = format!("group-calls/{call}/join");
    let fact = |ticket: &Value| json!({"fact": ticket["fact"]});
    carol.post(&path, fact(&carols_ticket)).await.is_refused(403, "denied");
    let again = alice.post(&path, fact(&ticket)).await.ok();
    let _alices = Seat::take(&again).await;
    carol.post(&path, fact(&carols_ticket)).await.is_refused(403, "denied");
    assert!(Seat::knock(&carols_ticket).await.is_err(), "a ticket of before helps nobody");
}
