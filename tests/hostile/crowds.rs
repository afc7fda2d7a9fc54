//! Many at once who want nothing good.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::stage::{PASSWORD, Socket, Stage, eventually, extent};

/// How many do it at the same time.
const CROWD: usize = 1_000;

#[tokio::test]
async fn a_thousand_sockets_that_never_say_hello_are_closed_and_others_notice_nothing() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let mallory = stage.person("mallory").await;
    let room = alice.room_with(&bob).await;
    let token = mallory.tokens().access;
    let opening =
        stream::iter(0..CROWD).map(|_| Socket::open(stage.first(), &token)).buffer_unordered(32);
    // Some may be refused at the door; those let in must be shown out.
    let silent: Vec<Socket> = opening.filter_map(async |socket| socket.ok()).collect().await;
    assert!(!silent.is_empty());
    alice.says("a full house", &room).await;
    bob.hears("a full house").await;

    let closed = stream::iter(silent).map(async |mut socket| {
        socket.patience = Duration::from_secs(40);
        socket.closes().await
    });
    let closed: Vec<_> = closed.buffer_unordered(CROWD).collect().await;
    assert!(
        closed.iter().all(|closed| matches!(closed.code, Some(4408 | 4409))),
        "{:?}",
        closed[0]
    );
    assert!(closed.iter().any(|closed| closed.code == Some(4408)));
    alice.says("quiet again", &room).await;
    bob.hears("quiet again").await;
    bob.gets_ok(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn descriptors_are_given_back() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let pid = stage.first().pid().await;
    let open =
        || std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the node's descriptors").count();
    let token = alice.tokens().access;
    let before = open();
    for _ in 0..5 {
        let sockets =
            stream::iter(0..100).map(|_| Socket::open(stage.first(), &token)).buffer_unordered(32);
        let sockets: Vec<_> = sockets.collect().await;
        drop(sockets);
    }
    eventually("the descriptors to be given back", || async { open() <= before + 20 }).await;
}

/// Hashes of their usual size, right and wrong ones, from many at once.
#[tokio::test]
async fn signing_in_holds_no_memory_afterwards() {
    let stage = Stage::configured(&[
        ("BECKON_ACCOUNTS__PASSWORD_MEMORY_KIB", "19456"),
        ("BECKON_LIMITS__REQUESTS_PER_SECOND", "1000000"),
    ])
    .await;
    let alice = stage.person("alice").await;
    let resident = async || {
        let status = format!("/proc/{}/status", stage.first().pid().await);
        let status = std::fs::read_to_string(status).expect("the node's status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a resident size");
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    let before = resident().await;
    let tries = stream::iter(0..extent(200, 10_000)).map(async |n| {
        let password = if n % 3 == 0 { "not her password" } else { PASSWORD };
        let login = json!({"name": "alice", "password": password});
        let request = stage.first().request(reqwest::Method::POST, "/api/v1/logins");
        request.json(&login).send().await.expect("an answer").status()
    });
    let answers: Vec<_> = tries.buffer_unordered(8).collect().await;
    assert!(answers.iter().filter(|status| status.as_u16() == 200).count() > answers.len() / 3);
    let after = resident().await;
    eprintln!("{before} MB resident before, {after} MB after {} sign-ins", answers.len());
    assert!(after <= before + 60, "{before} MB became {after} MB");
    alice.get("me").await.ok();
}
