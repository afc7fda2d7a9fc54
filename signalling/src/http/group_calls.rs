//! Group calls. Their media goes through a room: the ticket tells where it is, and lets one in.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::request::Parts;
use bytes::Bytes;
use serde::Deserialize;
use utoipa::ToSchema;

use super::extract::Small;
use super::{Answer, Arrival, Json, Path};
use crate::domain::frame::fact_schema;
use crate::domain::group_call::{
    CallTicket, GroupCallState, GroupMedia, MuteSource, rung_people_schema,
};
use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, WireError};
use crate::group_calls::{self, Asker};
use crate::node::Node;
use crate::rooms;

#[derive(Deserialize, ToSchema)]
pub(super) struct StartGroupCall {
    media: GroupMedia,
}

#[derive(Default, Deserialize, ToSchema)]
pub(super) struct JoinGroupCall {
    /// From the ticket of whoever was in the call before the server restarted.
    #[serde(default)]
    #[schema(schema_with = fact_schema, required = false)]
    fact: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct CallPeople {
    #[schema(schema_with = rung_people_schema)]
    user_ids: Vec<UserId>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Mute {
    source: MuteSource,
}

/// Where the caller reached us, as a LiveKit SDK wants it: rooms are there too, unless configured otherwise.
pub(super) struct Here(String);

impl<S: Send + Sync> FromRequestParts<S> for Here {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let secure = parts.extensions.get::<Arrival>().is_some_and(|arrival| arrival.secure);
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        Ok(Here(format!("{}://{host}", if secure { "wss" } else { "ws" })))
    }
}

impl Here {
    fn asks(&self, caller: Caller) -> Asker<'_> {
        Asker { caller, own_url: &self.0 }
    }
}

/// A ticket is good as long as the login that asked for it.
fn under_login(node: &Node, caller: Caller, ticket: CallTicket) -> CallTicket {
    let token = rooms::under_login(node, ticket.token, caller.login);
    CallTicket { token, ..ticket }
}

/// Start the call of a group, or join it
#[utoipa::path(post, path = "/api/v1/conversations/{id}/call", operation_id = "start_group_call",
    tag = "group calls", params(("id" = ConversationId, Path)), request_body = StartGroupCall,
    responses((status = 201, body = CallTicket), (status = 200, body = CallTicket, description = "It was there already"),
        (status = "4XX", body = WireError)))]
pub(super) async fn start(
    State(node): State<Arc<Node>>,
    caller: Caller,
    here: Here,
    Path(id): Path<ConversationId>,
    Json(asked): Json<StartGroupCall>,
) -> Result<(StatusCode, Json<CallTicket>), Answer> {
    let (fresh, ticket) = group_calls::start(&node, here.asks(caller), id, asked.media).await?;
    let ticket = under_login(&node, caller, ticket);
    Ok((if fresh { StatusCode::CREATED } else { StatusCode::OK }, Json(ticket)))
}

/// The live call of a conversation
#[utoipa::path(get, path = "/api/v1/conversations/{id}/call", operation_id = "group_call",
    tag = "group calls", params(("id" = ConversationId, Path)),
    responses((status = 200, body = GroupCallState), (status = "4XX", body = WireError)))]
pub(super) async fn get(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Result<Json<GroupCallState>, Answer> {
    Ok(Json(group_calls::get(&node, caller, id).await?))
}

/// Join a group call as a member or as somebody invited
#[utoipa::path(post, path = "/api/v1/group-calls/{call_id}/join", operation_id = "join_group_call",
    tag = "group calls", params(("call_id" = CallId, Path)), request_body = Option<JoinGroupCall>,
    responses((status = 200, body = CallTicket), (status = "4XX", body = WireError)))]
pub(super) async fn join(
    State(node): State<Arc<Node>>,
    caller: Caller,
    here: Here,
    Path(call_id): Path<CallId>,
    Small(body): Small,
) -> Result<Json<CallTicket>, Answer> {
    let fact = fact_in(&body)?;
    let ticket = group_calls::join(&node, here.asks(caller), call_id, fact.as_deref()).await?;
    Ok(Json(under_login(&node, caller, ticket)))
}

/// Clients of former versions send no body.
fn fact_in(body: &Bytes) -> Result<Option<String>, Answer> {
    if body.is_empty() {
        return Ok(None);
    }
    let asked: Option<JoinGroupCall> = serde_json::from_slice(body).map_err(|_| Code::Malformed)?;
    Ok(asked.unwrap_or_default().fact)
}

/// Ring contacts of mine into the group call I am in
#[utoipa::path(post, path = "/api/v1/group-calls/{call_id}/people", operation_id = "invite_to_group_call",
    tag = "group calls", params(("call_id" = CallId, Path)), request_body = CallPeople,
    responses((status = 200, body = GroupCallState), (status = "4XX", body = WireError)))]
pub(super) async fn invite(
    State(node): State<Arc<Node>>,
    caller: Caller,
    here: Here,
    Path(call_id): Path<CallId>,
    Json(asked): Json<CallPeople>,
) -> Result<Json<GroupCallState>, Answer> {
    Ok(Json(group_calls::invite(&node, here.asks(caller), call_id, asked.user_ids).await?))
}

/// Turn an invitation to a group call down
#[utoipa::path(post, path = "/api/v1/group-calls/{call_id}/decline", operation_id = "decline_group_call",
    tag = "group calls", params(("call_id" = CallId, Path)),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn decline(
    State(node): State<Arc<Node>>,
    caller: Caller,
    here: Here,
    Path(call_id): Path<CallId>,
) -> Result<StatusCode, Answer> {
    group_calls::decline(&node, here.asks(caller), call_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mute somebody in a group call
#[utoipa::path(post, path = "/api/v1/group-calls/{call_id}/people/{user_id}/mute", operation_id = "mute_in_group_call",
    tag = "group calls", params(("call_id" = CallId, Path), ("user_id" = UserId, Path)), request_body = Mute,
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn mute(
    State(node): State<Arc<Node>>,
    caller: Caller,
    here: Here,
    Path((call_id, user)): Path<(CallId, UserId)>,
    Json(asked): Json<Mute>,
) -> Result<StatusCode, Answer> {
    group_calls::mute(&node, here.asks(caller), call_id, user, asked.source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove somebody from a group call for good
#[utoipa::path(delete, path = "/api/v1/group-calls/{call_id}/people/{user_id}", operation_id = "remove_from_group_call",
    tag = "group calls", params(("call_id" = CallId, Path), ("user_id" = UserId, Path)),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn remove(
    State(node): State<Arc<Node>>,
    caller: Caller,
    here: Here,
    Path((call_id, user)): Path<(CallId, UserId)>,
) -> Result<StatusCode, Answer> {
    group_calls::remove(&node, here.asks(caller), call_id, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add people to my one-to-one call: it becomes a group call
#[utoipa::path(post, path = "/api/v1/calls/{call_id}/people", operation_id = "add_people_to_call",
    tag = "group calls", params(("call_id" = CallId, Path)), request_body = CallPeople,
    responses((status = 200, body = CallTicket), (status = "4XX", body = WireError)))]
pub(super) async fn grow(
    State(node): State<Arc<Node>>,
    caller: Caller,
    here: Here,
    Path(call_id): Path<CallId>,
    Json(asked): Json<CallPeople>,
) -> Result<Json<CallTicket>, Answer> {
    let ticket = group_calls::grow(&node, here.asks(caller), call_id, asked.user_ids).await?;
    Ok(Json(under_login(&node, caller, ticket)))
}
