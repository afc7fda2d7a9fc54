//! Prometheus metrics: the recorder, and what the process itself weighs.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of what a request may take, in seconds.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Bounds of how long people talk, in seconds.
const TALKS: [f64; 10] = [5.0, 15.0, 60.0, 180.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0];

/// Bounds of the way there and back through the internet, in seconds.
const ROUND_TRIPS: [f64; 10] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0];

/// Bounds of a part of the packets.
const RATIOS: [f64; 8] = [0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

/// Bounds of how long a disk takes to keep something, in seconds.
const COMMITS: [f64; 9] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1, 0.5, 2.0];

/// Bounds of how many messages share a commit.
const GROUPS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The histograms that measure something else than requests.
const BUCKETS: [(&str, &[f64]); 6] = [
    ("beckon_database_commit_seconds", &COMMITS),
    ("beckon_call_duration_seconds", &TALKS),
    ("beckon_group_call_duration_seconds", &TALKS),
    ("beckon_media_rtt_seconds", &ROUND_TRIPS),
    ("beckon_media_loss_ratio", &RATIOS),
    ("beckon_commit_group_size", &GROUPS),
];

/// The counters that are there before anything was counted.
const UNLABELLED: [&str; 6] = [
    "beckon_tls_handshakes_failed_total",
    "beckon_panics_total",
    "beckon_connections_refused_total",
    "beckon_connections_stalled_total",
    "beckon_request_heads_late_total",
    "beckon_large_heads_refused_total",
];

/// How often the recorder folds fresh samples in, which bounds its memory when nobody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// `/proc` counts CPU time in these, on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Installs the process's recorder.
pub(crate) fn install() -> anyhow::Result<PrometheusHandle> {
    let mut builder = PrometheusBuilder::new().set_buckets(&SECONDS)?;
    for (name, bounds) in BUCKETS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)?;
    }
    let handle = builder.install_recorder().context("a metrics recorder is installed already")?;
    describe();
    let build = [("version", env!("CARGO_PKG_VERSION"))];
    gauge!("beckon_build_info", &build).set(1.0);
    let recorder = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            recorder.run_upkeep();
        }
    });
    Ok(handle)
}

/// The text of `/metrics`.
pub(crate) fn render(handle: &PrometheusHandle) -> String {
    let mut text = handle.render();
    write_process(&mut text);
    text
}

fn describe() {
    describe_counter!("beckon_http_requests_total", "Requests answered, by route and status.");
    describe_histogram!("beckon_http_request_seconds", "Time to the first byte, by route.");
    describe_counter!("beckon_tls_handshakes_failed_total", "TLS handshakes broken off.");
    describe_counter!("beckon_panics_total", "Requests that ended in a bug.");
    describe_gauge!("beckon_connections", "Open connections, WebSockets included.");
    describe_counter!(
        "beckon_connections_refused_total",
        "Connections over http.max_connections, or over the share of one address."
    );
    describe_counter!(
        "beckon_connections_stalled_total",
        "Connections whose reader took too little."
    );
    describe_counter!(
        "beckon_request_heads_late_total",
        "Connections whose request line and headers took too long."
    );
    describe_counter!(
        "beckon_large_heads_refused_total",
        "Connections whose request line and headers were long while too many others' were."
    );
    describe_gauge!("beckon_build_info", "1, labelled with the version that runs.");
    describe_gauge!("beckon_draining", "1 from the signal to stop on.");
    describe_gauge!(
        "beckon_ready",
        "1 when the last look at /readyz found that this node reads and writes."
    );
    describe_gauge!(
        "beckon_certificate_expires_seconds",
        "When the TLS certificate ends, in seconds since 1970."
    );
    for name in UNLABELLED {
        counter!(name).increment(0);
    }
    gauge!("beckon_draining").set(0.0);
    beckon_signalling::metrics::describe();
    beckon_sfu::describe_metrics();
    beckon_turn_server::describe_metrics();
}

/// The process's weight, under the names every Prometheus client uses. Written by hand because the
/// recorder's counters are whole numbers, and CPU seconds are not.
fn write_process(text: &mut String) {
    let descriptors = std::fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as f64);
    for (name, kind, help, value) in [
        ("process_cpu_seconds_total", "counter", "User and system CPU time.", cpu_seconds()),
        ("process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes()),
        ("process_open_fds", "gauge", "Open file descriptors.", descriptors),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        }
    }
}

/// User and system time: fields 14 and 15 of proc(5)'s stat, counted after the command's closing parenthesis.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_its_weight() {
        assert!(cpu_seconds().is_some());
        assert!(resident_bytes().unwrap() > 1e6);
    }
}
