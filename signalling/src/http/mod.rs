//! The HTTP door: one line a route, one short handler each. No handler decides anything.

mod answer;
mod arrival;
mod body;
mod caller;
mod conversations;
mod extract;
mod files;
mod finish;
mod group_calls;
mod logins;
mod messages;
mod openapi;
mod origin;
mod people;
mod range;
mod settings;
#[cfg(test)]
mod slow_tests;
mod tus;
mod uploads;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::answer::{Answer, lang};
pub use self::arrival::Arrival;
pub use self::caller::{network_of, token_of};
pub use self::extract::{Json, Path, Query};
pub use self::origin::{origin_allowed, own_url};
use crate::domain::refusal::Code;
use crate::node::Node;
use crate::ws;

/// Answers are about one person at one moment, unless a handler says otherwise.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Everything below `/api`, with its own answers for what does not exist.
pub fn router(node: Arc<Node>) -> Router {
    let (api, _) = documented().split_for_parts();
    let (uploads, _) = documented_uploads().split_for_parts();
    let document: Arc<str> = openapi().into();
    api.route("/api/v1/openapi.json", openapi::route(document))
        .merge(uploads.layer(map_response(uploads::sign)))
        .route("/api/v1/ws", axum::routing::get(ws::handshake))
        .route("/api", axum::routing::any(not_found))
        .route("/api/{*rest}", axum::routing::any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(SetResponseHeaderLayer::if_not_present(CACHE_CONTROL, NO_STORE))
        .with_state(node)
}

/// Around all doors that speak HTTP: what is begun is finished, and every refusal becomes the error object.
pub fn around(doors: Router, node: Arc<Node>) -> Router {
    doors.layer(from_fn_with_state(node, finish::finish)).layer(from_fn(answer::render_refusals))
}

/// The OpenAPI document as pretty JSON.
pub fn openapi() -> String {
    let mut document = documented().into_openapi();
    document.merge(documented_uploads().into_openapi());
    openapi::text(document)
}

fn documented() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(settings::settings))
        .routes(routes!(logins::register))
        .routes(routes!(logins::sign_in, logins::list))
        .routes(routes!(logins::refresh))
        .routes(routes!(logins::end))
        .routes(routes!(logins::sign_out))
        .routes(routes!(logins::change_password))
        .routes(routes!(logins::ticket))
        .routes(routes!(people::me, people::update_me))
        .routes(routes!(people::find))
        .routes(routes!(people::profile))
        .routes(routes!(people::contacts))
        .routes(routes!(people::set_remark, people::delete_contact))
        .routes(routes!(people::blocks))
        .routes(routes!(people::block, people::unblock))
        .routes(routes!(people::request, people::requests))
        .routes(routes!(people::mark_requests_read))
        .routes(routes!(people::accept))
        .routes(routes!(people::refuse))
        .routes(routes!(people::block_request))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::get))
        .routes(routes!(conversations::direct))
        .routes(routes!(conversations::members))
        .routes(routes!(conversations::create_group))
        .routes(routes!(conversations::rename, conversations::dissolve))
        .routes(routes!(conversations::invite))
        .routes(routes!(conversations::remove))
        .routes(routes!(conversations::hand_over))
        .routes(routes!(messages::history, messages::send))
        .routes(routes!(messages::changes))
        .routes(routes!(messages::recall))
        .routes(routes!(messages::receipt))
        .routes(routes!(group_calls::start, group_calls::get))
        .routes(routes!(group_calls::join))
        .routes(routes!(group_calls::invite))
        .routes(routes!(group_calls::decline))
        .routes(routes!(group_calls::mute))
        .routes(routes!(group_calls::remove))
        .routes(routes!(group_calls::grow))
        .routes(routes!(uploads::allowance))
        .routes(routes!(files::download))
        .routes(routes!(files::thumbnail))
        .routes(routes!(files::info))
        .routes(routes!(files::avatar))
        .routes(routes!(files::set_avatar, files::remove_avatar))
}

/// Apart, as they take their time and large bodies.
fn documented_uploads() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new().routes(routes!(uploads::options, uploads::create)).routes(routes!(
        uploads::status,
        uploads::proceed,
        uploads::abandon,
        uploads::overridden
    ))
}

async fn not_found() -> Answer {
    Answer(Code::NotFound.into())
}

async fn method_not_allowed() -> Answer {
    Answer(Code::MethodNotAllowed.into())
}
