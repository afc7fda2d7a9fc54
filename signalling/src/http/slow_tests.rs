//! Bodies that never come to their end.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONNECTION, CONTENT_TYPE, LOCATION};
use axum::response::Response;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::domain::ids::NodeId;
use crate::{Config, Signalling};

/// A server, and somebody in it.
struct Stage {
    router: Router,
    token: Arc<str>,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let signalling = Signalling::start(NodeId::fresh(), config, None, None).await.unwrap();
        let router = signalling.router();
        let ann = json!({"name": "ann", "password": "correct horse battery"}).to_string();
        let register = Request::post("/api/v1/users").header(CONTENT_TYPE, "application/json");
        let ann = router.clone().oneshot(register.body(Body::from(ann)).unwrap()).await.unwrap();
        let token = read(ann).await["access_token"].as_str().unwrap().into();
        Stage { router, token, _folder: folder }
    }

    /// Sends half of a body, and waits for the answer.
    async fn half(&self, method: &str, path: &str, kind: &str) -> Response {
        let half = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{\"half\":"))]);
        let body = Body::from_stream(half.chain(stream::pending()));
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, kind);
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        let request = request.header("tus-resumable", "1.0.0").header("upload-offset", "0");
        let request = request.header("upload-length", "100").header(ACCEPT_LANGUAGE, "zh-CN");
        self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    /// Where an upload continues.
    async fn upload(&self) -> String {
        let request = Request::post("/api/v1/uploads").header("tus-resumable", "1.0.0");
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        let request = request.header("upload-length", "100").body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        answer.headers()[LOCATION].to_str().unwrap().to_owned()
    }
}

async fn read(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap()
}

/// Every operation that takes a body, with the type that the document says.
fn operations() -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(&super::openapi()).unwrap();
    let mut operations = vec![offset_octets("POST", "/api/v1/uploads")];
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let content = operation["requestBody"]["content"].as_object();
            if let Some(kind) = content.and_then(|content| content.keys().next()) {
                operations.push((method.to_uppercase(), path.clone(), kind.clone()));
            }
        }
    }
    operations
}

fn offset_octets(method: &str, path: &str) -> (String, String, String) {
    (method.to_owned(), path.to_owned(), "application/offset+octet-stream".to_owned())
}

#[tokio::test]
async fn half_a_body_is_answered_with_408_wherever_a_body_is_read() {
    let stage = Stage::new().await;
    let upload = stage.upload().await;
    let asked = operations();
    assert!(asked.len() > 15, "the document lists {} operations with a body", asked.len());
    let answers = asked.iter().map(async |(method, path, kind)| {
        let path = path.replace("/api/v1/uploads/{id}", &upload);
        let id = "0198c0de-0000-7000-8000-000000000000";
        let parts = path.split('/').map(|part| if part.starts_with('{') { id } else { part });
        let answer = stage.half(method, &parts.collect::<Vec<_>>().join("/"), kind).await;
        let asked = format!("{method} {path}");
        assert_eq!(answer.status(), 408, "{asked}");
        assert_eq!(answer.headers()[CONNECTION], "close", "{asked}");
        let told = read(answer).await;
        assert_eq!(told["code"], "request_timeout", "{asked}");
        assert!(told["message"].as_str().unwrap().contains("太慢"), "{asked}: {told}");
    });
    join_all(answers).await;
}

#[tokio::test]
async fn the_connection_is_closed_after_half_a_body() {
    let stage = Stage::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let router = stage.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let head = "POST /api/v1/logins HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{\"name\":";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an end");
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("\"code\":\"request_timeout\""), "{answer}");
    server.abort();
}
