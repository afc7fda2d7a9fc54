//! Files, their thumbnails, and pictures of people. Whatever was uploaded, nothing of it runs in
//! our origin: types are never guessed, only images we decoded are shown, and all of it is
//! sandboxed.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::body::whole;
use super::caller::Source;
use super::{Answer, Json, Path, range};
use crate::accounts;
use crate::domain::file::{FileInfo, StoredFile};
use crate::domain::ids::{AvatarId, FileId};
use crate::domain::login::Caller;
use crate::domain::refusal::{Result, WireError};
use crate::domain::user::Me;
use crate::files::names::{Disposition, content_disposition};
use crate::files::{self, Client, Opened, images};
use crate::node::Node;
use crate::shares::Share;

/// A file or picture never changes, and only who may see it should keep it.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// Should a browser ever show a file as a page: it may load and run nothing.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// The bytes of a file, or one range of them.
#[utoipa::path(get, path = "/api/v1/files/{id}", tag = "files",
    params(("id" = FileId, Path), ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "Not changed"),
        (status = "4XX", body = WireError)))]
pub(super) async fn download(
    State(node): State<Arc<Node>>,
    caller: Caller,
    source: Source,
    Path(id): Path<FileId>,
    headers: HeaderMap,
) -> Result<Response, Answer> {
    let client = source.of(caller);
    let file = node.files.file(client.user, id).await?;
    let etag = etag(&file);
    if is_known(&headers, &etag) {
        return Ok(
            (StatusCode::NOT_MODIFIED, [(ETAG, etag), (CACHE_CONTROL, FOR_EVER)]).into_response()
        );
    }
    let size = file.info.size.unsigned_abs();
    match range::requested(range_header(&headers, &etag), size) {
        Err(refusal) => {
            Ok(([(CONTENT_RANGE, format!("bytes */{size}"))], Answer(refusal)).into_response())
        }
        Ok(None) => send(&node, caller, client, &file, etag, 0..size).await,
        Ok(Some(part)) => {
            let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            let response = send(&node, caller, client, &file, etag, part).await?;
            Ok((StatusCode::PARTIAL_CONTENT, [(CONTENT_RANGE, range)], response).into_response())
        }
    }
}

/// The small picture of an image.
#[utoipa::path(get, path = "/api/v1/files/{id}/thumbnail", tag = "files",
    params(("id" = FileId, Path)),
    responses(
        (status = 200, description = "JPEG or PNG", content_type = "image/jpeg", body = Vec<u8>),
        (status = "4XX", body = WireError)))]
pub(super) async fn thumbnail(
    State(node): State<Arc<Node>>,
    caller: Caller,
    source: Source,
    Path(id): Path<FileId>,
) -> Result<Response, Answer> {
    let client = source.of(caller);
    let place = node.files.reader(client)?;
    let file = node.files.file(client.user, id).await?;
    picture(node.files.thumbnail(&file).await?, place).await
}

/// What a file is.
#[utoipa::path(get, path = "/api/v1/files/{id}/info", tag = "files",
    params(("id" = FileId, Path)),
    responses((status = 200, body = FileInfo), (status = "4XX", body = WireError)))]
pub(super) async fn info(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<FileId>,
) -> Result<Json<FileInfo>, Answer> {
    Ok(Json(node.files.file(caller.user, id).await?.info))
}

/// The picture of a person.
#[utoipa::path(get, path = "/api/v1/avatars/{id}", tag = "people",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "JPEG or PNG", content_type = "image/jpeg", body = Vec<u8>),
        (status = "4XX", body = WireError)))]
pub(super) async fn avatar(
    State(node): State<Arc<Node>>,
    caller: Caller,
    source: Source,
    Path(id): Path<AvatarId>,
) -> Result<Response, Answer> {
    let place = node.files.reader(source.of(caller))?;
    picture(node.files.avatar(caller.user, id).await?, place).await
}

/// Makes an image my picture: cropped to a square and encoded anew.
#[utoipa::path(put, path = "/api/v1/me/avatar", tag = "people",
    request_body(content_type = "application/octet-stream", content = Vec<u8>,
        description = "JPEG, PNG, WebP or GIF; 5 MiB at most"),
    responses((status = 200, body = Me), (status = "4XX", body = WireError)))]
pub(super) async fn set_avatar(
    State(node): State<Arc<Node>>,
    caller: Caller,
    source: Source,
    body: Body,
) -> Result<Json<Me>, Answer> {
    let client = source.of(caller);
    let place = node.files.avatar_place(client)?;
    let image = whole(body, files::AVATAR_UPLOAD_BYTES_MAX).await?;
    Ok(Json(files::set_avatar(&node, caller, client, image, place).await?))
}

/// Removes my picture.
#[utoipa::path(delete, path = "/api/v1/me/avatar", tag = "people",
    responses((status = 200, body = Me), (status = "4XX", body = WireError)))]
pub(super) async fn remove_avatar(
    State(node): State<Arc<Node>>,
    caller: Caller,
) -> Result<Json<Me>, Answer> {
    Ok(Json(files::remove_avatar(&node, caller).await?))
}

async fn send(
    node: &Node,
    caller: Caller,
    client: Client,
    file: &StoredFile,
    etag: HeaderValue,
    part: Range<u64>,
) -> Result<Response, Answer> {
    let place = node.files.reader(client)?;
    let length = part.end - part.start;
    let held = accounts::hold(node, caller).await?;
    let bytes = held.guard(node.files.read(file, part).await?);
    let disposition = match file.info.shown_size() {
        Some(_) => Disposition::Inline,
        None => Disposition::Attachment,
    };
    let disposition = content_disposition(disposition, &file.info.name);
    let headers = [
        (CONTENT_LENGTH, length.into()),
        (CONTENT_DISPOSITION, disposition.parse().expect("made of ASCII")),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (ETAG, etag),
    ];
    Ok((headers, harmless(&file.info.mime), keeping(bytes, place)).into_response())
}

/// A picture of ours, whose type its first bytes tell.
async fn picture(Opened { size, mut bytes }: Opened, place: Share) -> Result<Response, Answer> {
    let first = bytes.try_next().await?.unwrap_or_default();
    let mime = images::sniff(&first);
    let bytes = stream::iter([Ok(first)]).chain(bytes).boxed();
    Ok(([(CONTENT_LENGTH, size)], harmless(mime), keeping(bytes, place)).into_response())
}

/// Bytes that keep their reader's place until the last of them was taken.
fn keeping<E: Into<axum::BoxError> + 'static>(
    bytes: impl Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
    place: Share,
) -> Body {
    Body::from_stream(bytes.inspect(move |_| {
        let _place = &place;
    }))
}

/// What goes with bytes from a person.
fn harmless(mime: &str) -> [(HeaderName, HeaderValue); 4] {
    let mime = match mime {
        "text/plain" => HeaderValue::from_static("text/plain; charset=utf-8"),
        mime => mime.parse().unwrap_or(HeaderValue::from_static("application/octet-stream")),
    };
    [
        (CONTENT_TYPE, mime),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, SANDBOX),
        (CACHE_CONTROL, FOR_EVER),
    ]
}

/// By content: half of the hash tells any two files apart.
fn etag(file: &StoredFile) -> HeaderValue {
    let hex: String = file.sha256.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"").parse().expect("made of ASCII")
}

fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let known =
        headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == etag)
}

/// The range asked for, unless it was meant for another state of the file.
fn range_header<'h>(headers: &'h HeaderMap, etag: &HeaderValue) -> Option<&'h str> {
    let fits = headers.get(IF_RANGE).is_none_or(|state| state == etag);
    headers.get(RANGE).filter(|_| fits)?.to_str().ok()
}
