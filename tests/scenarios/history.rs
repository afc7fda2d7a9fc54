//! Reading what was said, and catching up on it.

use serde_json::{Value, json};

use crate::stage::{Person, Room, Stage, engines};

/// A conversation of `count` numbered messages and nothing before them that counts.
async fn talk(stage: &Stage, count: u64) -> (Person, Person, Room, u64) {
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let first = alice.sees(&room).await["last_seq"].as_u64().unwrap() + 1;
    for number in 0..count {
        alice.says(&format!("message {number}"), &room).await;
    }
    (alice, bob, room, first)
}

fn seqs(page: &Value) -> Vec<u64> {
    page["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn history_is_read_both_ways_and_tells_where_it_ends() {
    for engine in engines() {
        let stage = Stage::on(engine).await;
        let (_, bob, room, first) = talk(&stage, 30).await;
        let last = first + 29;
        let newest = bob.get(&room.path("/messages")).await.ok();
        assert_eq!(seqs(&newest), (last - 19..=last).collect::<Vec<_>>());
        assert_eq!((&newest["start"], &newest["end"]), (&json!(false), &json!(true)));

        let older = bob
            .get(&room.path(&format!("/messages?before_seq={}&limit=100", last - 19)))
            .await
            .ok();
        assert_eq!(seqs(&older), (1..last - 19).collect::<Vec<_>>());
        assert_eq!((&older["start"], &older["end"]), (&json!(true), &json!(false)));

        let onward = bob.get(&room.path("/messages?after_seq=1&limit=5")).await.ok();
        assert_eq!(seqs(&onward), [2, 3, 4, 5, 6]);
        assert_eq!((&onward["start"], &onward["end"]), (&json!(false), &json!(false)));
    }
}

#[tokio::test]
async fn history_around_a_message_shows_both_sides_of_it() {
    let stage = Stage::new().await;
    let (_, bob, room, first) = talk(&stage, 30).await;
    let middle = first + 15;
    let around =
        seqs(&bob.get(&room.path(&format!("/messages?around_seq={middle}&limit=11"))).await.ok());
    assert!(around.len() == 11 && around.contains(&middle), "{around:?}");
    assert!(around[0] < middle && around[10] > middle, "{around:?}");
    assert!(around.is_sorted());
}

#[tokio::test]
async fn a_page_that_makes_no_sense_is_refused() {
    let stage = Stage::new().await;
    let (_, bob, room, _) = talk(&stage, 1).await;
    for query in ["limit=many", "before_seq=x", "around_seq=1e9"] {
        let answer = bob.get(&room.path(&format!("/messages?{query}"))).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        assert!(
            ["invalid", "malformed"].contains(&answer.json()["code"].as_str().unwrap()),
            "{}",
            answer.text()
        );
    }
    let most = bob.get(&room.path("/messages?limit=100000")).await.ok();
    assert!(seqs(&most).len() <= 100);
    let beyond = bob.get(&room.path("/messages?after_seq=9000000000")).await.ok();
    assert_eq!((seqs(&beyond).len(), &beyond["end"]), (0, &json!(true)));
}

#[tokio::test]
async fn changes_tell_everything_since_a_ver_densely() {
    for engine in engines() {
        let stage = Stage::on(engine).await;
        let (alice, bob, room, first) = talk(&stage, 5).await;
        let before = bob.sees(&room).await["last_ver"].as_u64().unwrap();
        alice.post(&room.path(&format!("/messages/{}/recall", first + 1)), json!({})).await.ok();
        alice.says("after the recall", &room).await;

        let changes = bob.changes(&room, before).await;
        let kinds: Vec<_> = changes.iter().map(|change| change["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["recall", "message"]);
        assert_eq!(changes[0]["seq"], json!(first + 1));
        assert_eq!(changes[1]["message"]["body"]["text"], "after the recall");
        assert_eq!(bob.changes(&room, 0).await.len() as u64, before + 2);
    }
}

#[tokio::test]
async fn conversations_are_listed_newest_first_with_their_last_message() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
    let (with_bob, with_carol) = (alice.room_with(&bob).await, alice.room_with(&carol).await);
    bob.says("first", &with_bob).await;
    carol.says("second", &with_carol).await;
    let list = alice.get("conversations").await.ok();
    let top = &list["conversations"][0];
    assert_eq!(
        (&top["id"], &top["last_message"]["body"]["text"]),
        (&json!(with_carol.id), &json!("second"))
    );
    assert_eq!(top["peer"]["id"], json!(carol.id));

    let rest = alice.get(&format!("conversations?before={}&limit=1", top["updated_at"])).await.ok();
    assert_eq!(rest["conversations"][0]["id"], json!(with_bob.id));
}

#[tokio::test]
async fn a_direct_conversation_is_opened_once_by_either() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    assert_eq!(alice.room_with(&bob).await, bob.room_with(&alice).await);
    let nobody = uuid::Uuid::new_v4();
    let answer = alice.get(&format!("conversations/{nobody}")).await;
    assert!(matches!(answer.status.as_u16(), 403 | 404), "{}", answer.text());
}
