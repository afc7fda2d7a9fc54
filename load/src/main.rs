//! `beckon-load`: drives a Beckon server as hard as its clients could and prints one line of JSON with what it bore.
//!
//! `beckon bench` runs it from the folder that both binaries are in.

mod chat;
mod chat_args;
mod connection;
mod frame;
mod progress;
mod relay;
mod report;
mod rest;
mod rooms;
mod server;
mod timeline;
mod token;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What to put under load.
#[derive(Debug, Parser)]
#[command(name = "beckon bench", bin_name = "beckon bench", version)]
enum Load {
    /// Group chat: durable sends, acks and deliveries over WebSockets.
    Chat(chat_args::ChatArgs),
    /// Group calls: media from publishers to subscribers over UDP.
    ///
    /// A publisher sends video of 1 Mbit/s (30 frames a second of four packets each) and audio (50 packets a second),
    /// and hears nobody; a subscriber hears all publishers. Equal numbers of two or more are a meeting instead: so many
    /// people, each of whom publishes and hears all others.
    Rooms(rooms::RoomsArgs),
    /// The TURN relay: clients on channels whose peers send everything back, all on this machine.
    ///
    /// A packet and its echo count as two relayed ones. Then forgers ask for allocations, to see what that costs.
    Relay(relay::RelayArgs),
}

fn main() -> ExitCode {
    raise_open_files();
    match run(Load::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("beckon bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one benchmark to its end and prints its report on stdout.
///
/// An interrupt drops the run, and with it the server it started.
#[tokio::main]
async fn run(load: Load) -> anyhow::Result<()> {
    tokio::select! {
        done = finish(load) => done,
        () = interrupted() => anyhow::bail!("interrupted before the benchmark was over"),
    }
}

async fn finish(load: Load) -> anyhow::Result<()> {
    match load {
        Load::Chat(args) => chat::run(args).await,
        Load::Rooms(args) => rooms::run(args).await,
        Load::Relay(args) => relay::run(args).await,
    }
}

/// Every simulated person is a descriptor, and the soft limit is often 1,024.
fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        eprintln!("beckon bench: the limit of open files stays as it is: {error}");
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
