//! People with HTTP clients, on one node in this process.

use std::io::Cursor;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine;
use beckon_signalling::Signalling;
use beckon_signalling::config::Config;
use beckon_signalling::domain::ids::NodeId;
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

pub(super) struct Stage {
    _signalling: Signalling,
    pub(super) router: Router,
    _folder: TempDir,
}

pub(super) struct Person {
    pub(super) router: Router,
    pub(super) token: String,
    pub(super) id: String,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Stage {
    pub(super) async fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().into(), ..Config::default() };
        config.accounts.password_memory_kib = 64;
        config.accounts.password_passes = 1;
        config.files.bytes_max = 1 << 20;
        let signalling = Signalling::start(NodeId::fresh(), config, None, None).await.unwrap();
        Stage { router: signalling.router(), _signalling: signalling, _folder: folder }
    }

    pub(super) async fn person(&self, name: &str) -> Person {
        let body = json!({ "name": name, "password": "correct horse" }).to_string();
        let request = Request::post("/api/v1/users").header("content-type", "application/json");
        let response = answer(&self.router, request.body(body.into()).unwrap()).await;
        assert_eq!(response.status, StatusCode::CREATED);
        let signed_in = response.json();
        Person {
            router: self.router.clone(),
            token: signed_in["access_token"].as_str().unwrap().to_owned(),
            id: signed_in["user"]["id"].as_str().unwrap().to_owned(),
        }
    }

    /// Two people who may write to each other, and their conversation.
    pub(super) async fn contacts(&self) -> (Person, Person, String) {
        let (ann, bob) = (self.person("ann").await, self.person("bob").await);
        ann.post("/api/v1/contact-requests", json!({ "user_id": bob.id })).await;
        bob.post("/api/v1/contact-requests", json!({ "user_id": ann.id })).await;
        let opened = ann.post("/api/v1/conversations/direct", json!({ "user_id": bob.id })).await;
        let conversation = opened.json()["id"].as_str().unwrap().to_owned();
        (ann, bob, conversation)
    }
}

pub(super) async fn answer(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap().to_owned())
    }
}

impl Person {
    pub(super) async fn does(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(&self.router, request.body(body.into()).unwrap()).await
    }

    pub(super) async fn gets(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.does(Method::GET, path, headers, "").await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.does(Method::POST, path, &headers, body.to_string()).await
    }

    /// A tus request; `1.0.0` goes without saying.
    pub(super) async fn tus(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let headers = [&[("tus-resumable", "1.0.0")], headers].concat();
        self.does(method, path, &headers, body).await
    }

    /// Begins an upload; its address.
    pub(super) async fn begins(&self, name: &str, length: usize) -> String {
        let name = base64::engine::general_purpose::STANDARD.encode(name);
        let metadata = format!("filename {name},filetype aW1hZ2UvcG5n");
        let length = length.to_string();
        let headers = [("upload-length", length.as_str()), ("upload-metadata", &metadata)];
        let created = self.tus(Method::POST, "/api/v1/uploads", &headers, "").await;
        assert_eq!(created.status, StatusCode::CREATED);
        created.header("location").to_owned()
    }

    pub(super) async fn appends(
        &self,
        address: &str,
        offset: &str,
        bytes: impl Into<Body>,
    ) -> Answer {
        let headers =
            [("upload-offset", offset), ("content-type", "application/offset+octet-stream")];
        self.tus(Method::PATCH, address, &headers, bytes).await
    }

    /// A whole file, uploaded; its id.
    pub(super) async fn uploads(&self, name: &str, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let address = self.begins(name, bytes.len()).await;
        let appended = self.appends(&address, "0", bytes).await;
        assert_eq!(appended.status, StatusCode::NO_CONTENT);
        address.rsplit('/').next().unwrap().to_owned()
    }

    pub(super) async fn sends(&self, conversation: &str, body: Value) -> Answer {
        let client_msg_id = uuid::Uuid::now_v7();
        let path = format!("/api/v1/conversations/{conversation}/messages");
        self.post(&path, json!({ "client_msg_id": client_msg_id, "body": body })).await
    }
}

pub(super) fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::new(width, height)).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}
