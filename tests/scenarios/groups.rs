//! Groups: who is in, who may what.

use serde_json::json;
use uuid::Uuid;

use crate::stage::{Person, Room, Stage, send};

async fn member_ids(by: &Person, room: &Room) -> Vec<String> {
    let members = by.get(&room.path("/members")).await.ok();
    let id = |member: &serde_json::Value| member["user"]["id"].as_str().unwrap().to_owned();
    members["members"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn three_people_talk_in_a_group() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob, &carol]).await;
    bob.notices_that("conversation", |frame| frame["conversation"]["title"] == "Lunch").await;
    alice.says("noodles?", &room).await;
    bob.hears("noodles?").await;
    carol.hears("noodles?").await;
    carol.says("dumplings!", &room).await;
    alice.hears("dumplings!").await;
    bob.hears("dumplings!").await;
}

#[tokio::test]
async fn only_contacts_can_be_brought_into_a_group() {
    let stage = Stage::new().await;
    let [alice, stranger] = stage.people(["alice", "stranger"]).await;
    let group = json!({"title": "Lunch", "member_ids": [stranger.id]});
    alice.post("groups", group).await.is_refused(403, "not_contacts");
}

#[tokio::test]
async fn a_title_must_be_one_line_of_sensible_length() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    for title in ["", "  ", "a\nb", &"x".repeat(61)] {
        let answer = alice.post("groups", json!({"title": title, "member_ids": [bob.id]})).await;
        assert_eq!(answer.is_refused(400, "invalid")["field"], "title", "{title:?}");
    }
}

#[tokio::test]
async fn a_member_invites_a_friend_who_then_hears_everything() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    bob.post(
        &room.path("/members").replace("conversations", "groups"),
        json!({"user_ids": [carol.id]}),
    )
    .await
    .ok();
    carol.notices("conversation").await;
    alice.says("welcome", &room).await;
    carol.hears("welcome").await;
    assert_eq!(member_ids(&alice, &room).await.len(), 3);
}

#[tokio::test]
async fn whoever_leaves_hears_and_says_nothing_more() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob, &carol]).await;
    carol.delete(&format!("groups/{}/members/{}", room.id, carol.id)).await.ok();
    assert_eq!(carol.notices("conversation_removed").await["conversation_id"], json!(room.id));

    alice.says("she is gone", &room).await;
    bob.hears("she is gone").await;
    let direct = alice.room_with(&carol).await;
    alice.says("why?", &direct).await;
    carol.hears_next("why?").await;
    carol.is_refused(send(Uuid::new_v4(), "hello", &room), "not_member").await;
    carol.get(&room.path("/messages")).await.is_refused(403, "not_member");
}

#[tokio::test]
async fn the_owner_removes_and_nobody_else_does() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob, &carol]).await;
    let carols_place = format!("groups/{}/members/{}", room.id, carol.id);
    bob.delete(&carols_place).await.is_refused(403, "not_owner");
    alice.delete(&carols_place).await.ok();
    carol.notices("conversation_removed").await;
    assert!(!member_ids(&alice, &room).await.contains(&carol.id));
}

#[tokio::test]
async fn ownership_is_handed_over() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    bob.put(&format!("groups/{}/owner", room.id), json!({"user_id": bob.id}))
        .await
        .is_refused(403, "not_owner");
    alice.put(&format!("groups/{}/owner", room.id), json!({"user_id": bob.id})).await.ok();
    assert_eq!(alice.sees(&room).await["role"], "member");
    assert_eq!(bob.sees(&room).await["role"], "owner");
    bob.patch(&format!("groups/{}", room.id), json!({"title": "Dinner"})).await.ok();
    alice.notices_that("conversation", |frame| frame["conversation"]["title"] == "Dinner").await;
}

#[tokio::test]
async fn an_owner_who_leaves_hands_the_group_to_the_longest_standing_member() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    alice.post(&format!("groups/{}/members", room.id), json!({"user_ids": [carol.id]})).await.ok();
    alice.delete(&format!("groups/{}/members/{}", room.id, alice.id)).await.ok();
    assert_eq!(bob.sees(&room).await["role"], "owner");
    assert_eq!(carol.sees(&room).await["role"], "member");
}

#[tokio::test]
async fn a_dissolved_group_is_gone_for_everybody() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    bob.delete(&format!("groups/{}", room.id)).await.is_refused(403, "not_owner");
    alice.delete(&format!("groups/{}", room.id)).await.ok();
    bob.notices("conversation_removed").await;
    bob.is_refused(send(Uuid::new_v4(), "anybody?", &room), "not_member").await;
}

#[tokio::test]
async fn a_stranger_neither_reads_nor_writes() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let mallory = stage.person("mallory").await;
    let room = alice.opens_group("Lunch", &[&bob]).await;
    for path in ["", "/messages", "/members", "/changes?after_ver=0"] {
        let answer = mallory.get(&room.path(path)).await;
        answer.is_refused(403, "not_member");
    }
    let body = json!({"client_msg_id": Uuid::new_v4(), "body": {"type": "text", "text": "boo"}});
    mallory.post(&room.path("/messages"), body).await.is_refused(403, "not_member");
    mallory.is_refused(send(Uuid::new_v4(), "boo", &room), "not_member").await;
    alice.says("quiet here", &room).await;
    bob.hears_next("quiet here").await;
}
