//! Refresh tokens: traded once, and forgiving to those who did not hear the answer.

use axum::http::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, PASSWORD, Stage};

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
}

#[tokio::test]
async fn the_former_access_token_works_for_a_minute_and_no_longer() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let next = refresh(&stage, &alice["refresh_token"]).await.ok();
    stage.get("me").by(&alice).await.ok();
    stage.ask(Method::POST, "ws-tickets").by(&alice).await.ok();
    refresh(&stage, &alice["refresh_token"]).await.ok();
    stage.get("me").by(&alice).await.ok();
    stage.edit("UPDATE logins SET former_access_until = former_access_until - 61000").await;
    stage.get("me").by(&alice).await.is_refused(401, "unauthenticated");
    stage.get("me").by(&next).await.ok();
}

#[tokio::test]
async fn the_former_access_token_does_not_outlive_its_own_end() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    stage.edit("UPDATE logins SET access_expires_at = 1").await;
    refresh(&stage, &alice["refresh_token"]).await.ok();
    stage.get("me").by(&alice).await.is_refused(401, "unauthenticated");
}

#[tokio::test]
async fn only_the_last_former_access_token_works() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let second = refresh(&stage, &alice["refresh_token"]).await.ok();
    let third = refresh(&stage, &second["refresh_token"]).await.ok();
    stage.get("me").by(&alice).await.is_refused(401, "unauthenticated");
    stage.get("me").by(&second).await.ok();
    stage.get("me").by(&third).await.ok();
}

#[tokio::test]
async fn whatever_ends_trust_in_a_login_ends_its_former_access_token_at_once() {
    for end in ["sign-out", "revocation", "password", "disabled", "reuse"] {
        let stage = Stage::new().await;
        let alice = stage.registers("alice").await;
        let other = json!({"name": "alice", "password": PASSWORD});
        let other = stage.post("logins", other).await.ok();
        let next = refresh(&stage, &alice["refresh_token"]).await.ok();
        stage.get("me").by(&alice).await.ok();
        let change = json!({"old_password": PASSWORD, "new_password": "quite another one"});
        let revoke = format!("logins/{}", alice["login_id"].as_str().unwrap());
        match end {
            "sign-out" => {
                stage.ask(Method::DELETE, "logins/current").by(&alice).await.ok();
            }
            "revocation" => {
                stage.ask(Method::DELETE, &revoke).by(&other).await.ok();
            }
            "password" => {
                stage.post("me/password", change).by(&next).await.ok();
                stage.get("me").by(&next).await.ok();
            }
            "disabled" => stage.edit("UPDATE users SET disabled = 1").await,
            _ => {
                // as if its clock were a minute ahead of that of the node that traded
                stage.edit("UPDATE logins SET rotated_at = rotated_at - 61000").await;
                refresh(&stage, &alice["refresh_token"]).await.is_refused(401, "unauthenticated");
            }
        }
        let answer = stage.get("me").by(&alice).await;
        assert_eq!(answer.status, 401, "after {end}");
    }
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
