//! Files over HTTP, as a client sees them.

mod reading;
mod stage;
mod uploads;

use serde_json::Value;

#[test]
fn the_document_lists_every_address() {
    let document: Value = serde_json::from_str(&beckon_signalling::http::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/api/v1/uploads", &["options", "post"][..]),
        ("/api/v1/uploads/{id}", &["head", "patch", "delete", "post"]),
        ("/api/v1/files/{id}", &["get"]),
        ("/api/v1/files/{id}/thumbnail", &["get"]),
        ("/api/v1/files/{id}/info", &["get"]),
        ("/api/v1/avatars/{id}", &["get"]),
        ("/api/v1/me/avatar", &["put", "delete"]),
    ] {
        assert!(methods.iter().all(|method| paths[path].get(method).is_some()), "{path}");
    }
}
