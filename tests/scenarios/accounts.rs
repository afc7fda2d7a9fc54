//! Signing up, in and out.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::stage::{Answer, Node, PASSWORD, Person, Socket, Stage};

async fn post(node: &Node, path: &str, body: Value) -> Answer {
    let answer = node.request(Method::POST, &format!("/api/v1/{path}")).json(&body).send().await;
    Answer::read(format!("POST {path}"), answer.expect("an answer")).await
}

async fn refresh(person: &Person, refresh_token: &str) -> Answer {
    post(person.node(), "logins/refresh", json!({"refresh_token": refresh_token})).await
}

#[tokio::test]
async fn somebody_new_registers_and_is_known() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let me = alice.get("me").await.ok();
    assert_eq!((&me["name"], &me["id"]), (&json!("alice"), &json!(alice.id)));
}

#[tokio::test]
async fn the_limits_in_force_are_told_to_anybody() {
    let settings =
        [("BECKON_ACCOUNTS__REGISTRATION", "false"), ("BECKON_FILES__BYTES_MAX", "12345")];
    let stage = Stage::configured(&settings).await;
    let told = stage.first().get("/api/v1/settings").await;
    assert_eq!(told.header("cache-control"), "public, max-age=60");
    let told = told.ok();
    let limits = (&told["registration_open"], &told["file_bytes_max"], &told["recall_within_ms"]);
    assert_eq!(limits, (&json!(false), &json!(12_345), &json!(120_000)));
    let account = json!({"name": "alice", "password": PASSWORD});
    post(stage.first(), "users", account).await.is_refused(403, "denied");
}

#[tokio::test]
async fn a_name_is_taken_however_it_is_spelled() {
    let stage = Stage::new().await;
    stage.person("Alice").await;
    for name in ["alice", "ALICE", "ａｌｉｃｅ"] {
        let answer =
            post(stage.first(), "users", json!({"name": name, "password": PASSWORD})).await;
        answer.is_refused(409, "name_taken");
    }
}

#[tokio::test]
async fn names_and_passwords_that_break_the_rules_are_refused_by_field() {
    let stage = Stage::new().await;
    let long = "x".repeat(33);
    for name in ["", "ab", "a b c", "tab\tbed", "semi;colon", "\u{0}\u{1}\u{2}", &long] {
        let answer =
            post(stage.first(), "users", json!({"name": name, "password": PASSWORD})).await;
        assert_eq!(answer.is_refused(400, "invalid")["field"], "name", "{name:?}");
    }
    let long = "x".repeat(129);
    for password in ["", "short", &long] {
        let answer =
            post(stage.first(), "users", json!({"name": "alice", "password": password})).await;
        assert_eq!(answer.is_refused(400, "invalid")["field"], "password", "{password:?}");
    }
    let account = json!({"name": "alice", "password": PASSWORD, "nickname": "two\nlines"});
    assert_eq!(
        post(stage.first(), "users", account).await.is_refused(400, "invalid")["field"],
        "nickname"
    );
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_get_the_same_answer() {
    let stage = Stage::new().await;
    stage.person("alice").await;
    let wrong =
        post(stage.first(), "logins", json!({"name": "alice", "password": "not her password"}))
            .await;
    let unknown =
        post(stage.first(), "logins", json!({"name": "nobody", "password": "not her password"}))
            .await;
    let (mut wrong, mut unknown) =
        (wrong.is_refused(401, "wrong_credentials"), unknown.is_refused(401, "wrong_credentials"));
    for error in [&mut wrong, &mut unknown] {
        error.as_object_mut().unwrap().remove("request_id");
    }
    assert_eq!(wrong, unknown);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_for_new_ones_and_the_old_access_token_ends() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let old = alice.tokens();
    let renewed = refresh(&alice, &old.refresh).await.ok();
    alice.takes_tokens(
        renewed["access_token"].as_str().unwrap(),
        renewed["refresh_token"].as_str().unwrap(),
    );
    assert_ne!(alice.tokens().refresh, old.refresh);
    alice.get("me").await.ok();
}

#[tokio::test]
async fn a_refresh_token_used_twice_at_once_gets_the_same_answer_from_any_node() {
    let Some(stage) = Stage::shared().await else { return };
    let second = stage.node().await;
    let alice = stage.person("alice").await;
    let old = alice.tokens();
    let there = alice.at(&second);
    let (here, there) = tokio::join!(refresh(&alice, &old.refresh), refresh(&there, &old.refresh));
    let renewed = here.ok();
    assert_eq!(renewed, there.ok());
    alice.takes_tokens(
        renewed["access_token"].as_str().unwrap(),
        renewed["refresh_token"].as_str().unwrap(),
    );
    alice.get("me").await.ok();
    alice.gets_ok(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn revoking_a_login_closes_its_sockets_and_no_others() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let phone = alice.on_another_device("phone").await;
    let logins = alice.get("logins").await.ok();
    assert_eq!(logins["logins"].as_array().unwrap().len(), 2);

    alice.delete(&format!("logins/{}", phone.login_id)).await.ok();
    assert_eq!(phone.is_closed().await.code, Some(4401));
    phone.get("me").await.is_refused(401, "unauthenticated");
    alice.gets_ok(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn signing_out_ends_this_login() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    alice.delete("logins/current").await.ok();
    assert_eq!(alice.is_closed().await.code, Some(4401));
    alice.get("me").await.is_refused(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_revokes_the_login_of_somebody_else() {
    let stage = Stage::new().await;
    let [alice, mallory] = stage.people(["alice", "mallory"]).await;
    mallory.delete(&format!("logins/{}", alice.login_id)).await.is_refused(404, "not_found");
    alice.gets_ok(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn a_new_password_ends_every_other_login() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let phone = alice.on_another_device("phone").await;
    let wrong = json!({"old_password": "not her password", "new_password": "quite another one"});
    alice.post("me/password", wrong).await.is_refused(401, "wrong_credentials");

    let change = json!({"old_password": PASSWORD, "new_password": "quite another one"});
    alice.post("me/password", change).await.ok();
    assert_eq!(phone.is_closed().await.code, Some(4401));
    alice.get("me").await.ok();
    let old = post(stage.first(), "logins", json!({"name": "alice", "password": PASSWORD})).await;
    old.is_refused(401, "wrong_credentials");
    post(stage.first(), "logins", json!({"name": "alice", "password": "quite another one"}))
        .await
        .ok();
}

#[tokio::test]
async fn the_same_device_signing_in_again_replaces_its_login() {
    let stage = Stage::new().await;
    stage.person("alice").await;
    let device = json!({"id": uuid::Uuid::new_v4(), "kind": "ios", "name": "phone"});
    let login = json!({"name": "alice", "password": PASSWORD, "device": device});
    let first = post(stage.first(), "logins", login.clone()).await.ok();
    let second = post(stage.first(), "logins", login).await.ok();
    assert_ne!(first["login_id"], second["login_id"]);
    let with = |token: &Value| {
        stage.first().request(Method::GET, "/api/v1/me").bearer_auth(token.as_str().unwrap())
    };
    assert_eq!(with(&first["access_token"]).send().await.unwrap().status(), 401);
    assert_eq!(with(&second["access_token"]).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn tokens_that_are_no_tokens_open_neither_door() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let tokens = alice.tokens();
    let mut forged = tokens.access.clone();
    forged.replace_range(..1, if forged.starts_with('A') { "B" } else { "A" });
    // A refresh token is not an access token either.
    for token in ["", "x", "a.b.c", &"x".repeat(4_000), &forged, &tokens.refresh] {
        let answer = stage
            .first()
            .request(Method::GET, "/api/v1/me")
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        Answer::read("GET me".to_owned(), answer).await.is_refused(401, "unauthenticated");
        assert!(Socket::open(stage.first(), token).await.is_err(), "{token:?} opened a socket");
    }
    stage.first().get("/api/v1/me").await.is_refused(401, "unauthenticated");
}

#[tokio::test]
async fn an_expired_access_token_opens_neither_door_until_it_is_refreshed() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    stage.edit("UPDATE logins SET access_expires_at = 1").await;
    alice.get("me").await.is_refused(401, "unauthenticated");
    assert!(Socket::open(stage.first(), &alice.tokens().access).await.is_err());
    let renewed = refresh(&alice, &alice.tokens().refresh).await.ok();
    alice.takes_tokens(
        renewed["access_token"].as_str().unwrap(),
        renewed["refresh_token"].as_str().unwrap(),
    );
    alice.get("me").await.ok();
}

#[tokio::test]
async fn an_expired_refresh_token_is_refused() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    stage.edit("UPDATE logins SET access_expires_at = 1, refresh_expires_at = 1").await;
    refresh(&alice, &alice.tokens().refresh).await.is_refused(401, "unauthenticated");
}

#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    // Hashing that takes a while, so that leaving it out would show.
    let stage = Stage::configured(&[
        ("BECKON_ACCOUNTS__PASSWORD_MEMORY_KIB", "16384"),
        ("BECKON_ACCOUNTS__PASSWORD_PASSES", "3"),
    ])
    .await;
    stage.person("alice").await;
    let mut quickest = [Duration::MAX; 2];
    for _ in 0..5 {
        for (name, quickest) in ["alice", "nobody"].into_iter().zip(&mut quickest) {
            let asked = Instant::now();
            let guess = json!({"name": name, "password": "not her password"});
            post(stage.first(), "logins", guess).await.is_refused(401, "wrong_credentials");
            *quickest = asked.elapsed().min(*quickest);
        }
    }
    let [known, unknown] = quickest;
    assert!(unknown * 2 > known && known * 2 > unknown, "{known:?} and {unknown:?}");
}

#[tokio::test]
async fn a_ticket_opens_one_socket() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let ticket = alice.post("ws-tickets", Value::Null).await.ok();
    let ticket = ticket["ticket"].as_str().unwrap();
    let open = || {
        let url = format!("ws://{}/api/v1/ws?ticket={ticket}", stage.first().address());
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "beckon.v1+json".parse().unwrap());
        Socket::open_with(request)
    };
    let mut socket = open().await.expect("a fresh ticket");
    assert_eq!(socket.hello().await["user_id"], json!(alice.id));
    assert!(open().await.is_err(), "the ticket worked twice");
}

#[tokio::test]
async fn a_page_signs_in_by_cookie_and_never_sees_the_tokens() {
    let stage = Stage::new().await;
    let account = json!({"name": "alice", "password": PASSWORD, "transport": "cookie"});
    let answer = post(stage.first(), "users", account).await;
    let signed_in = answer.ok();
    assert!(signed_in.get("access_token").is_none() && signed_in.get("refresh_token").is_none());
    let cookies: Vec<_> =
        answer.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    assert!(!cookies.is_empty());
    for cookie in &cookies {
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    }
    let pairs: Vec<_> = cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
    let me = stage.first().request(Method::GET, "/api/v1/me").header("cookie", pairs.join("; "));
    assert_eq!(me.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_profile_changes_on_every_device() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let phone = alice.on_another_device("phone").await;
    alice.patch("me", json!({"nickname": "Alice 愛麗絲"})).await.ok();
    assert_eq!(phone.notices("me").await["user"]["nickname"], "Alice 愛麗絲");
    for nickname in ["", "   ", "a\u{7}b", &"x".repeat(41)] {
        let answer = alice.patch("me", json!({"nickname": nickname})).await;
        assert_eq!(answer.is_refused(400, "invalid")["field"], "nickname", "{nickname:?}");
    }
}
