//! LiveKit's services for other servers, none of which is here: said in their own form (the Twirp wire protocol, v7).

use std::sync::Arc;

use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::json;

use crate::node::Node;

const SERVICES: [&str; 8] = [
    "livekit.RoomService",
    "livekit.Egress",
    "livekit.Ingress",
    "livekit.SIP",
    "livekit.AgentDispatchService",
    "livekit.CloudAgent",
    "livekit.PhoneNumberService",
    "livekit.Connector",
];

pub(super) fn router() -> Router<Arc<Node>> {
    Router::new()
        .route("/twirp", any(no_route))
        .route("/twirp/", any(no_route))
        .route("/twirp/{*rest}", any(service))
        // where agents register, and where LiveKit's cloud lists its regions
        .route("/agent", any(unimplemented))
        .route("/settings/regions", any(no_route))
}

async fn service(uri: Uri, Path(rest): Path<String>) -> Response {
    match rest.split_once('/') {
        Some((service, _)) if SERVICES.contains(&service) => unimplemented(uri).await,
        _ => no_route(uri).await,
    }
}

async fn unimplemented(uri: Uri) -> Response {
    let msg = format!("this server does not have {}", short(&uri));
    (StatusCode::NOT_IMPLEMENTED, Json(json!({"code": "unimplemented", "msg": msg})))
        .into_response()
}

async fn no_route(uri: Uri) -> Response {
    let msg = format!("no handler for path {}", short(&uri));
    (StatusCode::NOT_FOUND, Json(json!({"code": "bad_route", "msg": msg}))).into_response()
}

/// As much of a path as somebody needs to recognise it.
fn short(uri: &Uri) -> &str {
    uri.path().get(..100).unwrap_or(uri.path())
}
