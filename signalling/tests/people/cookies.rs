//! Tokens in cookies, over TLS and without, and answers that nobody may keep.

use serde_json::json;

use crate::stage::{Answer, Ask, PASSWORD, Stage};

fn register(stage: &Stage) -> Ask {
    stage.post("users", json!({"name": "alice", "password": PASSWORD, "transport": "cookie"}))
}

fn set_cookies(answer: &Answer) -> Vec<String> {
    let lines = answer.headers.get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap().to_owned()).collect()
}

fn pair(cookies: &[String], name: &str) -> String {
    let cookie = cookies.iter().find(|cookie| cookie.starts_with(&format!("{name}=")));
    cookie
        .unwrap_or_else(|| panic!("no {name} in {cookies:?}"))
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn over_tls_cookies_belong_to_this_host() {
    let stage = Stage::new().await;
    let cookies = set_cookies(&register(&stage).over_tls().await);
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for cookie in &cookies {
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        for part in ["; Secure", "; Path=/;", "; HttpOnly", "; SameSite=Strict"] {
            assert!(cookie.contains(part), "{cookie} lacks {part}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    let access = pair(&cookies, "__Host-beckon_access");
    stage.get("me").over_tls().header("cookie", &access).await.ok();
}

/// A browser that signed in with the first release has cookies of the former names.
#[tokio::test]
async fn cookies_of_the_first_release_go_on_and_are_replaced() {
    let stage = Stage::new().await;
    let former = set_cookies(&register(&stage).await); // plain HTTP keeps those names
    let (access, refresh) = (pair(&former, "beckon_access"), pair(&former, "beckon_refresh"));
    stage.get("me").over_tls().header("cookie", &access).await.ok();

    let both = format!("{access}; {refresh}");
    let answer = stage.post("logins/refresh", json!({})).over_tls().header("cookie", &both).await;
    answer.ok();
    let cookies = set_cookies(&answer);
    for gone in ["beckon_access=;", "beckon_refresh=;"] {
        let ended = cookies.iter().find(|cookie| cookie.starts_with(gone)).unwrap();
        assert!(ended.contains("Max-Age=0"), "{ended}");
    }
    let access = pair(&cookies, "__Host-beckon_access");
    stage.get("me").over_tls().header("cookie", &access).await.ok();
    let refresh = pair(&cookies, "__Host-beckon_refresh");
    stage.post("logins/refresh", json!({})).over_tls().header("cookie", &refresh).await.ok();
}

#[tokio::test]
async fn answers_about_people_are_kept_by_nobody() {
    let stage = Stage::new().await;
    let answer = stage.post("users", json!({"name": "alice", "password": PASSWORD})).await;
    let alice = answer.ok();
    let refresh = json!({"refresh_token": alice["refresh_token"]});
    for answer in [
        answer,
        stage.get("me").by(&alice).await,
        stage.get("conversations").by(&alice).await,
        stage.get("me").await,
        stage.get("nowhere").await,
        stage.post("logins/refresh", refresh).await,
    ] {
        assert_eq!(answer.headers["cache-control"], "no-store", "{}", answer.json());
    }
}
