//! axum's extractors, with our refusals.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Answer;
use crate::domain::refusal::{Code, Refusal};

#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Answer))]
pub struct Json<T>(pub T);

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

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => Code::WrongType.into(),
            JsonRejection::BytesRejection(_) => Code::TooLarge.into(),
            _ => Code::Malformed.into(),
        }
    }
}

/// A path that is no id names nothing.
impl From<PathRejection> for Refusal {
    fn from(_: PathRejection) -> Self {
        Code::NotFound.into()
    }
}

impl From<QueryRejection> for Refusal {
    fn from(_: QueryRejection) -> Self {
        Code::Malformed.into()
    }
}
