//! axum's extractors, with our refusals.

use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Answer;
use super::body::{BODY_BYTES_MAX, whole};
use crate::domain::refusal::{Code, Place, Refusal};
use crate::json;

pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Answer;

    async fn from_request(request: Request, state: &S) -> Result<Self, Answer> {
        if !says_json(request.headers()) {
            return Err(Code::WrongType.into());
        }
        let Small(body) = Small::from_request(request, state).await?;
        let text = str::from_utf8(&body).map_err(|error| {
            let detail = format!("not UTF-8 at byte {}", error.valid_up_to());
            let place = Place { field: String::new(), detail };
            Refusal { place: Some(Box::new(place)), ..Code::Malformed.into() }
        })?;
        Ok(Json(json::read(text)?))
    }
}

/// A body that is no file, as it came.
pub struct Small(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Small {
    type Rejection = Answer;

    async fn from_request(request: Request, _: &S) -> Result<Self, Answer> {
        Ok(Small(whole(request.into_body(), BODY_BYTES_MAX).await?))
    }
}

/// `application/json`, or a type that is written in it (RFC 6839).
fn says_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = kind.strip_prefix("application/");
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Answer))]
pub struct Path<T>(pub T);

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Answer))]
pub struct Query<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A path that is no id names nothing.
impl From<PathRejection> for Refusal {
    fn from(_: PathRejection) -> Self {
        Code::NotFound.into()
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        let place = Place { field: String::new(), detail: rejection.body_text() };
        Refusal { place: Some(Box::new(place)), ..Code::Malformed.into() }
    }
}
