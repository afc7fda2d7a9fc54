//! Load generators: drive a Beckon server as hard as its clients could and say in one JSON line what it bore.

mod chat;
mod connection;
mod frame;
mod progress;
mod report;
mod rest;
mod server;
mod timeline;
mod verify;

pub(crate) use chat::ChatArgs;

/// What to put under load.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Group chat: durable sends, acks and deliveries over WebSockets.
    Chat(ChatArgs),
}

/// Runs one benchmark to its end and prints its report on stdout.
///
/// An interrupt drops the run, and with it the server it started.
pub(crate) async fn run(bench: Bench) -> anyhow::Result<()> {
    tokio::select! {
        done = async { match bench { Bench::Chat(args) => chat::run(args).await } } => done,
        () = interrupted() => anyhow::bail!("interrupted before the benchmark was over"),
    }
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = signal(SignalKind::terminate());
    let Ok(mut terminate) = terminate else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
