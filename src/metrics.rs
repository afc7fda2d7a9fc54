//! Prometheus metrics: the recorder, and what the process itself weighs.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Bounds of the duration histograms, in seconds.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How often the recorder folds fresh samples in, which bounds its memory when nobody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// `/proc` counts CPU time in these, on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Installs the process's recorder.
pub(crate) fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .install_recorder()
        .context("a metrics recorder is installed already")?;
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
    describe_counter!("beckon_connections_refused_total", "Connections over http.max_connections.");
    describe_counter!("beckon_connections_stalled_total", "Connections whose reader stopped.");
    describe_gauge!("beckon_build_info", "1, labelled with the version that runs.");
    beckon_sfu::describe_metrics();
    beckon_turn_server::describe_metrics();
}

/// The process's weight, under the names every Prometheus client uses. Written by hand because the
/// recorder's counters are whole numbers, and CPU seconds are not.
fn write_process(text: &mut String) {
    let descriptors = std::fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as f64);
    for (name, kind, value) in [
        ("process_cpu_seconds_total", "counter", cpu_seconds()),
        ("process_resident_memory_bytes", "gauge", resident_bytes()),
        ("process_open_fds", "gauge", descriptors),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {value}\n");
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
