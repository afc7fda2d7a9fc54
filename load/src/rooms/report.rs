//! The one line that a run prints.

use serde::Serialize;

use super::RoomsArgs;
use super::books::Books;
use crate::report::rounded;
use crate::server::Usage;

/// Figures of a run of rooms. Only packets sent within the window count, and the server's time within it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    publishers: u16,
    subscribers: u16,
    /// Everybody publishes and hears all others.
    meeting: bool,
    seconds: u64,
    packets_forwarded: u64,
    packets_per_second: f64,
    loss_percent: f64,
    latency_p50_us: u64,
    latency_p99_us: u64,
    latency_max_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_cpu_us_per_packet: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_rss_bytes: Option<u64>,
}

impl Report {
    pub(super) fn new(args: &RoomsArgs, books: &Books, usage: Option<Usage>) -> Report {
        let packets = books.received.max(1) as f64;
        Report {
            publishers: args.publishers,
            subscribers: args.subscribers,
            meeting: args.is_meeting(),
            seconds: args.seconds,
            packets_forwarded: books.received,
            packets_per_second: rounded(books.received as f64 / args.seconds as f64),
            loss_percent: (books.loss_percent() * 1e4).round() / 1e4,
            latency_p50_us: books.latency_us.value_at_quantile(0.5),
            latency_p99_us: books.latency_us.value_at_quantile(0.99),
            latency_max_us: books.latency_us.max(),
            server_cpu_us_per_packet: usage
                .map(|usage| rounded(usage.cpu.as_secs_f64() * 1e6 / packets)),
            server_rss_bytes: usage.map(|usage| usage.rss_bytes),
        }
    }
}
