//! What `beckon check-config` finds: all that `serve` would refuse, and what it would only warn of.

use std::path::Path;

use anyhow::Context as _;

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
    let signalling = beckon_signalling::check(&config.signalling);
    findings.errors.extend(signalling.into_iter().map(anyhow::Error::from));
    findings
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
