//! Refresh tokens: traded once, and forgiving to those who did not hear the answer.

use serde_json::{Value, json};

use crate::stage::{Answer, Stage};

async fn refresh(stage: &Stage, token: &Value) -> Answer {
    stage.post("logins/refresh", json!({"refresh_token": token})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_trades_a_token_at_once_gets_the_same_answer() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let token = &alice["refresh_token"];
    let (a, b, c, d) = tokio::join!(
        refresh(&stage, token),
        refresh(&stage, token),
        refresh(&stage, token),
        refresh(&stage, token)
    );
    let first = a.ok();
    assert_ne!(first["refresh_token"], *token);
    for other in [b, c, d, refresh(&stage, token).await] {
        assert_eq!(other.ok(), first);
    }
    stage.get("me").by(&first).await.ok();
    stage.get("me").by(&alice).await.is_refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_traded_token_is_nothing_after_a_minute_and_ends_nothing() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let next = refresh(&stage, &alice["refresh_token"]).await.ok();
    stage.edit("UPDATE logins SET rotated_at = rotated_at - 61000").await;
    refresh(&stage, &alice["refresh_token"]).await.is_refused(401, "unauthenticated");
    stage.get("me").by(&next).await.ok();
    refresh(&stage, &next["refresh_token"]).await.ok();
}

#[tokio::test]
async fn a_wrong_secret_ends_nobodys_login() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let login = alice["refresh_token"].as_str().unwrap()[..32].to_owned();
    for wrong in [
        format!("{login}{}", "0".repeat(64)),
        alice["access_token"].as_str().unwrap().to_owned(),
        "0".repeat(96),
        String::new(),
        "é".repeat(48),
    ] {
        refresh(&stage, &json!(wrong)).await.is_refused(401, "unauthenticated");
    }
    stage.get("me").by(&alice).await.ok();
    refresh(&stage, &alice["refresh_token"]).await.ok();
}

#[tokio::test]
async fn a_trade_by_a_node_of_the_first_release_leaves_no_way_back() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    refresh(&stage, &alice["refresh_token"]).await.ok();
    // it knows nothing of the note that is left for those who come late
    stage
        .edit("UPDATE logins SET refresh_hash = randomblob(32), access_hash = randomblob(32)")
        .await;
    refresh(&stage, &alice["refresh_token"]).await.is_refused(401, "unauthenticated");
}
