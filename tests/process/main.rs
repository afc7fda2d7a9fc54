//! The binary as an operator meets it: started, asked, misused and stopped from outside.

mod admin;
mod configuration;
mod data_dir;
mod database;
#[path = "../stage/extent.rs"]
mod extent;
mod https;
mod node;
mod operating;
mod proxies;
mod readme;
mod relay;
mod strangers;

use std::process::Command;
use std::time::Duration;

use node::{Node, beckon};

#[tokio::test]
async fn a_fresh_folder_is_served_at_once_and_drains_on_sigterm() {
    let node = Node::start(&[]);
    assert_eq!(node.get("/healthz").await.status(), 200);
    assert_eq!(node.get("/readyz").await.status(), 200);
    // A release build on a quiet machine takes a tenth of this; tests are neither.
    let limit = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });
    assert!(node.until_listening < limit, "took {:?}", node.until_listening);
    assert_eq!(node.stop(), Some(0));
}

#[tokio::test]
async fn a_server_on_a_taken_port_says_so() {
    let node = Node::start(&[]);
    let address = node.http.trim_start_matches("http://").to_owned();
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let media = taken.local_addr().unwrap().to_string();
    for (flag, address, what) in
        [("--http-listen", &address, "on"), ("--media-udp", &media, "for media on UDP")]
    {
        let mut second = beckon(dir.path());
        second.args(["serve", "--http-listen", "127.0.0.1:0", flag, address]);
        let second = second.output().unwrap();
        assert_eq!(second.status.code(), Some(1));
        let told = String::from_utf8_lossy(&second.stderr).into_owned();
        assert!(told.contains(&format!("cannot listen {what} {address}")), "{told}");
    }
}

#[test]
fn a_health_check_tells_a_server_that_is_ready_from_one_that_is_gone() {
    let node = Node::start(&[]);
    let address = node.address().to_owned();
    let dir = tempfile::tempdir().unwrap();
    let check = || {
        let mut check = beckon(dir.path());
        check.args(["healthcheck", "--http-listen", &address]).output().unwrap()
    };
    let healthy = check();
    assert!(healthy.status.success(), "{}", String::from_utf8_lossy(&healthy.stderr));
    assert_eq!(node.stop(), Some(0));
    assert_eq!(check().status.code(), Some(1));
}

#[test]
fn the_load_generator_is_looked_for_beside_the_server() {
    let dir = tempfile::tempdir().unwrap();
    // Alone in a folder, as an installed server is.
    let alone = dir.path().join("beckon");
    std::fs::hard_link(env!("CARGO_BIN_EXE_beckon"), &alone)
        .or_else(|_| std::fs::copy(env!("CARGO_BIN_EXE_beckon"), &alone).map(drop))
        .unwrap();
    let output = Command::new(&alone).args(["bench", "chat"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("--package beckon-load"), "{told}");
}

#[test]
fn roles_that_are_not_there_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for role in ["sfu", "sfu,turn"] {
        let output = beckon(dir.path()).args(["serve", "--role", role]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{role}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("not supported in this version"), "{told}");
    }
}

#[test]
fn a_wrong_configuration_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("beckon.toml");
    std::fs::write(&file, "[http]\nlisten_on = '127.0.0.1:1'\n").unwrap();
    let output =
        beckon(dir.path()).arg("check-config").arg("--config").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown key http.listen_on"));
}

#[test]
fn a_printed_configuration_is_one_again() {
    let dir = tempfile::tempdir().unwrap();
    let print = |command: &mut Command| {
        let output = command.arg("check-config").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let first = print(&mut beckon(dir.path()));
    let file = dir.path().join("printed.toml");
    std::fs::write(&file, &first).unwrap();
    assert_eq!(print(beckon(dir.path()).env("BECKON_CONFIG", &file)), first);
}

#[tokio::test]
async fn metrics_are_for_this_machine_or_the_token() {
    let node = Node::start(&[("BECKON_METRICS__TOKEN", "hush")]);
    node.get("/healthz").await;
    let text = node.get("/metrics").await.text().await.unwrap();
    assert!(text.contains(
        "beckon_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1"
    ));
    assert!(text.contains("process_resident_memory_bytes"), "{text}");

    let forwarded = || node.request("/metrics").header("x-forwarded-for", "203.0.113.9");
    assert_eq!(forwarded().send().await.unwrap().status(), 403);
    assert_eq!(forwarded().bearer_auth("wrong").send().await.unwrap().status(), 403);
    assert_eq!(forwarded().bearer_auth("hush").send().await.unwrap().status(), 200);

    for (header, value) in [
        ("via", "1.1 proxy"),
        ("forwarded", "for=203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("host", "chat.example.com"),
    ] {
        let proxied = node.request("/metrics").header(header, value);
        assert_eq!(proxied.send().await.unwrap().status(), 403, "{header}");
    }
}

#[tokio::test]
async fn unknown_paths_are_told_apart() {
    let node = Node::start(&[]);
    let api = node.get("/api/v1/nothing").await;
    assert_eq!(api.status(), 404);
    assert_eq!(api.json::<serde_json::Value>().await.unwrap()["code"], "not_found");
    for missing in ["/assets/gone-1a2b3c.js", "/favicon.png", "/whip"] {
        assert_eq!(node.get(missing).await.status(), 404, "{missing}");
    }
    let page = node.get("/chat/somebody").await;
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-eval"),
        "{policy}"
    );
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
}
