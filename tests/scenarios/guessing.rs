//! Whoever guesses gains nothing by asking another node.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Node, Stage};

const TRIES: usize = 5;

async fn shared() -> Option<Stage> {
    Stage::shared_with(&[("BECKON_LIMITS__SIGN_INS_PER_MINUTE", "5")]).await
}

async fn post(node: &Node, path: &str, body: Value) -> Answer {
    let answer = node.request(Method::POST, &format!("/api/v1/{path}")).json(&body).send().await;
    Answer::read(format!("POST {path}"), answer.expect("an answer")).await
}

async fn guesses(node: &Node, name: &str) -> Answer {
    post(node, "logins", json!({"name": name, "password": "a wrong guess"})).await
}

async fn registers(node: &Node, name: &str) -> Answer {
    post(node, "users", json!({"name": name, "password": "correct horse"})).await
}

#[tokio::test]
async fn guesses_on_one_node_count_on_the_other() {
    let Some(stage) = shared().await else { return };
    let (first, second) = (stage.first(), stage.node().await);
    for n in 0..TRIES {
        let node = if n % 2 == 0 { first } else { &second };
        guesses(node, "alice").await.is_refused(401, "wrong_credentials");
    }
    for node in [first, &second] {
        let refused = guesses(node, "alice").await.is_refused(429, "slow_down");
        let wait = refused["retry_after_ms"].as_u64().unwrap();
        assert!((1..=60_001).contains(&wait), "{wait}");
        guesses(node, "bob").await.is_refused(401, "wrong_credentials");
    }
}

#[tokio::test]
async fn registrations_on_one_node_count_on_the_other() {
    let Some(stage) = shared().await else { return };
    let (first, second) = (stage.first(), stage.node().await);
    for n in 0..TRIES {
        let node = if n % 2 == 0 { first } else { &second };
        registers(node, &format!("person{n}")).await.ok();
    }
    for node in [first, &second] {
        registers(node, "one.too.many").await.is_refused(429, "slow_down");
    }
}

/// Right passwords cost nothing on any node, and a node whose Redis is away goes on by its own count.
#[tokio::test]
async fn a_node_without_its_redis_counts_alone() {
    let Some(stage) = shared().await else { return };
    let (first, second) = (stage.first(), stage.node().await);
    registers(first, "alice").await.ok();
    for _ in 0..TRIES * 2 {
        let right = json!({"name": "alice", "password": "correct horse"});
        post(&second, "logins", right).await.ok();
    }
    for _ in 0..TRIES {
        guesses(first, "bob").await.is_refused(401, "wrong_credentials");
    }
    guesses(&second, "bob").await.is_refused(429, "slow_down");
    stage.redis().stops().await;
    guesses(first, "bob").await.is_refused(429, "slow_down");
    for _ in 0..TRIES {
        guesses(&second, "bob").await.is_refused(401, "wrong_credentials");
    }
    guesses(&second, "bob").await.is_refused(429, "slow_down");
}
