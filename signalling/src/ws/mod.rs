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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::accounts::Credentials;
    use crate::domain::ids::NodeId;
    use crate::domain::login::{Device, DeviceKind};
    use crate::{Admin, Config, Signalling};

    #[tokio::test]
    async fn a_request_carries_the_role_of_now_and_a_socket_that_of_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().into(), ..Config::default() };
        config.accounts.password_memory_kib = 64;
        config.accounts.password_passes = 1;
        let signalling =
            Signalling::start(NodeId::fresh(), config.clone(), None, None).await.unwrap();
        let node = &*signalling.node;
        let credentials = Credentials { name: "alice", password: "correct horse".into() };
        let device = Device { id: None, kind: DeviceKind::Other, name: String::new() };
        let from = Ipv4Addr::LOCALHOST.into();
        let (_, issued) = accounts::register(node, credentials, None, device, from).await.unwrap();
        let role = async || accounts::authenticate(node, &issued.access).await.unwrap().role;
        assert_eq!(role().await, AccountRole::User);

        let operator = Admin::open(&config).await.unwrap();
        operator.set_role("alice", AccountRole::Admin).await.unwrap();
        assert_eq!(role().await, AccountRole::Admin);
        let bearer = format!("Bearer {}", issued.access).parse().unwrap();
        let headers = HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, bearer)]);
        let caller = let_in(node, &headers, None).await.unwrap();
        let (ticket, _) = accounts::ticket(node, caller).await.unwrap();
        let by_ticket = let_in(node, &HeaderMap::new(), Some(ticket)).await.unwrap();
        assert_eq!([caller.role, by_ticket.role], [AccountRole::User; 2]);
    }
}
