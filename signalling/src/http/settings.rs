//! What this server allows, so that clients can say it beforehand instead of keeping copies of our limits.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Json;
use crate::domain::conversation::GROUP_MEMBERS_MAX;
use crate::domain::group_call::RINGING_MAX;
use crate::domain::message::RECALL_MS;
use crate::domain::text;
use crate::node::Node;

/// They change with a restart at most; a page that asks again soon need not wait.
const CACHED: &str = "public, max-age=60";

/// Lengths are in characters (Unicode scalar values), as the server counts them.
#[derive(Serialize, ToSchema)]
pub(super) struct Settings {
    /// Whether anybody may make an account.
    registration_open: bool,
    name_chars_min: usize,
    name_chars_max: usize,
    password_chars_min: usize,
    password_chars_max: usize,
    nickname_chars_max: usize,
    remark_chars_max: usize,
    request_message_chars_max: usize,
    /// Of a message, and of a caption.
    text_chars_max: usize,
    /// How long its sender may take a message back, in milliseconds.
    recall_within_ms: i64,
    /// The largest file, in bytes.
    file_bytes_max: u64,
    /// Uploads that one person may have begun and not finished.
    uploads_unfinished_max: i64,
    group_title_chars_max: usize,
    /// With its owner.
    group_members_max: usize,
    /// People rung at once for one group call.
    call_ringing_max: usize,
    /// People in one group call.
    call_participants_max: usize,
}

/// The limits in force
#[utoipa::path(get, path = "/api/v1/settings", tag = "settings", security(()),
    responses((status = 200, body = Settings)))]
pub(super) async fn settings(State(node): State<Arc<Node>>) -> Response {
    let config = &node.config;
    let settings = Settings {
        registration_open: config.accounts.registration,
        name_chars_min: *text::NAME_CHARS.start(),
        name_chars_max: *text::NAME_CHARS.end(),
        password_chars_min: *text::PASSWORD_CHARS.start(),
        password_chars_max: *text::PASSWORD_CHARS.end(),
        nickname_chars_max: text::NICKNAME_CHARS_MAX,
        remark_chars_max: text::REMARK_CHARS_MAX,
        request_message_chars_max: text::REQUEST_MESSAGE_CHARS_MAX,
        text_chars_max: text::TEXT_CHARS_MAX,
        recall_within_ms: RECALL_MS,
        file_bytes_max: config.files.bytes_max,
        uploads_unfinished_max: config.files.unfinished_max,
        group_title_chars_max: text::TITLE_CHARS_MAX,
        group_members_max: GROUP_MEMBERS_MAX,
        call_ringing_max: RINGING_MAX,
        call_participants_max: config.rooms.participants_max,
    };
    ([(CACHE_CONTROL, CACHED)], Json(settings)).into_response()
}
