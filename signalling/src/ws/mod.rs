//! The WebSocket door: handshake, then one task that reads and one that writes.

mod connection;
mod dispatch;
mod pace;
mod reference;
mod socket;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::accounts;
use crate::domain::frame::FRAME_BYTES_MAX;
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Result};
use crate::domain::user::AccountRole;
use crate::http::{Answer, Query, network_of, origin_allowed, token_of};
use crate::node::Node;
use crate::shares::Holder;
use crate::sockets::READ_BYTES;
use crate::works::Asker;

/// The one encoding of frames spoken so far.
pub const SUBPROTOCOL: &str = "beckon.v1+json";

#[derive(Deserialize)]
struct Handshake {
    ticket: Option<String>,
}

/// `GET /api/v1/ws`: lets a caller in by cookie, bearer token or single-use ticket.
pub async fn handshake(
    State(node): State<Arc<Node>>,
    request: Request,
) -> Result<Response, Answer> {
    let (mut parts, _) = request.into_parts();
    let Query(Handshake { ticket }) =
        Query::<Handshake>::from_request_parts(&mut parts, &()).await?;
    let caller = let_in(&node, &parts.headers, ticket).await?;
    let lang = crate::http::lang(&parts.headers);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| Code::Malformed)?
        .read_buffer_size(READ_BYTES)
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(Code::NotSupported.into());
    }
    let network = network_of(&parts.extensions);
    let place = node.sockets.take_now(Holder { person: Some(caller.user), network })?;
    let run = move |stream| async move {
        metrics::gauge!("beckon_sockets_open").increment(1);
        let asker = Asker::Person(caller.user);
        Box::pin(asker.asks(socket::run(node, caller, lang, stream))).await;
        metrics::gauge!("beckon_sockets_open").decrement(1);
        drop(place);
    };
    Ok(upgrade.on_upgrade(run).into_response())
}

async fn let_in(node: &Node, headers: &HeaderMap, ticket: Option<String>) -> Result<Caller> {
    // browsers attach cookies to sockets opened by any page
    if !origin_allowed(headers, &node.config.allowed_origins) {
        return Err(Code::OriginDenied.into());
    }
    let caller = match (ticket, token_of(headers)) {
        (Some(ticket), _) => accounts::redeem(node, &ticket).await?,
        (None, Some(token)) => accounts::authenticate(node, token.text()).await?,
        (None, None) => return Err(Code::Unauthenticated.into()),
    };
    Ok(Caller { role: AccountRole::User, ..caller }) // a socket outlives changes of the role
}
