//! Conversations and groups.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Json, Path, Query};
use crate::domain::conversation::{
    Conversation, Member, invited_members_schema, other_members_schema,
};
use crate::domain::cursor::Cursor;
use crate::domain::ids::{ConversationId, UserId};
use crate::domain::login::Caller;
use crate::domain::refusal::WireError;
use crate::domain::schema;
use crate::node::Node;
use crate::{conversations, groups};

#[derive(Deserialize, IntoParams)]
pub(super) struct ListPage {
    /// `next` of the page before. A time alone, the last `updated_at` seen, leaves out others of that time.
    #[param(schema_with = schema::cursor, required = false)]
    before: Option<Cursor>,
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Conversations {
    conversations: Vec<Conversation>,
    more: bool,
    /// Where the next page begins.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct OpenDirect {
    user_id: UserId,
}

#[derive(Deserialize, IntoParams)]
pub(super) struct MembersPage {
    /// The last user id seen.
    after: Option<UserId>,
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Members {
    members: Vec<Member>,
    more: bool,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct CreateGroup {
    #[schema(schema_with = schema::title)]
    title: String,
    #[serde(default)]
    #[schema(schema_with = other_members_schema)]
    member_ids: Vec<UserId>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct RenameGroup {
    #[schema(schema_with = schema::title)]
    title: String,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Invite {
    #[schema(schema_with = invited_members_schema)]
    user_ids: Vec<UserId>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct HandOver {
    user_id: UserId,
}

/// My conversations, newest first
#[utoipa::path(get, path = "/api/v1/conversations", operation_id = "list_conversations",
    tag = "conversations", params(ListPage),
    responses((status = 200, body = Conversations), (status = "4XX", body = WireError)))]
pub(super) async fn list(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(page): Query<ListPage>,
) -> Result<Json<Conversations>, Answer> {
    let limit = page.limit.unwrap_or(100).clamp(1, conversations::PAGE_MAX);
    let before = page.before.unwrap_or(Cursor::START);
    let (conversations, next) = conversations::list(&node, caller, before, limit).await?;
    Ok(Json(Conversations { conversations, more: next.is_some(), next }))
}

/// One conversation
#[utoipa::path(get, path = "/api/v1/conversations/{id}", tag = "conversations",
    params(("id" = ConversationId, Path)),
    responses((status = 200, body = Conversation), (status = "4XX", body = WireError)))]
pub(super) async fn get(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Result<Json<Conversation>, Answer> {
    Ok(Json(conversations::get(&node, caller, id).await?))
}

/// The one-to-one conversation with a contact
#[utoipa::path(post, path = "/api/v1/conversations/direct", tag = "conversations", request_body = OpenDirect,
    responses((status = 200, body = Conversation), (status = "4XX", body = WireError)))]
pub(super) async fn direct(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Json(asked): Json<OpenDirect>,
) -> Result<Json<Conversation>, Answer> {
    Ok(Json(conversations::direct(&node, caller, asked.user_id).await?))
}

/// The members of a conversation
#[utoipa::path(get, path = "/api/v1/conversations/{id}/members", tag = "conversations",
    params(("id" = ConversationId, Path), MembersPage),
    responses((status = 200, body = Members), (status = "4XX", body = WireError)))]
pub(super) async fn members(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Query(page): Query<MembersPage>,
) -> Result<Json<Members>, Answer> {
    let limit = page.limit.unwrap_or(100).clamp(1, conversations::MEMBERS_PAGE_MAX);
    let (members, more) = conversations::members(&node, caller, id, page.after, limit).await?;
    Ok(Json(Members { members, more }))
}

/// Create a group of me and some contacts
#[utoipa::path(post, path = "/api/v1/groups", tag = "conversations", request_body = CreateGroup,
    responses((status = 201, body = Conversation), (status = "4XX", body = WireError)))]
pub(super) async fn create_group(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Json(asked): Json<CreateGroup>,
) -> Result<(StatusCode, Json<Conversation>), Answer> {
    let group = groups::create(&node, caller, &asked.title, &asked.member_ids).await?;
    Ok((StatusCode::CREATED, Json(group)))
}

/// Rename my group
#[utoipa::path(patch, path = "/api/v1/groups/{id}", tag = "conversations", params(("id" = ConversationId, Path)),
    request_body = RenameGroup, responses((status = 200, body = Conversation), (status = "4XX", body = WireError)))]
pub(super) async fn rename(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Json(asked): Json<RenameGroup>,
) -> Result<Json<Conversation>, Answer> {
    Ok(Json(groups::rename(&node, caller, id, &asked.title).await?))
}

/// Dissolve my group
#[utoipa::path(delete, path = "/api/v1/groups/{id}", tag = "conversations", params(("id" = ConversationId, Path)),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn dissolve(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Result<StatusCode, Answer> {
    groups::dissolve(&node, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bring contacts of mine into a group
#[utoipa::path(post, path = "/api/v1/groups/{id}/members", tag = "conversations",
    params(("id" = ConversationId, Path)), request_body = Invite,
    responses((status = 200, body = Conversation), (status = "4XX", body = WireError)))]
pub(super) async fn invite(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Json(asked): Json<Invite>,
) -> Result<Json<Conversation>, Answer> {
    Ok(Json(groups::invite(&node, caller, id, &asked.user_ids).await?))
}

/// Leave a group, or remove somebody from mine
#[utoipa::path(delete, path = "/api/v1/groups/{id}/members/{user_id}", tag = "conversations",
    params(("id" = ConversationId, Path), ("user_id" = UserId, Path)),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn remove(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path((id, user)): Path<(ConversationId, UserId)>,
) -> Result<StatusCode, Answer> {
    groups::remove(&node, caller, id, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make another member the owner
#[utoipa::path(put, path = "/api/v1/groups/{id}/owner", tag = "conversations", params(("id" = ConversationId, Path)),
    request_body = HandOver, responses((status = 200, body = Conversation), (status = "4XX", body = WireError)))]
pub(super) async fn hand_over(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Json(asked): Json<HandOver>,
) -> Result<Json<Conversation>, Answer> {
    Ok(Json(groups::hand_over(&node, caller, id, asked.user_id).await?))
}
