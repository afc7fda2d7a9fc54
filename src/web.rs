//! The web client, compiled in from `web/dist`. A debug build reads the folder at run time instead.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

/// Missing is allowed: the server is of use without its web client, and builds without node.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Dist;

/// Files whose name holds a hash of their content, so that they never change.
const HASHED: &str = "assets/";

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Ask each time, and mostly hear that nothing changed.
const REVALIDATE: &str = "no-cache";

/// What the page needs and nothing else. Inline style attributes come from Vue's static templates and
/// Element Plus; `data:` pictures are the icons in its style sheet; `blob:` is pictures and recordings
/// before they are sent. `'self'` in connect-src covers wss to our own origin.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; font-src 'self'; \
    media-src 'self' blob: mediastream:; connect-src 'self'; worker-src 'self' blob:; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const PERMISSIONS_POLICY: &str = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), \
    geolocation=(), payment=(), usb=()";

const NOT_BUILT: &str = include_str!("web_not_built.html");

/// Everything that is no API: files of the web client, and its page for the paths it routes itself.
pub(crate) fn router() -> Router {
    let always =
        |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    Router::new()
        .fallback(answer)
        .layer(CompressionLayer::new())
        .layer(always(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(always(header::HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY))
        .layer(always(header::X_FRAME_OPTIONS, "DENY"))
}

/// Pages of other origins look here whether the server of their rooms is there, before they join.
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");

async fn answer(request: Request) -> Response {
    if request.uri().path() != "/" {
        return look_up(request).await;
    }
    let mut response = match *request.method() {
        Method::OPTIONS => {
            let allowed = [(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD")];
            (StatusCode::NO_CONTENT, allowed).into_response()
        }
        _ => look_up(request).await,
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
    response
}

async fn look_up(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    match find(path) {
        Some(file) => send(path, file, request.headers()),
        None if is_page(request.uri()) => page(request.headers()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn find(path: &str) -> Option<EmbeddedFile> {
    if path.is_empty() { None } else { Dist::get(path) }
}

/// Paths that the client's router may know: no file names, and none of the doors that other kinds of
/// clients use.
fn is_page(uri: &Uri) -> bool {
    let path = uri.path().trim_start_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    !matches!(first, "api" | "assets" | "rtc" | "twirp" | "whip" | "whep") && !last.contains('.')
}

fn page(headers: &HeaderMap) -> Response {
    match Dist::get("index.html") {
        Some(index) => send("index.html", index, headers),
        None => (StatusCode::NOT_FOUND, Html(NOT_BUILT)).into_response(),
    }
}

/// The tag is weak because the same file is sent compressed and plain.
fn send(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let tag: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("W/\"{tag}\"");
    let lifetime = if path.starts_with(HASHED) { IMMUTABLE } else { REVALIDATE };
    let caching = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, lifetime)];
    if knows(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = [(header::CONTENT_TYPE, content_type(path, &file))];
    (caching, kind, file.data).into_response()
}

fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag || one.trim() == "*"))
}

/// Text is UTF-8, which the guess leaves unsaid.
fn content_type(path: &str, file: &EmbeddedFile) -> String {
    let guess = file.metadata.mimetype();
    match guess {
        _ if path.ends_with(".webmanifest") => "application/manifest+json".to_owned(),
        _ if guess.starts_with("text/") => format!("{guess}; charset=utf-8"),
        _ => guess.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_page_paths_get_the_page() {
        for page in ["/", "/chat/0190-ab", "/sign-in", "/settings?x=a.b"] {
            assert!(is_page(&page.parse().unwrap()), "{page}");
        }
        for other in ["/api", "/api/v1/nothing", "/assets/index-1a2b.js", "/favicon.ico", "/rtc"] {
            assert!(!is_page(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn a_known_tag_is_recognised_in_a_list() {
        let mut headers = HeaderMap::new();
        assert!(!knows(&headers, "W/\"a\""));
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("W/\"b\", W/\"a\""));
        assert!(knows(&headers, "W/\"a\""));
        assert!(!knows(&headers, "W/\"c\""));
    }
}
