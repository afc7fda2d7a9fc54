//! The OpenAPI document: all routes, and the socket's frames among its schemas.

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::routing::{MethodRouter, get};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::domain::frame::{ClientFrame, ServerFrame};
use crate::domain::refusal::WireError;
use crate::node::Node;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Beckon",
        description = "People, conversations, messages, files and calls. The WebSocket at /api/v1/ws \
                       speaks the frames `ClientFrame` and `ServerFrame`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(ClientFrame, ServerFrame, WireError)),
    security(("bearer" = []), ("cookie" = [])),
    modifiers(&Security),
)]
pub(super) struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let cookie = ApiKey::Cookie(ApiKeyValue::new(super::caller::ACCESS_COOKIE.plain));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
}

/// Pretty JSON, so that the committed copy has readable diffs.
pub(super) fn text(document: utoipa::openapi::OpenApi) -> String {
    document.to_pretty_json().expect("the document has only text keys")
}

pub(super) fn route(text: Arc<str>) -> MethodRouter<Arc<Node>> {
    get(move || {
        let text = text.to_string();
        async move { ([(CONTENT_TYPE, "application/json")], text) }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    fn references<'v>(value: &'v Value, into: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                into.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, into));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, into)),
            _ => {}
        }
    }

    /// A type that is only a path parameter is not collected by itself.
    #[test]
    fn what_the_document_refers_to_is_in_it() {
        let document: Value = serde_json::from_str(&super::super::openapi()).unwrap();
        let mut found = vec![];
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let place = reference.trim_start_matches('#');
            assert!(document.pointer(place).is_some(), "{reference}");
        }
    }
}
