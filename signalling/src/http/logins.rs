//! Registering, signing in and out, devices.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderName, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::Cookie;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{ACCESS_COOKIE, Address, REFRESH_COOKIE};
use super::{Answer, Arrival, Json, Path};
use crate::accounts::{self, Credentials, Issued};
use crate::domain::ids::LoginId;
use crate::domain::login::Caller;
use crate::domain::login::{ACCESS_MS, Device, DeviceKind, Login, REFRESH_MS, SignedIn, Transport};
use crate::domain::network::Network;
use crate::domain::refusal::{Code, WireError};
use crate::domain::schema;
use crate::node::Node;

#[derive(Deserialize, ToSchema)]
pub(super) struct Register {
    #[schema(schema_with = schema::name)]
    name: String,
    #[schema(schema_with = schema::password)]
    password: SecretString,
    #[schema(schema_with = schema::nickname, required = false)]
    nickname: Option<String>,
    device: Option<Device>,
    #[serde(default)]
    transport: Transport,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct SignIn {
    #[schema(schema_with = schema::any_name)]
    name: String,
    #[schema(schema_with = schema::any_password)]
    password: SecretString,
    device: Option<Device>,
    #[serde(default)]
    transport: Transport,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Refresh {
    /// Left out by pages that hold their tokens in cookies.
    #[schema(schema_with = schema::token, required = false)]
    refresh_token: Option<SecretString>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ChangePassword {
    #[schema(schema_with = schema::any_password)]
    old_password: SecretString,
    #[schema(schema_with = schema::password)]
    new_password: SecretString,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Logins {
    logins: Vec<Login>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct WsTicket {
    ticket: String,
    expires_at: i64,
}

/// Register and sign in
#[utoipa::path(post, path = "/api/v1/users", tag = "logins", request_body = Register,
    responses((status = 201, body = SignedIn), (status = "4XX", body = WireError)), security(()))]
pub(super) async fn register(
    State(node): State<Arc<Node>>,
    Address(from): Address,
    arrival: Arrival,
    jar: CookieJar,
    Json(asked): Json<Register>,
) -> Result<Response, Answer> {
    let credentials = Credentials { name: &asked.name, password: asked.password };
    let device = asked.device.unwrap_or_else(unnamed);
    let (answer, issued) =
        accounts::register(&node, credentials, asked.nickname.as_deref(), device, from).await?;
    let answer = hand_out(answer, issued, asked.transport, arrival, &jar);
    Ok((StatusCode::CREATED, answer).into_response())
}

/// Sign in
#[utoipa::path(post, path = "/api/v1/logins", tag = "logins", request_body = SignIn,
    responses((status = 200, body = SignedIn), (status = "4XX", body = WireError)), security(()))]
pub(super) async fn sign_in(
    State(node): State<Arc<Node>>,
    Address(from): Address,
    arrival: Arrival,
    jar: CookieJar,
    Json(asked): Json<SignIn>,
) -> Result<Response, Answer> {
    let credentials = Credentials { name: &asked.name, password: asked.password };
    let device = asked.device.unwrap_or_else(unnamed);
    let (answer, issued) = accounts::sign_in(&node, credentials, device, from).await?;
    Ok(hand_out(answer, issued, asked.transport, arrival, &jar))
}

/// Trade a refresh token for new tokens; for a minute the same one gets the same answer again
#[utoipa::path(post, path = "/api/v1/logins/refresh", tag = "logins", request_body = Refresh,
    responses((status = 200, body = SignedIn), (status = "4XX", body = WireError)), security(()))]
pub(super) async fn refresh(
    State(node): State<Arc<Node>>,
    Address(from): Address,
    arrival: Arrival,
    jar: CookieJar,
    Json(asked): Json<Refresh>,
) -> Result<Response, Answer> {
    use secrecy::ExposeSecret;
    let (token, transport) = match (&asked.refresh_token, REFRESH_COOKIE.read(&jar)) {
        (Some(token), _) => (token.expose_secret(), Transport::Bearer),
        (None, Some(token)) => (token, Transport::Cookie),
        (None, None) => return Err(Code::Unauthenticated.into()),
    };
    let (answer, issued) = accounts::refresh(&node, token, Network::of(from)).await?;
    Ok(hand_out(answer, issued, transport, arrival, &jar))
}

/// My signed-in devices
#[utoipa::path(get, path = "/api/v1/logins", operation_id = "list_logins", tag = "logins",
    responses((status = 200, body = Logins), (status = "4XX", body = WireError)))]
pub(super) async fn list(
    State(node): State<Arc<Node>>,
    caller: Caller,
) -> Result<Json<Logins>, Answer> {
    Ok(Json(Logins { logins: accounts::logins(&node, caller).await? }))
}

/// Sign a device of mine out
#[utoipa::path(delete, path = "/api/v1/logins/{id}", tag = "logins", params(("id" = LoginId, Path)),
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn end(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Path(id): Path<LoginId>,
) -> Result<StatusCode, Answer> {
    accounts::end_login(&node, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/logins/current", tag = "logins",
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn sign_out(
    State(node): State<Arc<Node>>,
    caller: Caller,
    arrival: Arrival,
) -> Result<Response, Answer> {
    accounts::end_login(&node, caller, caller.login).await?;
    let ended = [ACCESS_COOKIE, REFRESH_COOKIE].into_iter().flat_map(|one| one.end(arrival));
    Ok((set_cookies(ended.collect()), StatusCode::NO_CONTENT).into_response())
}

/// Change my password; every other device is signed out
#[utoipa::path(post, path = "/api/v1/me/password", tag = "logins", request_body = ChangePassword,
    responses((status = 204), (status = "4XX", body = WireError)))]
pub(super) async fn change_password(
    State(node): State<Arc<Node>>,
    caller: Caller,
    Address(from): Address,
    Json(asked): Json<ChangePassword>,
) -> Result<StatusCode, Answer> {
    let (old, new) = (&asked.old_password, &asked.new_password);
    accounts::change_password(&node, caller, old, new, Network::of(from)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A single-use ticket for the WebSocket handshake, for clients that can set no headers
#[utoipa::path(post, path = "/api/v1/ws-tickets", tag = "logins",
    responses((status = 201, body = WsTicket), (status = "4XX", body = WireError)))]
pub(super) async fn ticket(
    State(node): State<Arc<Node>>,
    caller: Caller,
) -> Result<(StatusCode, Json<WsTicket>), Answer> {
    let (ticket, expires_at) = accounts::ticket(&node, caller).await?;
    Ok((StatusCode::CREATED, Json(WsTicket { ticket, expires_at })))
}

fn unnamed() -> Device {
    Device { id: None, kind: DeviceKind::Other, name: String::new() }
}

/// A jar would keep only one of two cookies that differ in their path.
fn set_cookies(cookies: Vec<Cookie<'static>>) -> AppendHeaders<Vec<(HeaderName, String)>> {
    let lines = cookies.into_iter().map(|cookie| (SET_COOKIE, cookie.to_string()));
    AppendHeaders(lines.collect())
}

/// Puts the tokens where the client wants to hold them.
fn hand_out(
    mut answer: SignedIn,
    issued: Issued,
    transport: Transport,
    arrival: Arrival,
    came: &CookieJar,
) -> Response {
    match transport {
        Transport::Bearer => {
            answer.access_token = Some(issued.access);
            answer.refresh_token = Some(issued.refresh);
            Json(answer).into_response()
        }
        Transport::Cookie => {
            let mut cookies = ACCESS_COOKIE.set(came, issued.access, ACCESS_MS, arrival);
            cookies.extend(REFRESH_COOKIE.set(came, issued.refresh, REFRESH_MS, arrival));
            (set_cookies(cookies), Json(answer)).into_response()
        }
    }
}
