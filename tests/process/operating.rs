//! What an operator does to a running server, and asks before it runs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::node::{Node, WITHOUT_HTTPS, beckon};

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A certificate for localhost that ends in 1975, and its key.
fn expired(dir: &Path) -> [(&'static str, String); 2] {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(1970, 1, 1);
    params.not_after = rcgen::date_time_ymd(1975, 1, 1);
    let key = KeyPair::generate().unwrap();
    let (certificate, private) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&private, key.serialize_pem()).unwrap();
    let path = |path: &Path| path.display().to_string();
    [("BECKON_TLS__CERTIFICATE", path(&certificate)), ("BECKON_TLS__KEY", path(&private))]
}

#[tokio::test]
async fn a_hangup_reloads_the_filter_and_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("beckon.toml");
    std::fs::write(&file, "[log]\nfilter = 'warn'\n").unwrap();
    let settings = [("BECKON_CONFIG", file.to_str().unwrap()), WITHOUT_HTTPS];
    let node = Node::start_in(tempfile::tempdir().unwrap(), &settings);
    std::fs::write(&file, "[log]\nfilter = 'debug'\n").unwrap();
    node.signal(Signal::HUP);
    node.logs("log.filter reloaded").await;
    assert_eq!(node.get("/healthz").await.status(), 200);
    node.logs("\"answered\"").await;

    std::fs::write(&file, "[log]\nfilter = 'lots'\n").unwrap();
    node.signal(Signal::HUP);
    node.logs("'lots' is no level").await;
    assert_eq!(node.get("/healthz").await.status(), 200);
    assert_eq!(node.stop(), Some(0));
}

#[tokio::test]
async fn log_lines_name_their_node_and_version() {
    let node = Node::start(&[]);
    node.logs("listening").await;
    let log = std::fs::read_to_string(node.dir.path().join("log")).unwrap();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(
        lines.iter().all(|line| line["node"] == lines[0]["node"] && line["version"].is_string())
    );
}

#[tokio::test]
async fn a_node_says_that_it_is_about_to_go_before_it_goes() {
    let node = Node::start(&[("BECKON_SHUTDOWN__DELAY_SECONDS", "60")]);
    node.signal(Signal::TERM);
    node.logs("no longer ready").await;
    let ready = node.get("/readyz").await;
    assert_eq!((ready.status().as_u16(), ready.text().await.unwrap().trim()), (503, "draining"));
    assert_eq!(node.get("/healthz").await.status(), 200, "it serves on");
    node.signal(Signal::TERM);
    assert_eq!(node.exit_code(), Some(0), "the second signal does not wait");
}

/// A client on a slow link has sent half of its file when the node is restarted.
#[tokio::test]
async fn what_arrived_of_an_upload_before_the_end_counts() {
    let node = Node::start(&[WITHOUT_HTTPS]);
    let api = |path: &str| format!("{}/api/v1{path}", node.http);
    let ann = json!({"name": "ann_upload", "password": "correct horse battery"});
    let ann = node.client.post(api("/users")).json(&ann).send().await.unwrap();
    let ann: Value = ann.json().await.unwrap();
    let token = ann["access_token"].as_str().expect("signed in");
    let begun = node.client.post(api("/uploads")).bearer_auth(token);
    let begun = begun.header("Tus-Resumable", "1.0.0").header("Upload-Length", "100000");
    let begun = begun.send().await.unwrap();
    let upload = begun.headers()["location"].to_str().unwrap().to_owned();

    let mut stream = TcpStream::connect(node.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ntus-resumable: 1.0.0\r\n\
         upload-offset: 0\r\ncontent-type: application/offset+octet-stream\r\nexpect: 100-continue\r\n\
         content-length: 100000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut asked_on = [0; 25];
    stream.read_exact(&mut asked_on).unwrap();
    assert_eq!(&asked_on, b"HTTP/1.1 100 Continue\r\n\r\n", "the body is being read");
    stream.write_all(&[b'a'; 50_000]).unwrap();
    // Loopback: what one socket has taken, the other can read before the signal is heard.
    node.signal(Signal::TERM);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let answer = answer.to_lowercase();
    assert!(
        answer.starts_with("http/1.1 204") && answer.contains("upload-offset: 50000"),
        "{answer}"
    );
    let (dir, code) = node.ended();
    assert_eq!(code, Some(0));

    let node = Node::start_in(dir, &[WITHOUT_HTTPS]);
    let kept = node.client.head(format!("{}{upload}", node.http)).bearer_auth(token);
    let kept = kept.header("Tus-Resumable", "1.0.0").send().await.unwrap();
    assert_eq!(
        (kept.status().as_u16(), &kept.headers()["upload-offset"]),
        (200, &"50000".parse().unwrap())
    );
}

#[tokio::test]
async fn an_expired_certificate_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let files = expired(dir.path());
    let settings = files.each_ref().map(|(key, value)| (*key, value.as_str()));
    let checked = beckon(dir.path()).arg("check-config").envs(settings).output().unwrap();
    assert!(checked.status.success() && told(&checked).contains("has expired"), "{checked:?}");

    let node = Node::start(&settings);
    node.logs("has expired: browsers refuse it").await;
}

#[test]
fn a_check_finds_every_fault_that_would_stop_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let [(_, certificate), (_, _)] = expired(dir.path());
    let other = dir.path().join("other.pem");
    std::fs::write(&other, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    std::fs::write(dir.path().join("data"), "a file").unwrap();
    let checked = beckon(dir.path())
        .arg("check-config")
        .envs([("BECKON_DATABASE_URL", "postgres://db/beckon"), ("BECKON_REDIS_URL", "foo")])
        .envs([("BECKON_TLS__CERTIFICATE", certificate.as_str()), ("BECKON_LOG__FILTER", "lots")])
        .envs([("BECKON_HTTP__HTTPS_LISTEN", "127.0.0.1:0")])
        .env("BECKON_TLS__KEY", &other)
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(1));
    for fault in [
        "data is no folder",
        "database_url: expected sqlite:PATH or mysql://",
        "redis_url: expected redis://",
        "the certificate and its private key cannot be used",
        "'lots' is no level",
        "the configuration has 5 faults",
    ] {
        assert!(told(&checked).contains(fault), "no '{fault}' in:\n{}", told(&checked));
    }
}

#[test]
fn a_token_is_made_only_where_a_server_has_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let token = |dir: &Path| {
        beckon(dir).args(["token", "--room", "r", "--identity", "i"]).output().unwrap()
    };
    let refused = token(dir.path());
    assert_eq!(refused.status.code(), Some(1));
    let folder = dir.path().join("data");
    assert!(told(&refused).contains(folder.to_str().unwrap()), "{}", told(&refused));
    assert!(refused.stdout.is_empty() && !folder.exists(), "nothing was made");

    let node = Node::start_in(dir, &[]);
    let printed = token(node.dir.path());
    assert!(printed.status.success(), "{}", told(&printed));
    let token = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(token.trim().split('.').count(), 3, "{token}");
}

#[tokio::test]
async fn every_metric_is_there_from_the_start_and_described() {
    let node = Node::start(&[]);
    let text = node.get("/metrics").await.text().await.unwrap();
    for line in [
        "beckon_sign_ins_refused_total 0",
        "beckon_panics_total 0",
        "beckon_refusals_total{code=\"not_found\"} 0",
        "beckon_draining 0",
        "beckon_messages_waiting 0",
        "beckon_database_connections{pool=\"write\",state=\"busy\"} 0",
        "beckon_media_bytes_sent_total{shard=\"0\"} 0",
    ] {
        assert!(text.lines().any(|one| one == line), "no '{line}' in:\n{text}");
    }
    let is_described = |name: &str| text.contains(&format!("# HELP {name} "));
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = name.split(' ').next().unwrap();
        assert!(is_described(name), "{name} has no HELP");
    }
}
