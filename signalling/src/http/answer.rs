//! Refusals on their way out: one layer turns them into the error object, in the caller's language.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{ACCEPT_LANGUAGE, CONNECTION, CONTENT_LENGTH, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::domain::refusal::{Code, Lang, Refusal};

/// A handler's error: any [`Refusal`], ready to be answered.
#[derive(Debug)]
pub struct Answer(pub Refusal);

impl<E: Into<Refusal>> From<E> for Answer {
    fn from(refusal: E) -> Self {
        Answer(refusal.into())
    }
}

impl IntoResponse for Answer {
    /// Status and the refusal itself; [`render_refusals`] writes the body, knowing the request.
    fn into_response(self) -> Response {
        let mut response = status(&self.0).into_response();
        response.extensions_mut().insert(Arc::new(self.0));
        response
    }
}

pub(super) async fn render_refusals(request: Request, next: Next) -> Response {
    let lang = lang(request.headers());
    let request_id = request_id(request.headers());
    let response = next.run(request).await;
    let Some(refusal) = response.extensions().get::<Arc<Refusal>>() else { return response };
    let mut rendered = render(refusal, lang, request_id);
    for (name, value) in response.headers().iter().filter(|(name, _)| **name != CONTENT_LENGTH) {
        rendered.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    rendered
}

fn render(refusal: &Refusal, lang: Lang, request_id: String) -> Response {
    metrics::counter!("beckon_refusals_total", "code" => refusal.code.as_str()).increment(1);
    if let Some(source) = &refusal.source {
        tracing::error!(request.id = %request_id, code = refusal.code.as_str(), error = %source, "a request failed");
    }
    let mut response =
        (status(refusal), axum::Json(refusal.to_wire(lang, request_id))).into_response();
    if refusal.code == Code::RequestTimeout {
        // the rest of the body may never come (RFC 9110, 15.5.9)
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(ms) = refusal.retry_after_ms {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
    }
    response
}

fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.code.status()).expect("codes have true statuses")
}

/// The language a caller asked for.
pub fn lang(headers: &HeaderMap) -> Lang {
    let tag = headers.get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    Lang::from_tag(tag.unwrap_or_default())
}

/// What the outer server named this request; a fresh id when there is none.
pub fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|v| v.to_str().ok());
    given.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}
