//! Messages: the same use cases as the socket's frames.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Json, Path, Query};
use crate::chat::{self, Span};
use crate::conversations;
use crate::domain::conversation::{Progress, Receipt};
use crate::domain::ids::{ClientMsgId, ConversationId};
use crate::domain::login::Caller;
use crate::domain::message::{Ack, Change, Draft, Message};
use crate::domain::refusal::WireError;
use crate::node::Node;

#[derive(Deserialize, IntoParams)]
pub(super) struct HistoryPage {
    /// Of these three the first given counts.
    #[param(minimum = 0)]
    before_seq: Option<i64>,
    #[param(minimum = 0)]
    after_seq: Option<i64>,
    #[param(minimum = 0)]
    around_seq: Option<i64>,
    /// 1 to 100, 20 when left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct History {
    /// In order of `seq`.
    messages: Vec<Message>,
    /// Nothing older exists.
    start: bool,
    /// Nothing newer exists.
    end: bool,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct SendMessage {
    client_msg_id: ClientMsgId,
    body: Draft,
}

#[derive(Deserialize, IntoParams)]
pub(super) struct ChangesPage {
    #[serde(default)]
    after_ver: i64,
    /// 1 to 100, 100 when left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Changes {
    changes: Vec<Change>,
    /// The version reached.
    ver: i64,
    more: bool,
}

/// A part of a conversation's history
#[utoipa::path(get, path = "/api/v1/conversations/{id}/messages", tag = "messages",
    params(("id" = ConversationId, Path), HistoryPage),
    responses((status = 200, body = History), (status = "4XX", body = WireError)))]
pub(super) async fn history(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Query(page): Query<HistoryPage>,
) -> Result<Json<History>, Answer> {
    let span = match (page.before_seq, page.after_seq, page.around_seq) {
        (Some(seq), _, _) => Span::Before(seq.max(0)),
        (None, Some(seq), _) => Span::After(seq.max(0)),
        (None, None, Some(seq)) => Span::Around(seq.max(0)),
        (None, None, None) => Span::Newest,
    };
    let limit = page.limit.unwrap_or(20).clamp(1, chat::PAGE_MAX);
    let chat::Page { messages, start, end } = chat::history(&node, caller, id, span, limit).await?;
    Ok(Json(History { messages, start, end }))
}

/// Send a message; the answer comes after it is durable
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages", tag = "messages",
    params(("id" = ConversationId, Path)), request_body = SendMessage,
    responses((status = 201, body = Ack), (status = 200, body = Ack, description = "stored before"),
              (status = "4XX", body = WireError)))]
pub(super) async fn send(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Json(asked): Json<SendMessage>,
) -> Result<(StatusCode, Json<Ack>), Answer> {
    let sending = chat::submit(&node, caller, id, asked.client_msg_id, asked.body).await?;
    let ack = sending.committed(&node).await?;
    let status = if ack.dup { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(ack)))
}

/// What happened in a conversation after a version, densely
#[utoipa::path(get, path = "/api/v1/conversations/{id}/changes", tag = "messages",
    params(("id" = ConversationId, Path), ChangesPage),
    responses((status = 200, body = Changes), (status = "4XX", body = WireError)))]
pub(super) async fn changes(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Query(page): Query<ChangesPage>,
) -> Result<Json<Changes>, Answer> {
    let limit = page.limit.unwrap_or(chat::PAGE_MAX).clamp(1, chat::PAGE_MAX);
    let after_ver = page.after_ver.max(0);
    let (changes, ver, more) = chat::changes(&node, caller, id, after_ver, limit).await?;
    Ok(Json(Changes { changes, ver, more }))
}

/// Take a message of mine back, within two minutes
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages/{seq}/recall", tag = "messages",
    params(("id" = ConversationId, Path), ("seq" = i64, Path)),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn recall(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path((id, seq)): Path<(ConversationId, i64)>,
) -> Result<StatusCode, Answer> {
    chat::recall(&node, caller, id, seq).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say how far I have received and read
#[utoipa::path(put, path = "/api/v1/conversations/{id}/receipt", tag = "messages",
    params(("id" = ConversationId, Path)), request_body = Progress,
    responses((status = 200, body = Receipt), (status = "4XX", body = WireError)))]
pub(super) async fn receipt(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Json(progress): Json<Progress>,
) -> Result<Json<Receipt>, Answer> {
    Ok(Json(conversations::advance(&node, caller.user, id, progress).await?))
}
