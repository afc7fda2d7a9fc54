//! LiveKit's door: the addresses, tokens and frames that its SDKs speak, over the use case of rooms.
//!
//! The token is the authority here. No cookie is read, so pages of any origin may use it.

mod entrance;
mod socket;

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
use tokio::sync::OwnedSemaphorePermit;

use self::entrance::Asked;
use crate::domain::frame::READ_BYTES;
use crate::node::Node;
use crate::rooms::{self, Admission, NotAdmitted, Seat};

/// Offers of Chromium take 5 KiB a video section, and may have 128 of them.
const FRAME_BYTES_MAX: usize = 704 * 1024;

/// Everything below `/rtc`.
pub fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route("/rtc", open_to_all(get(dual)))
        .route("/rtc/validate", open_to_all(get(validate)))
        .route("/rtc/v1", open_to_all(get(single)))
        .route("/rtc/v1/validate", open_to_all(get(validate)))
        .route("/rtc/{*rest}", any(not_found))
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

/// The join happens before the upgrade: whoever does not come in hears why as a plain answer.
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
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| NotAdmitted::Malformed("a WebSocket is opened here"))?
        .read_buffer_size(READ_BYTES)
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX);
    let place = node.sockets.clone().try_acquire_owned().map_err(|_| NotAdmitted::Busy)?;
    let seat = rooms::join(&node, admission, entrance).await?;
    Ok(upgrade.on_upgrade(move |stream| serve(seat, stream, place)).into_response())
}

async fn serve(seat: Seat, stream: axum::extract::ws::WebSocket, place: OwnedSemaphorePermit) {
    metrics::gauge!("beckon_rtc_sockets_open").increment(1);
    socket::run(seat, stream).await;
    metrics::gauge!("beckon_rtc_sockets_open").decrement(1);
    drop(place);
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
            NotAdmitted::Denied(_) => StatusCode::FORBIDDEN,
            NotAdmitted::Malformed(_) => StatusCode::BAD_REQUEST,
            NotAdmitted::NoRoom => StatusCode::NOT_FOUND,
            NotAdmitted::Full | NotAdmitted::TooOften => StatusCode::TOO_MANY_REQUESTS,
            NotAdmitted::NoMedia | NotAdmitted::Busy => StatusCode::SERVICE_UNAVAILABLE,
        };
        metrics::counter!("beckon_rtc_refused_total", "status" => status.as_str().to_owned())
            .increment(1);
        (status, self.to_string()).into_response()
    }
}
