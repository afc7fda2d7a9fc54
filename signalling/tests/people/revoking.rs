//! Logins that end while something goes on.

use axum::body::{Body, Bytes};
use axum::http::Method;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::stage::{Ask, PASSWORD, Stage};

/// Whatever the order of a change of the password and sign-ins with the old one, none of them is left.
#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_with_the_old_password_survives_its_change() {
    for round in 0..5 {
        let stage = Stage::new().await;
        let alice = stage.registers("alice").await;
        let change = json!({"old_password": PASSWORD, "new_password": "quite another one"});
        let change = tokio::spawn(stage.post("me/password", change).by(&alice).into_future());
        let old = json!({"name": "alice", "password": PASSWORD});
        let tries: Vec<_> =
            (0..6).map(|_| tokio::spawn(stage.post("logins", old.clone()).into_future())).collect();
        change.await.unwrap().ok();
        for answer in tries {
            let answer = answer.await.unwrap();
            if answer.status == 200 {
                let came_in: Value = answer.json();
                let me = stage.get("me").by(&came_in).await;
                assert_eq!(me.status, 401, "a sign-in of round {round} survived");
            }
        }
        stage.get("me").by(&alice).await.ok();
    }
}

#[tokio::test]
async fn a_ticket_of_a_login_that_is_over_opens_nothing() {
    let stage = Stage::new().await;
    for end in [
        "DELETE FROM logins",
        "UPDATE users SET disabled = 1",
        "UPDATE logins SET refresh_expires_at = 1",
    ] {
        let name = format!("alice{}", end.len());
        let alice = stage.registers(&name).await;
        let ticket = stage.ask(Method::POST, "ws-tickets").by(&alice).await.ok();
        stage.edit(end).await;
        let path = format!("ws?ticket={}", ticket["ticket"].as_str().unwrap());
        stage.get(&path).await.is_refused(401, "unauthenticated");
    }
}

fn upload(stage: &Stage, by: &Value, length: usize) -> Ask {
    let ask = stage.ask(Method::POST, "uploads").by(by).header("tus-resumable", "1.0.0");
    ask.header("upload-length", &length.to_string()).header("upload-metadata", "filename YS5iaW4=")
}

fn patch(stage: &Stage, by: &Value, path: &str, body: Body) -> Ask {
    let ask = stage.ask(Method::PATCH, path).by(by).header("tus-resumable", "1.0.0");
    let ask = ask.header("upload-offset", "0").body(body);
    ask.header("content-type", "application/offset+octet-stream")
}

/// The path of a created upload, below `/api/v1/`.
async fn created(ask: Ask) -> String {
    let answer = ask.await;
    answer.ok();
    answer.headers["location"].to_str().unwrap().trim_start_matches("/api/v1/").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_ends_with_its_login() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let path = created(upload(&stage, &alice, 1000)).await;
    let (bytes, mut parts) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let endless = Body::from_stream(futures_util::stream::poll_fn(move |cx| parts.poll_recv(cx)));
    let answer = tokio::spawn(patch(&stage, &alice, &path, endless).into_future());
    for _ in 0..3 {
        bytes.send(Ok(Bytes::from_static(b"some"))).await.unwrap(); // the third: the first was read
    }
    stage.ask(Method::DELETE, "logins/current").by(&alice).await.ok();
    answer.await.unwrap().is_refused(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_ends_with_its_login() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let path = created(upload(&stage, &alice, 8 << 20)).await;
    patch(&stage, &alice, &path, vec![7u8; 8 << 20].into()).await.ok();
    let file = path.replace("uploads", "files");
    let mut body = stage.get(&file).by(&alice).response().await.into_body().into_data_stream();
    assert!(body.next().await.unwrap().is_ok());
    stage.ask(Method::DELETE, "logins/current").by(&alice).await.ok();
    let rest: Vec<_> = body.collect().await;
    assert!(rest.last().unwrap().is_err(), "the whole file came");
}
