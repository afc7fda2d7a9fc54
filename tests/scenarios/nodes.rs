//! Two nodes over one MariaDB and one Redis.

use serde_json::{Value, json};

use crate::stage::{Person, Room, Stage};

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
