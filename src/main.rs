//! `beckon`: the one binary. Reads the command line and hands over to the part that does it.

#![warn(unreachable_pub)]

mod arrival;
mod certs;
mod check;
mod cli;
mod commands;
mod config;
mod data_dir;
mod doors;
mod forwarded;
mod hsts;
mod limits;
mod listen;
mod logs;
mod media;
mod memory;
mod metrics;
mod network;
mod observe;
mod ops;
mod parts;
mod serve;
mod slashes;
mod turn;
mod web;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    memory::give_back_large_blocks();
    data_dir::make_files_private();
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("beckon: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(cli: Cli) -> anyhow::Result<()> {
    install_crypto();
    match cli.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Migrate(args) => commands::migrate(args).await,
        Command::CheckConfig(args) => commands::check_config(args),
        Command::Openapi => commands::openapi(),
        Command::DevCerts(args) => commands::dev_certs(args),
        Command::Admin { command } => commands::admin(command).await,
        Command::Token(args) => commands::token(args),
        Command::Bench(args) => commands::bench(args),
        Command::Healthcheck(args) => commands::healthcheck(args).await,
    }
}

/// One TLS provider for the whole process. rustls panics at first use when it has to guess between two.
fn install_crypto() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("the first call in the process, so nothing is installed yet");
}
