//! The one line that a run prints.

use serde::Serialize;

use super::flood::Flood;
use super::lanes::Counts;
use super::{RelayArgs, Window};
use crate::report::rounded;

/// Figures of a relay run. A packet that a peer sends back is relayed twice.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    clients: u16,
    size: u16,
    frame: u16,
    seconds: f64,
    relayed_packets: u64,
    relayed_per_second: f64,
    loss_percent: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_cpu_us_per_packet: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_rss_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_allocation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flood_requests: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flood_loss_percent: Option<f64>,
    /// By how much the server's memory grew.
    #[serde(skip_serializing_if = "Option::is_none")]
    flood_bytes: Option<u64>,
}

impl Report {
    pub(super) fn new(
        args: &RelayArgs,
        counts: Counts,
        window: &Window,
        idle_bytes: Option<u64>,
        flood: Option<Flood>,
    ) -> Report {
        let (packets, seconds) = (window.received, window.length.as_secs_f64());
        let cpu_us = window.usage.map(|usage| usage.cpu.as_secs_f64() * 1e6);
        Report {
            clients: args.clients,
            size: args.size,
            frame: args.frame,
            seconds: rounded(seconds),
            relayed_packets: packets,
            relayed_per_second: rounded(packets as f64 / seconds),
            loss_percent: fine(counts.loss_percent()),
            server_cpu_us_per_packet: cpu_us.map(|cpu_us| rounded(cpu_us / packets.max(1) as f64)),
            server_rss_bytes: window.usage.map(|usage| usage.rss_bytes),
            bytes_per_allocation: idle_bytes,
            flood_requests: flood.as_ref().map(|flood| flood.requests),
            flood_loss_percent: flood.as_ref().map(|flood| fine(flood.loss_percent)),
            flood_bytes: flood.and_then(|flood| flood.grown_bytes),
        }
    }
}

/// One packet of a hundred thousand shows.
fn fine(percent: f64) -> f64 {
    (percent * 1e4).round() / 1e4
}
