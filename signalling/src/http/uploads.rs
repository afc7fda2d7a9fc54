//! The tus 1.0 door to uploads: core, creation, creation with upload, termination and expiration.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::caller::Source;
use super::{Answer, Json, Path, tus};
use crate::accounts;
use crate::domain::file::{Allowance, Upload};
use crate::domain::ids::FileId;
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Result, WireError};
use crate::node::Node;

/// The headers of a request in our version of tus; any other version is refused.
pub(super) struct Tus(HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for Tus {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Answer> {
        tus::check_version(&parts.headers)?;
        Ok(Tus(parts.headers.clone()))
    }
}

/// What this server can do, for tus clients.
#[utoipa::path(options, path = "/api/v1/uploads", tag = "files", security(()),
    responses((status = 204, headers(
        ("Tus-Version" = String), ("Tus-Extension" = String), ("Tus-Max-Size" = u64)))))]
pub(super) async fn options(State(node): State<Arc<Node>>) -> impl IntoResponse {
    (
        StatusCode::NO_CONTENT,
        [
            (tus::TUS_VERSION, tus::VERSION.to_owned()),
            (tus::TUS_EXTENSION, tus::EXTENSIONS.to_owned()),
            (tus::TUS_MAX_SIZE, node.config.files.bytes_max.to_string()),
        ],
    )
}

/// What I may upload, and how much of my space is left.
#[utoipa::path(get, path = "/api/v1/me/storage", tag = "files",
    responses((status = 200, body = Allowance), (status = "4XX", body = WireError)))]
pub(super) async fn allowance(
    State(node): State<Arc<Node>>,
    caller: Caller,
) -> Result<Json<Allowance>, Answer> {
    Ok(Json(node.files.allowance(caller.user).await?))
}

/// Begins an upload. With bytes in the body, they are its first.
#[utoipa::path(post, path = "/api/v1/uploads", tag = "files",
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = u64, Header, description = "Size of the file in bytes"),
        ("Upload-Metadata" = Option<String>, Header, description = "`filename` and `filetype`, values in base64"),
    ),
    responses(
        (status = 201, headers(("Location" = String), ("Upload-Offset" = u64), ("Upload-Expires" = String))),
        (status = "4XX", body = WireError)))]
pub(super) async fn create(
    State(node): State<Arc<Node>>,
    caller: Caller,
    source: Source,
    Tus(headers): Tus,
    body: Body,
) -> Result<Response, Answer> {
    let tus::Creation { length, name } = tus::creation(&headers)?;
    let mut upload = node.files.begin_upload(source.of(caller), length, &name).await?;
    if tus::carries_bytes(&headers) && length > 0 {
        upload = append(&node, caller, source, upload.id, 0, body).await?;
    }
    let location = format!("/api/v1/uploads/{}", upload.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], progress(&upload)).into_response())
}

/// How far an upload is.
#[utoipa::path(head, path = "/api/v1/uploads/{id}", tag = "files",
    params(("id" = FileId, Path), ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses(
        (status = 200, headers(("Upload-Offset" = u64), ("Upload-Length" = u64), ("Upload-Expires" = String))),
        (status = "4XX", description = "Refused")))]
pub(super) async fn status(
    State(node): State<Arc<Node>>,
    caller: Caller,
    source: Source,
    _: Tus,
    Path(id): Path<FileId>,
) -> Result<Response, Answer> {
    let upload = node.files.upload(source.of(caller), id).await?;
    let length = [(tus::UPLOAD_LENGTH, upload.length.to_string())];
    Ok(([(CACHE_CONTROL, "no-store")], length, progress(&upload)).into_response())
}

/// Appends bytes to an upload.
#[utoipa::path(patch, path = "/api/v1/uploads/{id}", tag = "files",
    params(
        ("id" = FileId, Path),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "Where the bytes begin"),
    ),
    request_body(content_type = "application/offset+octet-stream", content = Vec<u8>),
    responses(
        (status = 204, headers(("Upload-Offset" = u64), ("Upload-Expires" = String))),
        (status = "4XX", body = WireError)))]
pub(super) async fn proceed(
    State(node): State<Arc<Node>>,
    caller: Caller,
    source: Source,
    Tus(headers): Tus,
    Path(id): Path<FileId>,
    body: Body,
) -> Result<Response, Answer> {
    if !tus::carries_bytes(&headers) {
        return Err(Code::WrongType.into());
    }
    let upload = append(&node, caller, source, id, tus::offset(&headers)?, body).await?;
    Ok((StatusCode::NO_CONTENT, progress(&upload)).into_response())
}

/// Gives an upload up; a finished one goes too unless it was sent.
#[utoipa::path(delete, path = "/api/v1/uploads/{id}", tag = "files",
    params(("id" = FileId, Path), ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn abandon(
    State(node): State<Arc<Node>>,
    caller: Caller,
    _: Tus,
    Path(id): Path<FileId>,
) -> Result<StatusCode, Answer> {
    node.files.abandon_upload(caller.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// For networks that know only GET and POST: the method meant stands in `X-HTTP-Method-Override`.
#[utoipa::path(post, path = "/api/v1/uploads/{id}", tag = "files",
    params(
        ("id" = FileId, Path),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("X-HTTP-Method-Override" = String, Header, description = "PATCH, DELETE or HEAD"),
    ),
    responses((status = "2XX", description = "As the method meant"), (status = "4XX", body = WireError)))]
pub(super) async fn overridden(
    node: State<Arc<Node>>,
    caller: Caller,
    source: Source,
    tus: Tus,
    id: Path<FileId>,
    body: Body,
) -> Result<Response, Answer> {
    let meant = tus.0.get("x-http-method-override").map(|method| method.as_bytes());
    match meant.and_then(|method| Method::from_bytes(method).ok()) {
        Some(Method::PATCH) => proceed(node, caller, source, tus, id, body).await,
        Some(Method::HEAD) => status(node, caller, source, tus, id).await,
        Some(Method::DELETE) => Ok(abandon(node, caller, tus, id).await?.into_response()),
        _ => Err(Code::MethodNotAllowed.into()),
    }
}

/// What tus wants to see on every answer, refusals included.
pub(super) async fn sign(mut response: Response) -> Response {
    let version = HeaderValue::from_static(tus::VERSION);
    if response.status() == StatusCode::PRECONDITION_FAILED {
        response.headers_mut().insert(tus::TUS_VERSION, version.clone());
    }
    response.headers_mut().insert(tus::TUS_RESUMABLE, version);
    response
}

async fn append(
    node: &Node,
    caller: Caller,
    source: Source,
    id: FileId,
    offset: i64,
    body: Body,
) -> Result<Upload> {
    let announced = body.size_hint().exact();
    let bytes = accounts::hold(node, caller).await?.guard(body.into_data_stream());
    let appended = node.files.append(source.of(caller), id, offset, announced, bytes).await;
    accounts::still_holds(node, caller.login).await?;
    appended
}

fn progress(upload: &Upload) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(tus::UPLOAD_OFFSET, upload.received.into());
    if !upload.finished {
        let at = UNIX_EPOCH + Duration::from_millis(upload.expires_at.unsigned_abs());
        let date = httpdate::fmt_http_date(at);
        headers.insert(tus::UPLOAD_EXPIRES, date.parse().expect("a date is ASCII"));
    }
    headers
}
