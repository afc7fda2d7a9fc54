//! Load generators: drive a Beckon server as hard as its clients could and say in one JSON line what it bore.

mod chat;
mod connection;
mod frame;
mod progress;
mod relay;
mod report;
mod rest;
mod rooms;
mod server;
mod timeline;
mod verify;

pub(crate) use chat::ChatArgs;
pub(crate) use relay::RelayArgs;
pub(crate) use rooms::RoomsArgs;

/// What to put under load.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Group chat: durable sends, acks and deliveries over WebSockets.
    Chat(ChatArgs),
    /// Group calls: media from publishers to subscribers over UDP.
    ///
    /// A publisher sends video of 1 Mbit/s (30 frames a second of four packets each) and audio (50 packets a second),
    /// and hears nobody; a subscriber hears all publishers. Equal numbers of two or more are a meeting instead: so many
    /// people, each of whom publishes and hears all others.
    Rooms(RoomsArgs),
    /// The TURN relay: clients on channels whose peers send everything back, all on this machine.
    ///
    /// A packet and its echo count as two relayed ones. Then forgers ask for allocations, to see what that costs.
    Relay(RelayArgs),
}

/// Runs one benchmark to its end and prints its report on stdout.
///
/// An interrupt drops the run, and with it the server it started.
pub(crate) async fn run(bench: Bench) -> anyhow::Result<()> {
    tokio::select! {
        done = finish(bench) => done,
        () = interrupted() => anyhow::bail!("interrupted before the benchmark was over"),
    }
}

async fn finish(bench: Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Chat(args) => chat::run(args).await,
        Bench::Rooms(args) => rooms::run(args).await,
        Bench::Relay(args) => relay::run(args).await,
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
