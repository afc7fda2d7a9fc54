//! The one line that a run prints.

use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    chat_args::ChatArgs,
    connection::{LATENCY_DIGITS, Outcome},
    server::Usage,
    verify::Verdict,
};

/// What happened while the senders sent.
pub(super) struct Load {
    pub(super) length: Duration,
    pub(super) usage: Option<Usage>,
    pub(super) outcomes: Vec<Outcome>,
}

/// Figures of a chat run; rates count only what happened while the senders sent.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    connections: u32,
    senders: u32,
    conversations: u32,
    window: u32,
    seconds: f64,
    acked: u64,
    acked_per_second: f64,
    ack_p50_ms: f64,
    ack_p99_ms: f64,
    ack_max_ms: f64,
    deliveries_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_cpu_us_per_message: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_rss_bytes: Option<u64>,
    lost: u64,
    duplicated: u64,
    broken_connections: u64,
}

impl Report {
    pub(super) fn new(args: &ChatArgs, load: &Load, verdict: &Verdict) -> anyhow::Result<Self> {
        let seconds = load.length.as_secs_f64();
        let acked = load.outcomes.iter().map(|outcome| outcome.acked_in_time).sum();
        let delivered: u64 = load.outcomes.iter().map(|outcome| outcome.delivered_in_time).sum();
        let mut ack_us = Histogram::<u64>::new(LATENCY_DIGITS)?;
        for outcome in &load.outcomes {
            ack_us.add(&outcome.ack_us).context("adding up the latencies")?;
        }
        let cpu_us = load.usage.map(|usage| usage.cpu.as_micros() as f64);
        Ok(Self {
            connections: args.connections,
            senders: args.senders(),
            conversations: args.conversations,
            window: args.window,
            seconds: rounded(seconds),
            acked,
            acked_per_second: rounded(acked as f64 / seconds),
            ack_p50_ms: rounded(ack_us.value_at_quantile(0.5) as f64 / 1e3),
            ack_p99_ms: rounded(ack_us.value_at_quantile(0.99) as f64 / 1e3),
            ack_max_ms: rounded(ack_us.max() as f64 / 1e3),
            deliveries_per_second: rounded(delivered as f64 / seconds),
            server_cpu_us_per_message: cpu_us.map(|cpu| rounded(cpu / acked.max(1) as f64)),
            server_rss_bytes: load.usage.map(|usage| usage.rss_bytes),
            lost: verdict.lost,
            duplicated: verdict.duplicated,
            broken_connections: verdict.broken,
        })
    }
}

/// Two digits behind the point are all that a run of some seconds can tell.
pub(super) fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}
