//! Log lines on standard error: text for people, JSON for machines.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;
use crate::config::LogConfig;

/// Before what is configured: the DTLS library warns of every extension that it does not know, and browsers offer some.
const QUIET: &str = "rtc_dtls=error";

/// Installs the subscriber for the process. Panics are logged like everything else.
pub(crate) fn install(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.filter))
        .with_context(|| format!("log.filter '{}' cannot be read", config.filter))?;
    let terminal = std::io::stderr().is_terminal();
    let format = config.format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(terminal).with_target(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).init(),
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// The place only: a panic's message may quote what a user sent.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(%place, "panic, which is a bug");
}
