//! Becoming contacts, and ceasing to be.

use serde_json::{Value, json};

use crate::stage::{Person, Stage, send};

async fn asks_to_be_a_contact(from: &Person, to: &Person) -> String {
    let request = json!({"user_id": to.id, "message": "It is me.", "way": "name"});
    let request = from.post("contact-requests", request).await.ok();
    assert_eq!(request["status"], "pending");
    request["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_arrives_at_once_and_accepting_makes_both_contacts() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.people(["alice", "bob"]).await;
    let id = asks_to_be_a_contact(&alice, &bob).await;
    let heard = bob.notices("contact_request").await;
    assert_eq!(
        (&heard["request"]["id"], &heard["request"]["message"]),
        (&json!(id), &json!("It is me."))
    );
    let waiting = bob.get("contact-requests?direction=incoming").await.ok();
    assert_eq!(waiting["unread"], 1);

    let accepted = bob.post(&format!("contact-requests/{id}/accept"), Value::Null).await.ok();
    assert_eq!(accepted["status"], "accepted");
    assert_eq!(alice.notices("contact").await["contact"]["user"]["id"], json!(bob.id));
    for (person, friend) in [(&alice, &bob), (&bob, &alice)] {
        let contacts = person.get("contacts?after_ver=0").await.ok();
        assert_eq!(contacts["contacts"][0]["user"]["id"], json!(friend.id));
        assert_eq!(person.get(&format!("users/{}", friend.id)).await.ok()["relation"], "contact");
    }
}

#[tokio::test]
async fn a_refused_request_makes_nobody_a_contact() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.people(["alice", "bob"]).await;
    let id = asks_to_be_a_contact(&alice, &bob).await;
    let refused = bob.post(&format!("contact-requests/{id}/refuse"), Value::Null).await.ok();
    assert_eq!(refused["status"], "refused");
    alice
        .post("conversations/direct", json!({"user_id": bob.id}))
        .await
        .is_refused(403, "not_contacts");
}

#[tokio::test]
async fn only_the_person_asked_may_answer_a_request() {
    let stage = Stage::new().await;
    let [alice, bob, mallory] = stage.people(["alice", "bob", "mallory"]).await;
    let id = asks_to_be_a_contact(&alice, &bob).await;
    for person in [&alice, &mallory] {
        let answer = person.post(&format!("contact-requests/{id}/accept"), Value::Null).await;
        answer.is_refused(404, "not_found");
    }
}

#[tokio::test]
async fn asking_each_other_is_agreeing() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.people(["alice", "bob"]).await;
    asks_to_be_a_contact(&alice, &bob).await;
    let request = bob.post("contact-requests", json!({"user_id": alice.id})).await.ok();
    assert_eq!(request["status"], "accepted");
    bob.room_with(&alice).await;
}

#[tokio::test]
async fn somebody_who_allows_it_is_added_directly() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.people(["alice", "bob"]).await;
    bob.patch("me", json!({"direct_add": true})).await.ok();
    let request = alice.post("contact-requests", json!({"user_id": bob.id})).await.ok();
    assert_eq!(request["status"], "accepted");
    alice.room_with(&bob).await;
}

#[tokio::test]
async fn people_are_found_by_their_exact_name_only() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.people(["alice", "bobby"]).await;
    let found = alice.get("users?name=BOBBY").await.ok();
    assert_eq!(found["users"][0]["id"], json!(bob.id));
    assert_eq!(found["users"][0]["relation"], "none");
    assert_eq!(alice.get("users?name=bob").await.ok()["users"], json!([]));
}

#[tokio::test]
async fn the_blocked_person_is_kept_out_and_not_told() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.people(["alice", "bob"]).await;
    let id = asks_to_be_a_contact(&alice, &bob).await;
    bob.post(&format!("contact-requests/{id}/block"), Value::Null).await.ok();
    let mine = alice.get("contact-requests?direction=outgoing").await.ok();
    assert_eq!(mine["requests"][0]["status"], "pending");
    assert_eq!(alice.get(&format!("users/{}", bob.id)).await.ok()["relation"], "requested");
    assert_eq!(bob.get("blocks").await.ok()["users"][0]["id"], json!(alice.id));
}

#[tokio::test]
async fn a_request_of_somebody_who_is_blocked_goes_on_waiting() {
    let stage = Stage::new().await;
    let [alice, carol] = stage.people(["alice", "carol"]).await;
    let id = asks_to_be_a_contact(&alice, &carol).await;
    let waiting = alice.get("contact-requests?direction=outgoing").await.ok()["requests"].clone();
    carol.post("contact-requests/read", Value::Null).await.ok();
    carol.post(&format!("contact-requests/{id}/block"), Value::Null).await.ok();
    let still = alice.get("contact-requests?direction=outgoing").await.ok()["requests"].clone();
    assert_eq!(waiting, still, "not even its times and marks");
}

#[tokio::test]
async fn a_deleted_contact_can_read_but_no_longer_write() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    alice.says("before", &room).await;
    alice.delete(&format!("contacts/{}", bob.id)).await.ok();

    for person in [&alice, &bob] {
        person.is_refused(send(uuid::Uuid::new_v4(), "after", &room), "not_contacts").await;
        assert_eq!(person.sees(&room).await["writable"], false);
        assert!(
            person.history(&room).await.iter().any(|message| message["body"]["text"] == "before")
        );
    }
    let gone = bob.get("contacts?after_ver=0").await.ok();
    assert_eq!(gone["contacts"][0]["deleted"], true);
}

#[tokio::test]
async fn a_remark_is_mine_alone() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let contact =
        alice.patch(&format!("contacts/{}", bob.id), json!({"remark": "my brother"})).await.ok();
    assert_eq!(contact["remark"], "my brother");
    let his = bob.get("contacts?after_ver=0").await.ok();
    assert!(his["contacts"][0].get("remark").is_none());
    let contact = alice.patch(&format!("contacts/{}", bob.id), json!({"remark": ""})).await.ok();
    assert!(contact.get("remark").is_none());
}

#[tokio::test]
async fn contacts_are_synced_by_what_changed_since() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.people(["alice", "bob", "carol"]).await;
    alice.befriends(&bob).await;
    let ver = alice.get("contacts?after_ver=0").await.ok()["ver"].clone();
    alice.befriends(&carol).await;
    let since = alice.get(&format!("contacts?after_ver={ver}")).await.ok();
    let ids: Vec<_> = since["contacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|contact| &contact["user"]["id"])
        .collect();
    assert_eq!(ids, [&json!(carol.id)]);
}

#[tokio::test]
async fn nobody_befriends_themselves_or_nobody() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    alice.post("contact-requests", json!({"user_id": alice.id})).await.is_refused(400, "invalid");
    let nobody = uuid::Uuid::new_v4();
    alice.post("contact-requests", json!({"user_id": nobody})).await.is_refused(404, "not_found");
    let long = "x".repeat(10_000);
    let answer = alice.post("contact-requests", json!({"user_id": nobody, "message": long})).await;
    answer.is_refused(400, "invalid");
}

#[tokio::test]
async fn contacts_learn_of_a_new_name_at_once_and_when_they_next_sync() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.people(["alice", "bob"]).await;
    alice.befriends(&bob).await;
    let ver = bob.get("contacts?after_ver=0").await.ok()["ver"].clone();
    alice.patch("me", json!({"nickname": "Alice of the ridge"})).await.ok();
    bob.notices_that("contact", |frame| {
        frame["contact"]["user"]["nickname"] == "Alice of the ridge"
    })
    .await;
    let changed = bob.get(&format!("contacts?after_ver={ver}")).await.ok();
    assert_eq!(changed["contacts"][0]["user"]["nickname"], "Alice of the ridge");
}
