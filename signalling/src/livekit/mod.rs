//! LiveKit's door: the addresses, tokens and frames that its SDKs speak, over the use case of rooms.
//!
//! The token is the authority here. No cookie is read, so pages of any origin may use it.

mod asked;
mod entrance;
mod socket;
mod twirp;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use beckon_sfu_api::Connection;

use self::entrance::Asked;
use self::socket::Limits;
use crate::domain::frame::READ_BYTES;
use crate::http::network_of;
use crate::node::Node;
use crate::rooms::{self, Admission, NotAdmitted, Seat};
use crate::shares::Holder;

/// Everything below `/rtc`, and what LiveKit's servers have beside it.
pub fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route("/rtc", open_to_all(get(dual)))
        .route("/rtc/validate", open_to_all(get(validate)))
        .route("/rtc/v1", open_to_all(get(single)))
        .route("/rtc/v1/validate", open_to_all(get(validate)))
        .route("/rtc/{*rest}", any(not_found))
        .merge(twirp::router())
        .layer(map_response(allow_any_origin))
        .with_state(node)
}

/// The client offers on one connection and we offer on the other.
async fn dual(State(node): State<Arc<Node>>, request: Request) -> Result<Response, NotAdmitted> {
    come_in(node, request, Connection::Dual).await
}

/// One connection, on which the client offers.
async fn single(State(node): State<Arc<Node>>, request: Request) -> Result<Response, NotAdmitted> {
    come_in(node, request, Connection::Single).await
}

/// Clients whose socket was refused ask here why.
async fn validate(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<&'static str, NotAdmitted> {
    let admission = let_in(&node, &headers, &asked)?;
    rooms::validate(&node, &admission).await?;
    Ok("success")
}

/// Whoever cannot come in hears why as a plain answer. The join itself happens once the socket is there: whoever hangs
/// up before that leaves nothing behind, and throws nobody out.
async fn come_in(
    node: Arc<Node>,
    request: Request,
    connection: Connection,
) -> Result<Response, NotAdmitted> {
    let (mut parts, _) = request.into_parts();
    let Query(asked) = Query::<Asked>::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| NotAdmitted::Malformed("the query cannot be read"))?;
    let admission = let_in(&node, &parts.headers, &asked)?;
    let entrance = asked.entrance(connection)?;
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
        let join = async || {
            let seat = rooms::join(&node, admission, entrance).await;
            seat.unwrap_or_else(Seat::refused)
        };
        socket::run(stream, join, over, limits).await;
        metrics::gauge!("beckon_rtc_sockets_open").decrement(1);
        drop(place);
    };
    Ok(upgrade.on_upgrade(serve).into_response())
}

/// Browsers put the token into the query, other programs into a header.
fn let_in(node: &Node, headers: &HeaderMap, asked: &Asked) -> Result<Admission, NotAdmitted> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header
        .and_then(|value| value.split_once(' '))
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()));
    rooms::admit(node, asked.access_token.as_deref().or(bearer), asked.room.as_deref())
}

fn open_to_all(route: MethodRouter<Arc<Node>>) -> MethodRouter<Arc<Node>> {
    let headers = [(ACCESS_CONTROL_ALLOW_HEADERS, "authorization")];
    route.options(async move || (StatusCode::NO_CONTENT, headers))
}

async fn allow_any_origin(mut response: Response) -> Response {
    let any = HeaderValue::from_static("*");
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
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
            NotAdmitted::NoMedia | NotAdmitted::Busy => StatusCode::SERVICE_UNAVAILABLE,
        };
        metrics::counter!("beckon_rtc_refused_total", "status" => status.as_str().to_owned())
            .increment(1);
        (status, self.to_string()).into_response()
    }
}
