//! Log lines on standard error: text for people, JSON for machines.

pub(crate) mod filter;
mod repeats;
mod stamp;

use std::io::IsTerminal as _;

use anyhow::Context as _;
use beckon_signalling::domain::ids::NodeId;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use crate::cli::LogFormat;
use crate::config::LogConfig;
use repeats::Repeats;
use stamp::Stamped;

/// Changes what is logged while the process runs.
pub(crate) struct Logs(reload::Handle<EnvFilter, Registry>);

/// Installs the subscriber for the process. Panics are logged like everything else. Must be called in a runtime.
pub(crate) fn install(config: &LogConfig, node: NodeId) -> anyhow::Result<Logs> {
    let (filter, handle) = reload::Layer::new(filter::read(&config.filter)?);
    let terminal = std::io::stderr().is_terminal();
    let format = config.format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let repeats = Repeats::default();
    repeats.clone().tell();
    // a line that cannot be written is lost: the report of it would be printed, and printing to a full disk panics
    let lines = match format {
        LogFormat::Text => fmt::layer()
            .with_writer(std::io::stderr)
            .log_internal_errors(false)
            .with_ansi(terminal)
            .with_target(false)
            .with_filter(repeats)
            .with_filter(filter)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .with_writer(Stamped::new(node))
            .log_internal_errors(false)
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_filter(repeats)
            .with_filter(filter)
            .boxed(),
    };
    tracing_subscriber::registry().with(lines).init();
    std::panic::set_hook(Box::new(log_panic));
    tracing::info!("starting {}, node {node}", env!("CARGO_PKG_VERSION"));
    Ok(Logs(handle))
}

impl Logs {
    /// Logs by another filter from now on.
    pub(crate) fn change(&self, config: &LogConfig) -> anyhow::Result<()> {
        self.0.reload(filter::read(&config.filter)?).context("the filter cannot be changed")
    }
}

/// The place only: a panic's message may quote what a user sent.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(%place, "panic, which is a bug");
}
