//! Me, others, contacts, blocks and contact requests.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Json, Path, Query};
use crate::accounts;
use crate::contacts::{self, Direction, Verdict};
use crate::domain::contact::{Contact, ContactRequest, Way};
use crate::domain::cursor::Cursor;
use crate::domain::ids::{RequestId, UserId};
use crate::domain::login::Caller;
use crate::domain::refusal::WireError;
use crate::domain::schema;
use crate::domain::user::{Me, Profile};
use crate::node::Node;
use crate::people;

#[derive(Deserialize, ToSchema)]
pub(super) struct UpdateMe {
    #[schema(schema_with = schema::nickname, required = false)]
    nickname: Option<String>,
    direct_add: Option<bool>,
}

#[derive(Deserialize, IntoParams)]
pub(super) struct Find {
    /// Exact, but for case and width.
    #[param(min_length = 0, max_length = 128)]
    name: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Profiles {
    users: Vec<Profile>,
}

#[derive(Deserialize, IntoParams)]
pub(super) struct BlocksPage {
    /// `next` of the page before.
    before: Option<i64>,
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Blocks {
    users: Vec<Profile>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

#[derive(Deserialize, IntoParams)]
pub(super) struct ContactsAfter {
    #[serde(default)]
    after_ver: i64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Contacts {
    contacts: Vec<Contact>,
    ver: i64,
    more: bool,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct SetRemark {
    #[schema(schema_with = schema::remark)]
    remark: String,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct AskContact {
    user_id: UserId,
    #[serde(default)]
    #[schema(schema_with = schema::request_message)]
    message: String,
    #[serde(default)]
    way: Way,
}

#[derive(Deserialize, IntoParams)]
pub(super) struct WhichRequests {
    #[serde(default)]
    #[param(inline)]
    direction: AskedDirection,
    /// `next` of the page before.
    #[param(schema_with = schema::cursor, required = false)]
    before: Option<Cursor>,
    limit: Option<i64>,
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AskedDirection {
    #[default]
    Incoming,
    Outgoing,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ContactRequests {
    requests: Vec<ContactRequest>,
    /// Incoming ones that were not looked at.
    unread: i64,
    /// Where the next page begins.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

/// My account
#[utoipa::path(get, path = "/api/v1/me", tag = "people",
    responses((status = 200, body = Me), (status = "4XX", body = WireError)))]
pub(super) async fn me(State(node): State<Arc<Node>>, caller: Caller) -> Result<Json<Me>, Answer> {
    Ok(Json(accounts::me(&node, caller).await?))
}

/// Change my account
#[utoipa::path(patch, path = "/api/v1/me", tag = "people", request_body = UpdateMe,
    responses((status = 200, body = Me), (status = "4XX", body = WireError)))]
pub(super) async fn update_me(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Json(asked): Json<UpdateMe>,
) -> Result<Json<Me>, Answer> {
    let nickname = asked.nickname.as_deref();
    Ok(Json(accounts::update_me(&node, caller, nickname, asked.direct_add).await?))
}

/// Find somebody by exact name
#[utoipa::path(get, path = "/api/v1/users", tag = "people", params(Find),
    responses((status = 200, body = Profiles), (status = "4XX", body = WireError)))]
pub(super) async fn find(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(asked): Query<Find>,
) -> Result<Json<Profiles>, Answer> {
    let users = people::find(&node, caller, &asked.name).await?.into_iter().collect();
    Ok(Json(Profiles { users }))
}

/// Somebody's profile
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "people", params(("id" = UserId, Path)),
    responses((status = 200, body = Profile), (status = "4XX", body = WireError)))]
pub(super) async fn profile(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Json<Profile>, Answer> {
    people::reachable(&node, caller, id).await?;
    Ok(Json(people::profile(&node, caller.user, id).await?))
}

/// What changed in my contacts since a version
#[utoipa::path(get, path = "/api/v1/contacts", tag = "people", params(ContactsAfter),
    responses((status = 200, body = Contacts), (status = "4XX", body = WireError)))]
pub(super) async fn contacts(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(asked): Query<ContactsAfter>,
) -> Result<Json<Contacts>, Answer> {
    let contacts::Changed { contacts, ver, more } =
        contacts::since(&node, caller, asked.after_ver).await?;
    Ok(Json(Contacts { contacts, ver, more }))
}

/// Give a contact a name of my own; an empty one removes it
#[utoipa::path(patch, path = "/api/v1/contacts/{user_id}", tag = "people", params(("user_id" = UserId, Path)),
    request_body = SetRemark, responses((status = 200, body = Contact), (status = "4XX", body = WireError)))]
pub(super) async fn set_remark(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(asked): Json<SetRemark>,
) -> Result<Json<Contact>, Answer> {
    Ok(Json(contacts::set_remark(&node, caller, id, &asked.remark).await?))
}

/// Delete a contact, on both sides
#[utoipa::path(delete, path = "/api/v1/contacts/{user_id}", tag = "people", params(("user_id" = UserId, Path)),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn delete_contact(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Answer> {
    contacts::delete(&node, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom I blocked
#[utoipa::path(get, path = "/api/v1/blocks", tag = "people", params(BlocksPage),
    responses((status = 200, body = Blocks), (status = "4XX", body = WireError)))]
pub(super) async fn blocks(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(page): Query<BlocksPage>,
) -> Result<Json<Blocks>, Answer> {
    let limit = page.limit.unwrap_or(contacts::BLOCKS_PAGE_MAX).clamp(1, contacts::BLOCKS_PAGE_MAX);
    let before = page.before.unwrap_or(i64::MAX);
    let (users, next) = contacts::blocked(&node, caller, before, limit).await?;
    Ok(Json(Blocks { users, next }))
}

/// Block somebody
#[utoipa::path(put, path = "/api/v1/blocks/{user_id}", tag = "people", params(("user_id" = UserId, Path)),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn block(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Answer> {
    contacts::set_blocked(&node, caller, id, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unblock somebody
#[utoipa::path(delete, path = "/api/v1/blocks/{user_id}", tag = "people", params(("user_id" = UserId, Path)),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn unblock(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Answer> {
    contacts::set_blocked(&node, caller, id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask somebody to become a contact
#[utoipa::path(post, path = "/api/v1/contact-requests", tag = "people", request_body = AskContact,
    responses((status = 201, body = ContactRequest), (status = "4XX", body = WireError)))]
pub(super) async fn request(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Json(asked): Json<AskContact>,
) -> Result<(StatusCode, Json<ContactRequest>), Answer> {
    let made = contacts::request(&node, caller, asked.user_id, &asked.message, asked.way).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Requests to me or by me
#[utoipa::path(get, path = "/api/v1/contact-requests", tag = "people", params(WhichRequests),
    responses((status = 200, body = ContactRequests), (status = "4XX", body = WireError)))]
pub(super) async fn requests(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Query(asked): Query<WhichRequests>,
) -> Result<Json<ContactRequests>, Answer> {
    let direction = match asked.direction {
        AskedDirection::Incoming => Direction::Incoming,
        AskedDirection::Outgoing => Direction::Outgoing,
    };
    let max = contacts::REQUESTS_PAGE_MAX;
    let limit = asked.limit.unwrap_or(max).clamp(1, max);
    let before = asked.before.unwrap_or(Cursor::START);
    let contacts::Requests { requests, next, unread } =
        contacts::requests(&node, caller, direction, before, limit).await?;
    Ok(Json(ContactRequests { requests, unread, next }))
}

/// I have looked at the requests to me
#[utoipa::path(post, path = "/api/v1/contact-requests/read", tag = "people",
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn mark_requests_read(
    State(node): State<Arc<Node>>,
    caller: Caller,
) -> Result<StatusCode, Answer> {
    contacts::mark_requests_read(&node, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accept a request
#[utoipa::path(post, path = "/api/v1/contact-requests/{id}/accept", tag = "people", params(("id" = RequestId, Path)),
    responses((status = 200, body = ContactRequest), (status = "4XX", body = WireError)))]
pub(super) async fn accept(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<RequestId>,
) -> Result<Json<ContactRequest>, Answer> {
    Ok(Json(contacts::answer(&node, caller, id, Verdict::Accept).await?))
}

/// Refuse a request
#[utoipa::path(post, path = "/api/v1/contact-requests/{id}/refuse", tag = "people", params(("id" = RequestId, Path)),
    responses((status = 200, body = ContactRequest), (status = "4XX", body = WireError)))]
pub(super) async fn refuse(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<RequestId>,
) -> Result<Json<ContactRequest>, Answer> {
    Ok(Json(contacts::answer(&node, caller, id, Verdict::Refuse).await?))
}

/// Refuse a request and block who sent it; they are not told
#[utoipa::path(post, path = "/api/v1/contact-requests/{id}/block", tag = "people", params(("id" = RequestId, Path)),
    responses((status = 200, body = ContactRequest), (status = "4XX", body = WireError)))]
pub(super) async fn block_request(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<RequestId>,
) -> Result<Json<ContactRequest>, Answer> {
    Ok(Json(contacts::answer(&node, caller, id, Verdict::Block).await?))
}
