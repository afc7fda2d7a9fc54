//! The command line. Every flag that overrides a configuration key lives in [`ConfigArgs`].

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use beckon_signalling::config::is_reachable;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

use crate::network::network;

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
    Migrate(StoreArgs),
    /// Print the configuration in effect as TOML, secrets hidden. Fails when something is wrong with it.
    CheckConfig(ConfigArgs),
    /// Print the OpenAPI document of the REST API and the WebSocket frames.
    Openapi,
    /// Make the development CA and certificate that HTTPS uses when none is configured.
    DevCerts(CertificateArgs),
    /// Work on the server's data.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Print a token that lets somebody into a room, with any LiveKit SDK.
    Token(TokenArgs),
    /// Load a server as many clients would and print what it bore as one line of JSON.
    ///
    /// `beckon bench --help` lists what can be loaded. It runs `beckon-load` from the folder of this binary.
    #[command(disable_help_flag = true)]
    Bench(BenchArgs),
    /// Ask a running server whether it is ready; exits 0 when it is.
    Healthcheck(HealthcheckArgs),
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

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What `beckon-load` is told.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
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
        store: StoreArgs,
    },
    /// Make somebody an administrator, or take it back. Open logins notice at their next request.
    SetAdmin {
        name: String,
        #[arg(value_enum, value_name = "on|off")]
        switch: Switch,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Print who did what to whom, newest first: time, actor, action, target and what else is known.
    Audit {
        /// How many lines at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The room it is for.
    #[arg(long)]
    pub room: String,
    /// Who comes in with it: unique in the room, a second one of the same identity replaces the first.
    #[arg(long)]
    pub identity: String,
    /// The name that the others see.
    #[arg(long)]
    pub name: Option<String>,
    /// How long it is good, such as 90s, 15m, 6h or 30d.
    #[arg(long, default_value = "6h", value_parser = duration)]
    pub ttl: Duration,
    /// Whoever has it shows and says nothing.
    #[arg(long)]
    pub no_publish: bool,
    /// Whoever has it sees and hears nothing.
    #[arg(long)]
    pub no_subscribe: bool,
    /// Whoever has it sends no messages.
    #[arg(long)]
    pub no_data: bool,
    /// The others do not see whoever has it.
    #[arg(long)]
    pub hidden: bool,
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// A number and its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("'{text}' is no duration such as 90s, 15m, 6h or 30d");
    let unit = text.char_indices().last().map_or(0, |(at, _)| at);
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let number: u32 = number.parse().map_err(|_| expected())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// Where the server's files are: its configuration and its data.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PlaceArgs {
    /// The configuration file (TOML); deploy/beckon.example.toml documents every key.
    #[arg(long, env = "BECKON_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the database, the uploads and the development certificates live.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// What commands that open the database may be told.
#[derive(Clone, Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// sqlite:PATH or mysql://user:password@host/name.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CertificateArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// An address others reach this machine at; may be given several times.
    #[arg(long, value_name = "IP")]
    pub external_ip: Vec<IpAddr>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct HealthcheckArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Where the server listens for plain HTTP.
    #[arg(long, value_name = "ADDRESS")]
    pub http_listen: Option<Listen>,
}

impl From<PlaceArgs> for ConfigArgs {
    fn from(place: PlaceArgs) -> ConfigArgs {
        ConfigArgs { place, ..ConfigArgs::default() }
    }
}

impl From<StoreArgs> for ConfigArgs {
    fn from(StoreArgs { place, database_url }: StoreArgs) -> ConfigArgs {
        ConfigArgs { place, database_url, ..ConfigArgs::default() }
    }
}

impl From<CertificateArgs> for ConfigArgs {
    fn from(CertificateArgs { place, external_ip }: CertificateArgs) -> ConfigArgs {
        ConfigArgs { place, external_ip, ..ConfigArgs::default() }
    }
}

impl From<HealthcheckArgs> for ConfigArgs {
    fn from(HealthcheckArgs { place, http_listen }: HealthcheckArgs) -> ConfigArgs {
        ConfigArgs { place, http_listen, ..ConfigArgs::default() }
    }
}

/// Everything of the configuration that can be given on the command line. Flags beat `BECKON_` variables, which beat the
/// file.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Where plain HTTP listens; port 0 picks a free one, "off" listens nowhere.
    #[arg(long, value_name = "ADDRESS")]
    pub http_listen: Option<Listen>,
    /// Where HTTPS and WSS listen.
    #[arg(long, value_name = "ADDRESS")]
    pub https_listen: Option<Listen>,
    /// Where media of group calls is sent to and comes from, over UDP; "off" has no group calls.
    #[arg(long, value_name = "ADDRESS")]
    pub media_udp: Option<Listen>,
    /// Where STUN and TURN clients are heard over UDP, such as 0.0.0.0:3478; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub turn_udp: Vec<SocketAddr>,
    /// Where they are heard over TCP, and over TLS on the same port; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub turn_tcp: Vec<SocketAddr>,
    /// What vouches for time-limited TURN credentials; several while one replaces the other.
    #[arg(long, value_name = "SECRET", hide_env_values = true)]
    pub turn_secret: Vec<String>,
    /// Somebody who may use the relay for ever; may be given several times.
    #[arg(long, value_name = "NAME:PASSWORD", hide_env_values = true)]
    pub turn_user: Vec<String>,
    /// A network the relay sends to although it is inside, such as 10.0.0.0/8; may be given several times.
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub turn_allow_peer: Vec<IpNet>,
    /// Ports of relayed addresses, such as 49152-65535.
    #[arg(long, value_name = "FIRST-LAST")]
    pub turn_relay_ports: Option<String>,
    /// An address others reach this machine at; may be given several times.
    #[arg(long, value_name = "IP")]
    pub external_ip: Vec<IpAddr>,
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
            _ => {
                let address: Option<SocketAddr> = text.parse().ok();
                // nobody could call a group of machines
                let address =
                    address.filter(|at| at.ip().is_unspecified() || is_reachable(at.ip()));
                address.map(Listen::On).ok_or_else(|| {
                    let text = text.escape_debug();
                    format!("'{text}' is neither an address such as 127.0.0.1:8080 nor \"off\"")
                })
            }
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

    #[test]
    fn a_command_offers_only_what_it_heeds() {
        use clap::CommandFactory as _;
        let cli = Cli::command();
        let options = |path: &[&str]| {
            let command = path.iter().fold(&cli, |at, name| at.find_subcommand(name).unwrap());
            let long = command.get_arguments().filter_map(|option| option.get_long());
            long.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(options(&["migrate"]), ["config", "data-dir", "database-url"]);
        assert_eq!(options(&["dev-certs"]), ["config", "data-dir", "external-ip"]);
        assert_eq!(options(&["healthcheck"]), ["config", "data-dir", "http-listen"]);
        assert!(!options(&["token"]).contains(&"turn-udp".to_owned()));
        assert!(!options(&["admin", "set-admin"]).contains(&"media-udp".to_owned()));
        assert!(!options(&["admin", "create-user"]).contains(&"media-udp".to_owned()));
        assert!(options(&["serve"]).contains(&"turn-udp".to_owned()));
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("6h"), Ok(Duration::from_secs(6 * 3600)));
        for odd in ["", "6", "h", "-1h", "1.5h", "6 h", "6é"] {
            assert!(duration(odd).is_err(), "{odd}");
        }
    }
}
