//! The configuration of the whole binary: its own sections here, every other part's in that part's crate.
//!
//! `deploy/beckon.example.toml` is compiled in as the lowest layer, so the documented default is the default.

mod environment;
#[cfg(test)]
mod hostile_tests;
mod layers;
mod reading;
mod redact;
#[cfg(test)]
mod tests;
mod texts;
mod turn;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use crate::cli::{ConfigArgs, Listen, LogFormat};
use layers::Layers;
pub(crate) use reading::refuse;
pub(crate) use turn::TurnConfig;

/// Everything that can be configured, read and checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub process: ProcessConfig,
    pub signalling: beckon_signalling::Config,
}

/// The sections of the file that belong to the binary itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProcessConfig {
    /// Where the database, the uploads and the development certificates live.
    pub data_dir: DataDir,
    /// The addresses others reach this machine at, when they are not its own: told to clients of group calls,
    /// and named in the development certificate.
    #[serde(deserialize_with = "texts::reachable_ips")]
    pub external_ips: Vec<IpAddr>,
    pub http: HttpConfig,
    pub media: MediaConfig,
    pub turn: TurnConfig,
    pub tls: TlsConfig,
    pub log: LogConfig,
    pub metrics: MetricsConfig,
    pub shutdown: ShutdownConfig,
}

/// A folder; `data` below the working directory unless configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct DataDir(
    #[serde(deserialize_with = "beckon_signalling::config::path")] pub PathBuf,
);

impl Default for DataDir {
    fn default() -> Self {
        DataDir(PathBuf::from("data"))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpConfig {
    /// Where plain HTTP listens.
    pub listen: Listen,
    /// Where HTTPS and WSS listen.
    pub https_listen: Listen,
    /// Networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    #[serde(deserialize_with = "texts::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Open connections over all listeners; one more is closed at once.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 1, 10_000_000>")]
    pub max_connections: usize,
    /// How long a connection is kept between two requests, in seconds.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 1, 86_400>")]
    pub keep_alive_seconds: u64,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            listen: Listen::On(([127, 0, 0, 1], 8080).into()),
            https_listen: Listen::Off,
            trusted_proxies: Vec::new(),
            max_connections: 20_000,
            keep_alive_seconds: 125,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MediaConfig {
    /// Where media of group calls is sent to and comes from, over UDP.
    pub listen: Listen,
    /// Threads that forward media, the first on that port and the others on the ports after it.
    // More than any machine has processors for.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 1, 256>")]
    pub shards: u16,
}

impl Default for MediaConfig {
    fn default() -> Self {
        MediaConfig { listen: Listen::On(([127, 0, 0, 1], 7881).into()), shards: 1 }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// The certificate chain in PEM, leaf first.
    #[serde(deserialize_with = "texts::path")]
    pub certificate: Option<PathBuf>,
    /// Its private key in PEM.
    #[serde(deserialize_with = "texts::path")]
    pub key: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// What is logged: a level, or directives such as `info,beckon_signalling=debug`.
    #[serde(deserialize_with = "texts::filter")]
    pub filter: String,
    /// Text for people or JSON for machines; unset decides by whether stderr is a terminal.
    pub format: Option<LogFormat>,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { filter: "info".into(), format: None }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsConfig {
    /// Who presents this as a bearer token may read `/metrics` from anywhere.
    #[serde(deserialize_with = "texts::token")]
    pub token: Option<SecretString>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShutdownConfig {
    /// How long `/readyz` says 503 after SIGTERM, before anything else is done about it.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 0, 86_400>")]
    pub delay_seconds: u64,
    /// How long open requests and sockets get to finish then.
    #[serde(deserialize_with = "beckon_signalling::config::within::<_, _, 0, 86_400>")]
    pub drain_seconds: u64,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        ShutdownConfig { delay_seconds: 0, drain_seconds: 10 }
    }
}

/// A configuration and how it came about.
pub(crate) struct Loaded {
    pub config: Config,
    /// The merged layers, for `check-config`.
    pub effective: toml::Table,
    /// What was found but not used, for people.
    pub warnings: Vec<String>,
    /// What was refused, and counts as not set.
    pub faults: Vec<anyhow::Error>,
}

/// Reads the configuration, or tells all that is wrong with its keys.
pub(crate) fn load(args: &ConfigArgs) -> anyhow::Result<Loaded> {
    let mut loaded = look(args)?;
    refuse(std::mem::take(&mut loaded.faults))?;
    Ok(loaded)
}

/// Reads the defaults, the file, the environment and the flags, each over the one before.
pub(crate) fn look(args: &ConfigArgs) -> anyhow::Result<Loaded> {
    let mut layers = Layers::defaults();
    if let Some(path) = &args.place.config {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        layers.merge_file(&text).with_context(|| path.display().to_string())?;
    }
    let warnings = environment::apply(&mut layers, environment::variables())?;
    apply_flags(&mut layers, args)?;
    let effective = layers.finish();
    let (config, faults) = reading::read(effective.clone());
    Ok(Loaded { config, effective, warnings, faults })
}

fn apply_flags(layers: &mut Layers, args: &ConfigArgs) -> anyhow::Result<()> {
    let text = |dir: &PathBuf| dir.to_str().map(str::to_owned).context("data_dir: expected UTF-8");
    let data_dir = args.place.data_dir.as_ref().map(text).transpose()?;
    let list = |items: &[String]| Some(items.join(",")).filter(|list| !list.is_empty());
    let external_ips: Vec<_> = args.external_ip.iter().map(IpAddr::to_string).collect();
    let turn_udp: Vec<_> = args.turn_udp.iter().map(SocketAddr::to_string).collect();
    let turn_tcp: Vec<_> = args.turn_tcp.iter().map(SocketAddr::to_string).collect();
    let allow_peers: Vec<_> = args.turn_allow_peer.iter().map(IpNet::to_string).collect();
    let listen = |flag: Option<Listen>| flag.map(|listen| listen.to_string());
    let flags = [
        ("data_dir", data_dir),
        ("external_ips", list(&external_ips)),
        ("http.listen", listen(args.http_listen)),
        ("http.https_listen", listen(args.https_listen)),
        ("media.listen", listen(args.media_udp)),
        ("turn.udp", list(&turn_udp)),
        ("turn.tcp", list(&turn_tcp)),
        ("turn.secrets", list(&args.turn_secret)),
        ("turn.users", list(&args.turn_user)),
        ("turn.allow_peers", list(&allow_peers)),
        ("turn.relay_ports", args.turn_relay_ports.clone()),
        ("database_url", args.database_url.clone()),
        ("redis_url", args.redis_url.clone()),
    ];
    for (key, value) in flags {
        if let Some(value) = value {
            layers.set(key, &value)?;
        }
    }
    Ok(())
}

/// The merged configuration as TOML, with every secret hidden.
pub(crate) fn effective_toml(loaded: &Loaded) -> anyhow::Result<String> {
    let mut tree = loaded.effective.clone();
    redact::hide_secrets(&mut tree);
    toml::to_string_pretty(&tree).context("the configuration cannot be written as TOML")
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for LogFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        clap::ValueEnum::from_str(&text, false).map_err(|_| {
            serde::de::Error::custom(format!(
                "'{}' is neither \"text\" nor \"json\"",
                text.escape_debug()
            ))
        })
    }
}
