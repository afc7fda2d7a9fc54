//! A database of the first release under this one: nobody has to sign in again, nothing is lost.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::stage::{Answer, Socket, Stage, engines};

const ROWS: &str = include_str!("first_release.sql");
const MIGRATIONS: [&str; 2] = ["0001", "0002"];

const ALICE_ACCESS: &str = "01930000000070008000000000000191401a401a401a401a401a401a401a401a401a401a401a401a401a401a401a401a";
const ALICE_REFRESH: &str = "01930000000070008000000000000191401b401b401b401b401b401b401b401b401b401b401b401b401b401b401b401b";
const BOB_ACCESS: &str = "01930000000070008000000000000192402a402a402a402a402a402a402a402a402a402a402a402a402a402a402a402a";
const ROOM: &str = "01930000-0000-7000-8000-000000000064";

async fn ask(
    stage: &Stage,
    method: Method,
    path: &str,
    cookie: &str,
    body: Option<Value>,
) -> Answer {
    let mut request = stage.first().request(method, &format!("/api/v1/{path}"));
    if !cookie.is_empty() {
        request = request.header("cookie", cookie).header("origin", stage.first().url());
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    Answer::read(path.to_owned(), request.send().await.expect("an answer")).await
}

/// What the page of the first release does: a cookie at the handshake, then frames that it knows.
async fn connect(stage: &Stage, access: &str) -> Socket {
    let mut request =
        format!("ws://{}/api/v1/ws", stage.first().address()).into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("cookie", format!("beckon_access={access}").parse().unwrap());
    headers.insert("origin", stage.first().url().parse().unwrap());
    headers.insert("sec-websocket-protocol", "beckon.v1+json".parse().unwrap());
    Socket::open_with(request).await.expect("a socket")
}

#[tokio::test]
async fn people_of_the_first_release_stay_signed_in_and_talk_on() {
    for engine in engines() {
        let stage = Stage::after(engine, &MIGRATIONS, ROWS).await;
        let access = format!("beckon_access={ALICE_ACCESS}");
        let me = ask(&stage, Method::GET, "me", &access, None).await.ok();
        assert_eq!(me["name"], "Alice");
        let path = format!("conversations/{ROOM}/messages");
        let history = ask(&stage, Method::GET, &path, &access, None).await.ok();
        let texts: Vec<_> =
            history["messages"].as_array().unwrap().iter().map(|m| &m["body"]["text"]).collect();
        assert_eq!(texts, [&json!("hello from before"), &json!("สวัสดี 🙂")]);

        let mut bob = connect(&stage, BOB_ACCESS).await;
        bob.hello().await;
        let mut alice = connect(&stage, ALICE_ACCESS).await;
        alice.hello().await;
        let send = json!({"type": "send", "conversation_id": ROOM, "client_msg_id": uuid::Uuid::new_v4(),
                          "body": {"type": "text", "text": "hello from after"}});
        assert_eq!(alice.ask(send).await["seq"], 3);
        assert_eq!(bob.frame("message").await["message"]["body"]["text"], "hello from after");

        // the page renews its cookies when the access token has expired
        let refresh = format!("beckon_refresh={ALICE_REFRESH}");
        let renewed = ask(&stage, Method::POST, "logins/refresh", &refresh, Some(json!({}))).await;
        assert_eq!(renewed.ok()["user"]["name"], "Alice");
        let cookies = renewed.headers.get_all("set-cookie").iter();
        let cookies: Vec<_> =
            cookies.map(|c| c.to_str().unwrap().split(';').next().unwrap()).collect();
        ask(&stage, Method::GET, "me", &cookies.join("; "), None).await.ok();
    }
}

#[tokio::test]
async fn names_and_passwords_of_the_first_release_are_those_they_were() {
    for engine in engines() {
        let stage = Stage::after(engine, &MIGRATIONS, ROWS).await;
        for (typed, password, name) in [
            ("alice", "correct horse battery", "Alice"),
            ("Σωκράτης", "cafe\u{301} au lait", "Σωκράτης"), // hashed as it was typed; renewed now
            ("ΣΩΚΡΆΤΗΣ", "café au lait", "Σωκράτης"),
            ("strasse", "correct horse battery", "strasse"),
            ("STRASSE", "correct horse battery", "strasse"),
            ("straße", "correct horse battery", "Straße"), // two people then, and still
        ] {
            let login = json!({"name": typed, "password": password});
            let signed_in = ask(&stage, Method::POST, "logins", "", Some(login)).await.ok();
            assert_eq!(signed_in["user"]["name"], name, "{typed}");
        }
        let another = json!({"name": "σωκράτησ", "password": "correct horse battery"});
        let taken = ask(&stage, Method::POST, "users", "", Some(another)).await;
        taken.is_refused(409, "name_taken");
    }
}

#[tokio::test]
async fn a_page_learns_whether_it_is_too_old() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let mut socket = Socket::open(stage.first(), &alice.tokens().access).await.unwrap();
    assert_eq!(socket.hello().await["client_min"], 1, "raise REVISION of the web client too");
}
