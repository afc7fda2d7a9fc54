//! `beckon admin`, beside a running server and without one.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _};

use crate::node::{Node, WITHOUT_HTTPS, beckon};

/// How long anything expected may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn admin(dir: &Path, arguments: &[&str]) -> Output {
    beckon(dir).arg("admin").args(arguments).output().unwrap()
}

#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Makes an account and returns its password.
fn makes(dir: &Path, name: &str) -> String {
    let printed = done(&admin(dir, &["create-user", name]));
    printed.lines().find_map(|line| line.strip_prefix("password ")).unwrap().to_owned()
}

async fn signs_in(node: &Node, name: &str, password: &str) -> Value {
    let login = json!({"name": name, "password": password});
    let answer = node.client.post(format!("{}/api/v1/logins", node.http)).json(&login).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn an_account_made_on_the_command_line_can_sign_in() {
    let dir = tempfile::tempdir().unwrap();
    let password = makes(dir.path(), "alice");
    let node = Node::start_in(dir, &[WITHOUT_HTTPS]);
    signs_in(&node, "alice", &password).await;
}

#[test]
fn an_account_with_a_bad_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let output = admin(dir.path(), &["create-user", "a b"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "no password is printed for nobody");
}

#[tokio::test]
async fn an_administrator_is_made_and_unmade_beside_a_running_server() {
    let node = Node::start(&[WITHOUT_HTTPS]);
    let dir = node.dir.path();
    let password = makes(dir, "alice");
    let signed_in = signs_in(&node, "alice", &password).await;
    let role = async || {
        let me =
            node.request("/api/v1/me").bearer_auth(signed_in["access_token"].as_str().unwrap());
        me.send().await.unwrap().json::<Value>().await.unwrap()["role"].clone()
    };
    assert_eq!(role().await, "user");
    let told = done(&admin(dir, &["set-admin", "alice", "on"]));
    assert_eq!(told, "alice is an administrator from now on\n");
    assert_eq!(role().await, "admin");
    let told = done(&admin(dir, &["set-admin", "Alice", "on"]));
    assert_eq!(told, "Alice is an administrator already\n");
    done(&admin(dir, &["set-admin", "alice", "off"]));
    assert_eq!(role().await, "user");

    let audit = done(&admin(dir, &["audit", "--limit", "2"]));
    let lines: Vec<_> = audit.lines().collect();
    assert_eq!(lines.len(), 2, "{audit}");
    assert!(lines[0].contains("  command  set_role  user alice  "), "{audit}");
    assert!(lines[0].ends_with("{\"former\":\"admin\",\"role\":\"user\"}"), "{audit}");
    assert_eq!(done(&admin(dir, &["audit"])).lines().count(), 3, "with the account's making");
}

#[test]
fn an_administrator_is_made_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    makes(dir.path(), "alice");
    done(&admin(dir.path(), &["set-admin", "alice", "on"]));
    let nobody = admin(dir.path(), &["set-admin", "bob", "on"]);
    let told = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert_eq!(nobody.status.code(), Some(1));
    assert!(told.contains("there is no account with the name 'bob'"), "{told}");
    assert_eq!(admin(dir.path(), &["set-admin", "alice", "maybe"]).status.code(), Some(2));
    let made = std::fs::read_dir(dir.path().join("data")).unwrap();
    let made: Vec<_> = made.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!made.iter().any(|name| name == "objects" || name == "room-key"), "{made:?}");
}

#[tokio::test]
async fn a_server_forgets_acts_after_a_year() {
    let dir = tempfile::tempdir().unwrap();
    makes(dir.path(), "alice");
    makes(dir.path(), "bob");
    let options = SqliteConnectOptions::new().filename(dir.path().join("data/beckon.db"));
    let mut database = options.connect().await.unwrap();
    let age = "UPDATE audit SET at = at - 366 * 86400000 WHERE detail LIKE '%alice%'";
    database.execute(age).await.unwrap();
    drop(database);
    let node = Node::start_in(dir, &[WITHOUT_HTTPS]);
    let started = Instant::now();
    loop {
        let audit = done(&admin(node.dir.path(), &["audit"]));
        assert!(audit.contains("user bob"), "{audit}");
        if !audit.contains("user alice") {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{audit}");
    }
}
