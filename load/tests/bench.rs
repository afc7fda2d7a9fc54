//! The load generator as an operator runs it.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The server's binary, which the workspace's tests build beside the load generator.
fn beckon() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_beckon-load")).with_file_name("beckon");
    assert!(path.exists(), "{} is not there: run `cargo build` first", path.display());
    path
}

/// Runs it with a folder of its own for whatever it writes.
async fn bench(what: &str, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(beckon());
    command.args(["bench", what]).args(arguments).env("TMPDIR", folder).kill_on_drop(true);
    command.output().await.expect("the binary to run")
}

fn report(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines: Vec<_> =
        output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 1, "one line and nothing else");
    serde_json::from_slice(lines[0]).expect("JSON")
}

/// Processes that work in this folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let processes =
        std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| Some(entry.ok()?.path()));
    let commands = processes.filter_map(|path| std::fs::read_to_string(path.join("cmdline")).ok());
    commands.filter(|command| command.contains(folder.to_str().expect("a path in UTF-8"))).collect()
}

#[tokio::test]
async fn a_run_prints_one_line_of_figures_and_leaves_no_server_behind() {
    let folder = TempDir::new().unwrap();
    let arguments =
        ["--connections", "6", "--conversations", "2", "--senders", "4", "--seconds", "1"];
    let output = bench("chat", &arguments, folder.path()).await;
    let report = report(&output);
    for figure in [
        "acked_per_second",
        "ack_p50_ms",
        "ack_p99_ms",
        "deliveries_per_second",
        "server_rss_bytes",
    ] {
        assert!(report[figure].as_f64().is_some_and(|value| value > 0.0), "{figure} in {report}");
    }
    assert!(report["server_cpu_us_per_message"].is_number(), "{report}");
    assert_eq!((&report["connections"], &report["senders"]), (&6.into(), &4.into()));
    assert_eq!((&report["lost"], &report["duplicated"]), (&0.into(), &0.into()));
    assert!(processes_in(folder.path()).is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files were left behind");
}

#[tokio::test]
async fn a_run_of_rooms_loses_nothing_and_leaves_no_server_behind() {
    let folder = TempDir::new().unwrap();
    for (publishers, subscribers, subscriptions) in [(2, 3, 12), (3, 3, 12)] {
        let (p, s) = (publishers.to_string(), subscribers.to_string());
        let arguments = ["--publishers", &p, "--subscribers", &s, "--seconds", "2"];
        let report = report(&bench("rooms", &arguments, folder.path()).await);
        // Half of the subscriptions are video of 120 packets a second, the others audio of 50.
        let packets = report["packets_forwarded"].as_f64().unwrap();
        let wanted = f64::from(subscriptions / 2 * (120 + 50) * 2);
        assert!((wanted * 0.8..wanted * 1.2).contains(&packets), "{report}");
        assert_eq!(report["loss_percent"], 0.0, "{report}");
        assert_eq!(report["publishers"], publishers);
        assert_eq!(report["subscribers"], subscribers);
        for figure in
            ["latency_p50_us", "latency_p99_us", "server_cpu_us_per_packet", "server_rss_bytes"]
        {
            assert!(report[figure].as_f64().is_some_and(|value| value > 0.0), "{figure}: {report}");
        }
    }
    assert!(processes_in(folder.path()).is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files were left behind");
}

#[tokio::test]
async fn a_run_of_the_relay_says_what_it_bore() {
    let folder = TempDir::new().unwrap();
    let arguments = ["--clients", "3", "--size", "200", "--seconds", "1", "--rate", "600"];
    let more = ["--idle", "50", "--flood", "2000"];
    let report = report(&bench("relay", &[&arguments[..], &more].concat(), folder.path()).await);
    assert_eq!((&report["clients"], &report["size"]), (&3.into(), &200.into()));
    assert!(report["relayed_packets"].as_u64() > Some(300), "{report}");
    assert_eq!((&report["loss_percent"], &report["flood_requests"]), (&0.0.into(), &2000.into()));
    for figure in ["relayed_per_second", "server_cpu_us_per_packet", "bytes_per_allocation"] {
        assert!(report[figure].is_number(), "{figure} in {report}");
    }
    assert!(processes_in(folder.path()).is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files were left behind");
}

/// A server that listens, and where.
async fn serving(folder: &Path) -> (Child, String) {
    let mut command = Command::new(beckon());
    command.args(["serve", "--http-listen", "127.0.0.1:0", "--https-listen", "off"]);
    command.args(["--media-udp", "127.0.0.1:0", "--data-dir"]).arg(folder);
    for (setting, value) in [
        ("ACCOUNTS__PASSWORD_MEMORY_KIB", "64"),
        ("LIMITS__SENDS_PER_SECOND", "1000000"),
        ("LIMITS__SENDS_BURST", "1000000"),
        ("LIMITS__FRAMES_PER_SECOND", "1000000"),
    ] {
        command.env(format!("BECKON_{setting}"), value);
    }
    command.kill_on_drop(true);
    let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("beckon");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    while let Some(line) = lines.next_line().await.expect("what it prints") {
        if let Some((_, url)) = line.split_once("listening on ") {
            return (server, url.trim().to_owned());
        }
    }
    panic!("the server stopped before it listened");
}

#[tokio::test]
async fn a_running_server_can_be_loaded() {
    let folder = TempDir::new().unwrap();
    let (server, url) = serving(folder.path()).await;
    let pid = server.id().expect("a server that runs").to_string();
    let arguments = [
        "--connections",
        "4",
        "--conversations",
        "2",
        "--seconds",
        "1",
        "--url",
        &url,
        "--pid",
        &pid,
    ];
    let report = report(&bench("chat", &arguments, &std::env::temp_dir()).await);
    assert!(report["acked"].as_u64() > Some(0), "{report}");
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_in_words() {
    for (what, arguments, word) in [
        ("chat", &["--connections", "10", "--senders", "11"][..], "--senders"),
        ("chat", &["--connections", "10", "--conversations", "6"], "--conversations"),
        ("chat", &["--seconds", "0"], "--seconds"),
        ("rooms", &["--publishers", "0"], "--publishers"),
        ("rooms", &["--url", "http://127.0.0.1:1"], "--api-key"),
        (
            "chat",
            &["--connections", "4", "--conversations", "2", "--url", "http://127.0.0.1:1"],
            "registering",
        ),
    ] {
        let output = bench(what, arguments, &std::env::temp_dir()).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(word), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty());
    }
}
