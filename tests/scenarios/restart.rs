//! The server goes away in the middle, politely or not.

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::stage::{Person, Room, Socket, Stage, engines, send};

#[tokio::test]
async fn people_reconnect_after_a_restart_and_nothing_is_lost() {
    for engine in engines() {
        let stage = Stage::on(engine).await;
        let [alice, bob] = stage.friends(["alice", "bob"]).await;
        let room = alice.room_with(&bob).await;
        alice.says("before the restart", &room).await;
        let ver = bob.sees(&room).await["last_ver"].as_u64().unwrap();
        stage.restart().await;

        alice.connects().await;
        alice.says("while bob was away", &room).await;
        bob.connects().await;
        let missed = bob.changes(&room, ver).await;
        assert_eq!(missed[0]["message"]["body"]["text"], "while bob was away");
        alice.says("back again", &room).await;
        bob.hears_next("back again").await;
    }
}

#[tokio::test]
async fn a_message_without_an_ack_is_sent_again_after_a_restart_and_stored_once() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let room = alice.room_with(&bob).await;
    let id = Uuid::new_v4();
    let first = alice.says_as(id, "did it arrive?", &room).await;
    stage.restart().await;
    alice.connects().await;
    let again = alice.says_as(id, "did it arrive?", &room).await;
    assert_eq!((&again["seq"], &again["dup"]), (&first["seq"], &json!(true)));
}

#[tokio::test]
async fn kill_9_in_a_burst_of_sends_loses_nothing_acked() {
    for engine in engines() {
        let stage = Stage::on(engine).await;
        let [alice, bob, carol] = stage.friends(["alice", "bob", "carol"]).await;
        let group = alice.opens_group("Burst", &[&bob, &carol]).await;
        let pair = alice.room_with(&bob).await;
        let places = Arc::new([(alice, group.clone()), (bob, group), (carol, pair.clone())]);
        // Carol is not in the pair: her refused messages must leave no hole either.
        let mut acked = Vec::new();
        for _ in 0..3 {
            acked.extend(burst_until_killed(&stage, &places).await);
            stage.restart().await;
            for room in [&places[0].1, &pair] {
                everything_acked_is_there_once(&places[0].0, room, &acked).await;
            }
        }
        assert!(acked.len() > 100, "only {} messages were acked: no burst", acked.len());
    }
}

/// An acked message: its conversation, client id and `seq`.
type Acked = (String, String, u64);

/// Everybody sends without waiting until the node dies under them; returns what was acked.
async fn burst_until_killed(stage: &Stage, places: &Arc<[(Person, Room); 3]>) -> Vec<Acked> {
    let mut senders = JoinSet::new();
    for index in 0..places.len() {
        let places = places.clone();
        senders.spawn(async move {
            let (person, room) = &places[index];
            let mut socket =
                Socket::open(person.node(), &person.tokens().access).await.expect("a socket");
            socket.hello().await;
            send_until_closed(socket, room).await
        });
    }
    // The kill must fall anywhere in a commit, so the moment is random on purpose.
    tokio::time::sleep(Duration::from_millis(rand::rng().random_range(200..700))).await;
    stage.kill_9().await;
    senders.join_all().await.into_iter().flatten().collect()
}

async fn send_until_closed(mut socket: Socket, room: &Room) -> Vec<Acked> {
    let mut acked = Vec::new();
    loop {
        for _ in 0..32 {
            socket.say(send(Uuid::new_v4(), "burst", room)).await;
        }
        for _ in 0..32 {
            match socket.next_of(&["ack", "error"]).await {
                Some(frame) if frame["type"] == "ack" => acked.push(acked_of(&frame)),
                Some(_) => {}
                None => return acked,
            }
        }
    }
}

fn acked_of(ack: &Value) -> Acked {
    let text = |name: &str| ack[name].as_str().expect("an ack").to_owned();
    (text("conversation_id"), text("client_msg_id"), ack["seq"].as_u64().expect("an ack"))
}

async fn everything_acked_is_there_once(reader: &Person, room: &Room, acked: &[Acked]) {
    // `history` fails on a hole or a repetition of `seq`.
    let history = reader.history(room).await;
    let stored: std::collections::HashMap<&str, u64> = history
        .iter()
        .map(|message| {
            (message["client_msg_id"].as_str().unwrap(), message["seq"].as_u64().unwrap())
        })
        .collect();
    let texts = history.iter().filter(|message| message["body"]["type"] == "text").count();
    let ids = history
        .iter()
        .filter(|message| message["body"]["type"] == "text")
        .map(|m| m["client_msg_id"].as_str());
    assert_eq!(
        ids.collect::<std::collections::HashSet<_>>().len(),
        texts,
        "a message is stored twice"
    );
    for (conversation, id, seq) in
        acked.iter().filter(|(conversation, ..)| *conversation == room.id)
    {
        assert_eq!(stored.get(id.as_str()), Some(seq), "acked in {conversation}, but not there");
    }
}
