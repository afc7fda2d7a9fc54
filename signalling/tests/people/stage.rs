//! One node, and requests to it from anywhere.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use beckon_signalling::config::Config;
use beckon_signalling::domain::ids::NodeId;
use beckon_signalling::{Admin, Arrival, Signalling};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "correct horse";
/// Where requests come from unless somebody says otherwise.
pub(crate) const HOME: &str = "198.51.100.1";

pub(crate) struct Stage {
    _signalling: Signalling,
    config: Config,
    pub(crate) router: Router,
    folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A request that is being put together.
pub(crate) struct Ask {
    router: Router,
    request: Request<Body>,
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        Stage::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().into(), ..Config::default() };
        config.accounts.password_memory_kib = 64;
        config.accounts.password_passes = 1;
        config.limits.sign_ins_per_minute = 1_000_000;
        config.limits.requests_per_second = 1_000_000;
        change(&mut config);
        let signalling =
            Signalling::start(NodeId::fresh(), config.clone(), None, None).await.unwrap();
        Stage { router: signalling.router(), _signalling: signalling, config, folder }
    }

    /// What the command line works with, beside the running node.
    pub(crate) async fn operator(&self) -> Admin {
        Admin::open(&self.config).await.unwrap()
    }

    /// Changes the database behind the node's back, for what would otherwise take its time to happen.
    pub(crate) async fn edit(&self, statement: &'static str) {
        let path = self.folder.path().join("beckon.db");
        let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        connection.execute(statement).await.unwrap();
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Ask {
        self.ask(Method::POST, path).json(&body)
    }

    pub(crate) fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask {
        let request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
        let ask =
            Ask { router: self.router.clone(), request: request.body(Body::empty()).unwrap() };
        ask.from(HOME)
    }

    pub(crate) async fn registers(&self, name: &str) -> Value {
        self.post("users", json!({"name": name, "password": PASSWORD})).await.ok()
    }
}

impl Ask {
    pub(crate) fn from(mut self, address: &str) -> Ask {
        let address = SocketAddr::new(address.parse().unwrap(), 40_000);
        self.request.extensions_mut().insert(ConnectInfo(address));
        self
    }

    pub(crate) fn over_tls(mut self) -> Ask {
        self.request.extensions_mut().insert(Arrival { secure: true });
        self
    }

    pub(crate) fn by(self, signed_in: &Value) -> Ask {
        let token = signed_in["access_token"].as_str().expect("a token");
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Ask {
        self.request.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Ask {
        self.body(body.to_string())
    }

    pub(crate) fn body(self, text: impl Into<Body>) -> Ask {
        let mut ask = self.header("content-type", "application/json");
        *ask.request.body_mut() = text.into();
        ask
    }

    /// The answer with a body still to be read.
    pub(crate) async fn response(self) -> Response<Body> {
        self.router.oneshot(self.request).await.unwrap()
    }

    pub(crate) async fn answer(self) -> Answer {
        let response = self.response().await;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl IntoFuture for Ask {
    type Output = Answer;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.answer())
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.json());
        self.json()
    }

    #[track_caller]
    pub(crate) fn is_refused(&self, status: u16, code: &str) -> Value {
        let error = self.json();
        assert_eq!((self.status.as_u16(), &error["code"]), (status, &json!(code)), "{error}");
        error
    }
}

/// A device that a client names in its sign-ins.
pub(crate) fn device() -> Value {
    json!({"id": Uuid::now_v7(), "kind": "web", "name": "a browser"})
}
