//! LiveKit's door: the addresses, tokens and frames that its SDKs speak, over the use case of rooms.
//!
//! The token is the authority here. No cookie is read, so pages of any origin may use it.

mod asked;
mod data;
pub(crate) mod dialect;
mod entrance;
mod infos;
mod notices;
pub(crate) mod requests;
mod socket;
mod twirp;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    AUTHORIZATION, HeaderName,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use beckon_sfu_api::ConnectionMode;

use self::entrance::{Arrival, JoinQuery};
use self::socket::Limits;
use crate::http::network_of;
use crate::node::Node;
use crate::rooms::{self, Admission, Entrance, NotAdmitted};
use crate::shares::Holder;
use crate::sockets::READ_BYTES;

/// What a page may ask with, beside plain requests: the token in a header, and Twirp's JSON.
const MAY_BE_ASKED: [(HeaderName, &str); 2] = [
    (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
];

/// Everything below `/rtc`, and what LiveKit's servers have beside it.
pub fn router(node: Arc<Node>) -> Router {
    Router::new()
        .merge(at("/rtc", get(dual)))
        .merge(at("/rtc/validate", get(validate)))
        .merge(at("/rtc/v1", get(single)))
        .merge(at("/rtc/v1/validate", get(validate)))
        .route("/rtc/{*rest}", any(not_found))
        .merge(twirp::router())
        .layer(from_fn(open_to_any_origin))
        .with_state(node)
}

/// An address, also with a slash at its end: clients put it behind whatever they are configured with.
fn at(path: &str, route: MethodRouter<Arc<Node>>) -> Router<Arc<Node>> {
    let route = route.fallback(wrong_method);
    Router::new().route(path, route.clone()).route(&format!("{path}/"), route)
}

/// The client offers on one connection and we offer on the other.
async fn dual(State(node): State<Arc<Node>>, request: Request) -> Result<Response, NotAdmitted> {
    come_in(node, request, ConnectionMode::Dual).await
}

/// One connection, on which the client offers.
async fn single(State(node): State<Arc<Node>>, request: Request) -> Result<Response, NotAdmitted> {
    come_in(node, request, ConnectionMode::Single).await
}

/// Clients whose socket was refused ask here why.
async fn validate(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    query: JoinQuery,
) -> Result<&'static str, NotAdmitted> {
    let admission = let_in(&node, &headers, &query)?;
    rooms::validate(&node, &admission).await?;
    Ok("success")
}

/// Whoever cannot come in hears why as a plain answer. The join itself happens once the socket is there: whoever hangs
/// up before that leaves nothing behind, and throws nobody out.
async fn come_in(
    node: Arc<Node>,
    request: Request,
    connection: ConnectionMode,
) -> Result<Response, NotAdmitted> {
    let (mut parts, _) = request.into_parts();
    let query = JoinQuery::from_request_parts(&mut parts, &()).await?;
    let admission = let_in(&node, &parts.headers, &query)?;
    let Arrival { entrance, late_offer } = query.arrival(connection)?;
    let limits = Limits::of(&node.config.rooms);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| NotAdmitted::Malformed("a WebSocket is opened here"))?
        .read_buffer_size(READ_BYTES)
        .max_message_size(limits.frame_bytes_max)
        .max_frame_size(limits.frame_bytes_max);
    let holder = Holder { person: None, network: network_of(&parts.extensions) };
    let place = node.sockets.take_now(holder).map_err(|_| NotAdmitted::Busy)?;
    let admission = rooms::expect(&node, admission, &entrance).await?;
    let upgrade = upgrade.on_failed_upgrade(|error| {
        tracing::debug!(%error, "a client hung up before its socket was open");
        socket::count_end("hung_up");
    });
    let serve = async move |stream| {
        metrics::gauge!("beckon_rtc_sockets_open").increment(1);
        let over = rooms::login_over(&node, admission.login());
        let join = |is_there| {
            let entrance = Entrance { is_there, ..entrance.clone() };
            let (node, admission) = (node.clone(), admission.clone());
            async move { rooms::join(&node, admission, entrance).await }
        };
        socket::run(stream, join, over, late_offer, limits).await;
        metrics::gauge!("beckon_rtc_sockets_open").decrement(1);
        drop(place);
    };
    Ok(upgrade.on_upgrade(serve).into_response())
}

/// Browsers put the token into the query, other programs into a header.
fn let_in(node: &Node, headers: &HeaderMap, query: &JoinQuery) -> Result<Admission, NotAdmitted> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header
        .and_then(|value| value.split_once(' '))
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()));
    rooms::admit(node, query.access_token.as_deref().or(bearer), query.room.as_deref())
}

/// Pages of any origin may ask, and see the answer whatever it is.
async fn open_to_any_origin(request: Request, next: Next) -> Response {
    let mut response = match *request.method() {
        Method::OPTIONS => (StatusCode::NO_CONTENT, MAY_BE_ASKED).into_response(),
        _ => next.run(request).await,
    };
    let any = HeaderValue::from_static("*");
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}

async fn wrong_method() -> (StatusCode, &'static str) {
    (StatusCode::METHOD_NOT_ALLOWED, "method not allowed: this is asked by GET")
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "not found")
}

impl IntoResponse for NotAdmitted {
    /// Plain text, as LiveKit's: clients show it to people.
    fn into_response(self) -> Response {
        let status = match self {
            NotAdmitted::NoToken | NotAdmitted::Token(_) => StatusCode::UNAUTHORIZED,
            // SDKs show the words of 401, 403 and 404 alone, and a full room is nothing to try again at once
            NotAdmitted::Denied(_) | NotAdmitted::Full | NotAdmitted::Superseded => {
                StatusCode::FORBIDDEN
            }
            NotAdmitted::Malformed(_) => StatusCode::BAD_REQUEST,
            NotAdmitted::NoRoom => StatusCode::NOT_FOUND,
            NotAdmitted::TooOften => StatusCode::TOO_MANY_REQUESTS,
            NotAdmitted::Occupied | NotAdmitted::NoMedia | NotAdmitted::Busy => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        metrics::counter!("beckon_rtc_refused_total", "status" => status.as_str().to_owned())
            .increment(1);
        (status, self.to_string()).into_response()
    }
}
