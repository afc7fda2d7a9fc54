//! The data folder: closed to others, and copied as the README says.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::node::Node;
use crate::readme::{block, has};

/// Everything below a folder, and what others may do with it.
fn open_to_others(folder: &Path) -> Vec<PathBuf> {
    let mut open = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            open.extend(open_to_others(&path));
        }
        if path.metadata().unwrap().permissions().mode() & 0o077 != 0 {
            open.push(path);
        }
    }
    open
}

/// Somebody, as the header that lets them in.
async fn person(node: &Node, call: &str) -> String {
    let device = json!({"kind": "other", "name": "a test"});
    let body = json!({"name": "alice", "password": "correct horse battery", "device": device});
    let request = node.client.post(format!("{}/api/v1/{call}", node.http)).json(&body);
    let signed_in: Value = request.send().await.unwrap().json().await.unwrap();
    format!(
        "Bearer {}",
        signed_in["access_token"].as_str().unwrap_or_else(|| panic!("{signed_in}"))
    )
}

/// Uploads a text and tells where it lies.
async fn uploads(node: &Node, who: &str, text: &'static str) -> String {
    let request = node.client.post(format!("{}/api/v1/uploads", node.http));
    let request = request.header("authorization", who).header("tus-resumable", "1.0.0");
    let request = request.header("content-type", "application/offset+octet-stream");
    let answer = request.header("upload-length", text.len()).body(text).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap();
    location.replace("/uploads/", "/files/")
}

#[tokio::test]
async fn nobody_else_may_look_into_a_folder_that_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let mut node = Node::start_in(dir, &[]);
    let alice = person(&node, "users").await;
    uploads(&node, &alice, "for nobody else").await;
    assert!(data.join("beckon.db-wal").exists() && data.join("objects/files").exists());
    let open = open_to_others(&data);
    assert!(open.is_empty(), "{open:#?}");

    // As a release left it that did not look after this.
    let dir = std::mem::replace(&mut node.dir, tempfile::tempdir().unwrap());
    assert_eq!(node.stop(), Some(0));
    for path in ["beckon.db", "objects", "objects/files", "certs"] {
        fs::set_permissions(data.join(path), Permissions::from_mode(0o755)).unwrap();
    }
    let _node = Node::start_in(dir, &[]);
    let open = open_to_others(&data);
    assert!(open.is_empty(), "{open:#?}");
}

#[tokio::test]
async fn a_backup_made_as_the_readme_says_is_whole() {
    if !has("sqlite3") || !has("rsync") {
        return;
    }
    let node = Node::start(&[]);
    let alice = person(&node, "users").await;
    let file = uploads(&node, &alice, "worth keeping").await;
    let script = block("sh", ".backup");
    let made = Command::new("sh").args(["-euc", &script]).current_dir(node.dir.path()).status();
    assert!(made.unwrap().success());

    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(node.dir.path().join("backup"), elsewhere.path().join("data")).unwrap();
    drop(node);
    let node = Node::start_in(elsewhere, &[]);
    let alice = person(&node, "logins").await;
    let request = node.client.get(format!("{}{file}", node.http)).header("authorization", alice);
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "worth keeping");
}
