//! Roles, and acts that somebody may have to answer for.

use axum::http::Method;
use beckon_signalling::RoleSet;
use beckon_signalling::domain::user::AccountRole;
use serde_json::{Value, json};

use crate::stage::{PASSWORD, Stage};

async fn role(stage: &Stage, by: &Value) -> Value {
    stage.get("me").by(by).await.ok()["role"].clone()
}

/// The lines of the audit without their times, oldest first.
async fn lines(stage: &Stage) -> Vec<String> {
    let acts = stage.operator().await.audit(100).await.unwrap();
    let line = |act: String| act.split_once("  ").unwrap().1.to_owned();
    acts.iter().rev().map(|act| line(act.to_string())).collect()
}

#[tokio::test]
async fn an_open_login_has_its_new_role_at_its_next_request() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    assert_eq!(alice["user"]["role"], "user");
    let operator = stage.operator().await;
    let set = async |role| operator.set_role("ALICE", role).await.unwrap();
    assert_eq!(set(AccountRole::Admin).await, RoleSet::Changed);
    assert_eq!(role(&stage, &alice).await, "admin");
    assert_eq!(set(AccountRole::Admin).await, RoleSet::Unchanged);
    assert_eq!(set(AccountRole::User).await, RoleSet::Changed);
    assert_eq!(role(&stage, &alice).await, "user");
    let nobody = operator.set_role("nobody", AccountRole::Admin).await.unwrap();
    assert_eq!(nobody, RoleSet::Nobody);
    assert_eq!(
        lines(&stage).await,
        [
            "command  set_role  user alice  {\"former\":\"user\",\"role\":\"admin\"}",
            "command  set_role  user alice  {\"former\":\"admin\",\"role\":\"user\"}",
        ]
    );
}

#[tokio::test]
async fn what_people_do_for_their_safety_is_noted_once_it_is_done() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let login = json!({"name": "alice", "password": PASSWORD, "device": {"name": "a \"phone\""}});
    let phone = stage.post("logins", login.clone()).await.ok();
    stage.post("logins", login.clone()).await.ok();
    let phone_id = phone["login_id"].as_str().unwrap();

    let wrong = json!({"old_password": "not hers", "new_password": "quite another one"});
    stage.post("me/password", wrong).by(&alice).await.is_refused(401, "wrong_credentials");
    let bob = stage.registers("bob").await;
    let theirs = stage.ask(Method::DELETE, &format!("logins/{phone_id}")).by(&bob).await;
    theirs.is_refused(404, "not_found");
    assert!(lines(&stage).await.is_empty(), "nothing of that happened");

    stage.ask(Method::DELETE, &format!("logins/{phone_id}")).by(&alice).await.ok();
    let change = json!({"old_password": PASSWORD, "new_password": "quite another one"});
    stage.post("me/password", change).by(&alice).await.ok();
    stage.ask(Method::DELETE, "logins/current").by(&alice).await.ok();
    assert_eq!(
        lines(&stage).await,
        [
            format!(
                "user alice  revoke_login  login {phone_id}  {{\"device\":\"a \\\"phone\\\"\"}}"
            ),
            "user alice  change_password  user alice  {\"logins_ended\":1}".to_owned(),
        ],
        "and signing oneself out is everyday"
    );
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_done() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let login = json!({"name": "alice", "password": PASSWORD});
    let phone = stage.post("logins", login.clone()).await.ok();
    let operator = stage.operator().await;
    stage.edit("DROP TABLE audit").await;

    let change = json!({"old_password": PASSWORD, "new_password": "quite another one"});
    assert!(stage.post("me/password", change).by(&alice).await.status.is_server_error());
    let path = format!("logins/{}", phone["login_id"].as_str().unwrap());
    assert!(stage.ask(Method::DELETE, &path).by(&alice).await.status.is_server_error());
    operator.set_role("alice", AccountRole::Admin).await.unwrap_err();
    let password = PASSWORD.to_owned().into();
    operator.create_user("carol", &password, None).await.unwrap_err();

    stage.post("logins", login).await.ok();
    stage.get("me").by(&phone).await.ok();
    assert_eq!(role(&stage, &alice).await, "user");
    stage.registers("carol").await; // the name is free
}
