//! Requests that should not be.

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};

use crate::stage::{Answer, PASSWORD, PATIENCE, Socket, Stage};

async fn post_raw(stage: &Stage, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = stage.first().request(Method::POST, path).header("content-type", kind).body(body);
    Answer::read(format!("POST {path}"), request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn a_body_that_is_not_json_gets_the_error_object() {
    let stage = Stage::new().await;
    let path = "/api/v1/users";
    for body in ["", "{", "[]", "null", "{\"name\": 7, \"password\": []}", "name=alice&password=x"]
    {
        post_raw(&stage, path, "application/json", body).await.is_refused(400, "malformed");
    }
    post_raw(&stage, path, "application/json", vec![0xff, 0xfe]).await.is_refused(400, "malformed");
    let form = post_raw(&stage, path, "application/x-www-form-urlencoded", "name=alice").await;
    assert!(form.status.is_client_error() && form.json()["code"].is_string(), "{}", form.text());
}

#[tokio::test]
async fn a_body_over_64_kib_is_too_large() {
    let stage = Stage::new().await;
    let body = json!({"name": "alice", "password": PASSWORD, "nickname": "x".repeat(80 * 1024)})
        .to_string();
    post_raw(&stage, "/api/v1/users", "application/json", body).await.is_refused(413, "too_large");
}

#[tokio::test]
async fn unknown_api_paths_are_json_and_not_the_page() {
    let stage = Stage::new().await;
    for path in ["/api", "/api/v1/nope", "/api/v2/me", "/api/v1/conversations/../../etc/passwd"] {
        stage.first().get(path).await.is_refused(404, "not_found");
    }
    let answer = stage.first().request(Method::DELETE, "/api/v1/users").send().await.unwrap();
    assert!(matches!(answer.status().as_u16(), 404 | 405));
}

#[tokio::test]
async fn errors_speak_the_language_asked_for() {
    let stage = Stage::new().await;
    let ask = async |lang: &str| {
        let request =
            stage.first().request(Method::GET, "/api/v1/me").header("accept-language", lang);
        let answer = Answer::read("GET me".to_owned(), request.send().await.unwrap()).await;
        answer.is_refused(401, "unauthenticated")["message"].as_str().unwrap().to_owned()
    };
    let (english, chinese) = (ask("en").await, ask("zh-CN").await);
    assert!(english.is_ascii(), "{english}");
    assert!(chinese.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter)), "{chinese}");
}

#[tokio::test]
async fn a_page_from_elsewhere_opens_no_socket() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let with_origin = |origin: String| {
        let mut request =
            format!("ws://{}/api/v1/ws", stage.first().address()).into_client_request().unwrap();
        let headers = request.headers_mut();
        headers
            .insert("authorization", format!("Bearer {}", alice.tokens().access).parse().unwrap());
        headers.insert("sec-websocket-protocol", "beckon.v1+json".parse().unwrap());
        headers.insert("origin", origin.parse().unwrap());
        Socket::open_with(request)
    };
    for origin in [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        format!("{}.evil.example", stage.first().url()),
    ] {
        match with_origin(origin.clone()).await {
            Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 403, "{origin}"),
            other => panic!("{origin}: {:?}", other.map(|_| "a socket")),
        }
    }
    with_origin(stage.first().url()).await.expect("our own page").hello().await;
}

#[tokio::test]
async fn requests_that_break_http_break_nothing_else() {
    let stage = Stage::new().await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"GET /api/v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(stage.first().address()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        let _ = read.expect("the server to end the connection");
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    stage.person("alice").await;
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down_and_counted() {
    let stage = Stage::configured(&[("BECKON_LIMITS__SIGN_INS_PER_MINUTE", "5")]).await;
    stage.person("alice").await;
    let before = stage.counter("beckon_refusals_total", "slow_down").await;
    let guess = json!({"name": "alice", "password": "a wrong guess"}).to_string();
    let mut refused = None;
    for _ in 0..50 {
        let answer = post_raw(&stage, "/api/v1/logins", "application/json", guess.clone()).await;
        if answer.status == 429 {
            refused = Some(answer.is_refused(429, "slow_down"));
            break;
        }
        answer.is_refused(401, "wrong_credentials");
    }
    let refused = refused.expect("a limit on guessing");
    assert!(
        refused["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0)
            && refused["retryable"] == true
    );
    stage.counter_rises("beckon_refusals_total", "slow_down", before).await;
}

#[tokio::test]
async fn refusals_are_counted() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let before = stage.counter("beckon_refusals_total", "not_found").await;
    alice.get(&format!("users/{}", uuid::Uuid::new_v4())).await.is_refused(404, "not_found");
    stage.counter_rises("beckon_refusals_total", "not_found", before).await;
}
