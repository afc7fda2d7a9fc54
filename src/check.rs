//! What `beckon check-config` finds: all that `serve` would refuse, and what it would only warn of.

use std::path::Path;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use crate::cli::Listen;
use crate::config::{Config, ProcessConfig};
use crate::{certs, logs};

/// What an operator should know before the server starts.
#[derive(Default)]
pub(crate) struct Findings {
    /// The server would not start.
    pub errors: Vec<anyhow::Error>,
    /// It would, and something would be missed.
    pub warnings: Vec<String>,
}

/// Looks at a configuration that could be read. Opens no port and no database, and makes nothing.
pub(crate) fn configuration(config: &Config) -> Findings {
    let mut findings = Findings::default();
    let ProcessConfig { data_dir, log, .. } = &config.process;
    findings.errors.extend(logs::check(log).err());
    findings.errors.extend(folder(&data_dir.0).err());
    match certs::configured(config).map(|files| certs::check(&files)) {
        Some(Ok(concern)) => findings.warnings.extend(concern),
        Some(Err(error)) => findings.errors.push(error),
        None => {}
    }
    findings.warnings.extend(rooms(config));
    let signalling = beckon_signalling::check(&config.signalling);
    findings.errors.extend(signalling.into_iter().map(anyhow::Error::from));
    findings
}

/// What is not to be had yet on several nodes, before anybody waits for it in a call.
pub(crate) fn rooms(config: &Config) -> Option<String> {
    let signalling = &config.signalling;
    let is_alone = signalling.redis_url.expose_secret().is_empty();
    if is_alone || config.process.media.listen == Listen::Off {
        return None;
    }
    let elsewhere = match signalling.rooms.url.as_str() {
        "" => "people of other nodes are refused there",
        _ => "pages of other nodes cannot reach it, only SDKs can, at its rooms.url",
    };
    Some(format!(
        "redis_url is set, for several nodes: a group call is on the node where it was started, and {elsewhere}; \
         rooms of one name are one on each node"
    ))
}

/// A data folder that is missing is made at the first start.
fn folder(dir: &Path) -> anyhow::Result<()> {
    match std::fs::metadata(dir) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => anyhow::bail!("data_dir {} is no folder", dir.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot look into {}", dir.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_nodes_are_told_where_group_calls_are() {
        let mut config = Config::default();
        assert_eq!(rooms(&config), None);
        config.signalling.redis_url = "redis://127.0.0.1".to_owned().into();
        assert!(rooms(&config).is_some_and(|said| said.contains("refused")));
        config.signalling.rooms.url = "wss://one.example.com".into();
        assert!(rooms(&config).is_some_and(|said| said.contains("SDKs")));
        config.process.media.listen = Listen::Off;
        assert_eq!(rooms(&config), None, "there are no group calls");
    }
}
