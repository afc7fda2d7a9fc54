//! Strict-Transport-Security (RFC 6797): browsers that came over TLS come back so for a year.

use axum::extract::Request;
use axum::http::header::{HOST, STRICT_TRANSPORT_SECURITY};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use beckon_signalling::Arrival;

const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Not for `localhost`: every project of a developer lives under that name.
pub(crate) async fn keep_to_tls(request: Request, next: Next) -> Response {
    let secure = request.extensions().get::<Arrival>().is_some_and(|arrival| arrival.secure);
    let ours = secure && !is_localhost(request.headers());
    let mut response = next.run(request).await;
    if ours {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, A_YEAR);
    }
    response
}

fn is_localhost(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}
