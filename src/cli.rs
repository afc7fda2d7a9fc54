//! The command line. Every flag that overrides a configuration key lives in [`ConfigArgs`].

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bench::Bench;

/// A self-hosted chat and call server.
#[derive(Debug, Parser)]
#[command(name = "beckon", version, args_override_self = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server until SIGTERM or Ctrl-C.
    Serve(ServeArgs),
    /// Bring the database to this version's schema, then stop.
    Migrate(ConfigArgs),
    /// Print the configuration in effect as TOML, secrets hidden. Fails when something is wrong with it.
    CheckConfig(ConfigArgs),
    /// Print the OpenAPI document of the REST API and the WebSocket frames.
    Openapi,
    /// Make the development CA and certificate that HTTPS uses when none is configured.
    DevCerts(ConfigArgs),
    /// Work on the server's data.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Load a server as many clients would and print what it bore as one line of JSON.
    Bench {
        #[command(subcommand)]
        bench: Bench,
    },
    /// Ask a running server whether it is ready; exits 0 when it is.
    Healthcheck(ConfigArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// What this process does; by default everything this version has.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub role: Vec<Role>,
    /// How log lines look; by default text on a terminal and JSON elsewhere.
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,
    #[command(flatten)]
    pub config: ConfigArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Signalling,
    Sfu,
    Turn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Create an account. Without --password-stdin a password is made up and printed.
    CreateUser {
        name: String,
        /// The name others see; by default the account's name.
        #[arg(long)]
        nickname: Option<String>,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// Where the configuration comes from. Flags beat `BECKON_` variables, which beat the file.
#[derive(Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file (TOML); deploy/beckon.example.toml documents every key.
    #[arg(long, env = "BECKON_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the database, the uploads and the development certificates live.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where plain HTTP listens; port 0 picks a free one, "off" listens nowhere.
    #[arg(long, value_name = "ADDRESS")]
    pub http_listen: Option<Listen>,
    /// Where HTTPS and WSS listen.
    #[arg(long, value_name = "ADDRESS")]
    pub https_listen: Option<Listen>,
    /// The address others reach this machine at.
    #[arg(long, value_name = "IP")]
    pub external_ip: Option<IpAddr>,
    /// sqlite:PATH or mysql://user:password@host/name.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// redis://host:port, shared by all nodes.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    pub redis_url: Option<String>,
}

/// An address to listen on, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    On(SocketAddr),
    Off,
}

impl std::str::FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Listen::Off),
            _ => text.parse().map(Listen::On).map_err(|_| {
                format!("'{text}' is neither an address such as 127.0.0.1:8080 nor \"off\"")
            }),
        }
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Listen::On(address) => address.fmt(f),
            Listen::Off => f.write_str("off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
