//! Around every request: an id, a span, a count, and a stop for panics.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::Json;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use metrics::{counter, histogram};
use serde_json::json;
use tower_http::request_id::RequestId;
use tracing::Instrument as _;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An id from outside is kept only up to this length.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Middleware around the whole router. The path is logged as the route's template, never as sent: a
/// query may hold a ticket.
pub(crate) async fn request(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    request.extensions_mut().insert(RequestId::new(id.clone()));
    let route = route(&request);
    let method = method_label(request.method());
    let span =
        tracing::info_span!("request", request.id = id.to_str().unwrap_or_default(), method, route);

    let started = Instant::now();
    let mut response = caught(&id, next.run(request)).instrument(span.clone()).await;
    let elapsed = started.elapsed();

    let status = response.status();
    let labels =
        [("method", method.to_owned()), ("route", route), ("status", status.as_str().to_owned())];
    counter!("beckon_http_requests_total", &labels).increment(1);
    histogram!("beckon_http_request_seconds", &labels[..2]).record(elapsed.as_secs_f64());
    span.in_scope(|| {
        tracing::debug!(status = status.as_u16(), elapsed_us = elapsed.as_micros(), "answered")
    });
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// A proxy's id if it is a plain one, else our own.
fn request_id(request: &Request) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
            && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    request.headers().get(REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| {
        HeaderValue::try_from(Uuid::now_v7().to_string()).expect("a UUID is plain ASCII")
    })
}

/// The template of the matched route; the web client's pages and files count as one, so that nobody can
/// fill the metrics with paths of their own.
fn route(request: &Request) -> String {
    request.extensions().get::<MatchedPath>().map_or("web", MatchedPath::as_str).to_owned()
}

/// The method's name; an invented one is just that.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// A panic is a bug: this request is answered 500, the others notice nothing.
async fn caught(id: &HeaderValue, answer: impl Future<Output = Response>) -> Response {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            counter!("beckon_panics_total").increment(1);
            internal_error(id)
        }
    }
}

fn internal_error(id: &HeaderValue) -> Response {
    let body = json!({
        "code": "internal",
        "message": "Something went wrong on the server.",
        "retryable": true,
        "request_id": id.to_str().unwrap_or_default(),
    });
    (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
}
