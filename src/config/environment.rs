//! The one place that reads the process environment.
//!
//! `BECKON_` + the key in capitals, sections separated by two underscores: `BECKON_DATA_DIR`, `BECKON_HTTP__LISTEN`.

use std::ffi::OsString;

use anyhow::bail;

use super::layers::Layers;

const PREFIX: &str = "BECKON_";

/// Variables that other commands read: the command line's own, and those of the tests and the benchmark.
const NOT_SETTINGS: [&str; 4] = ["BECKON_CONFIG", "BECKON_BIN", "BECKON_TEST_", "BECKON_BENCH_"];

/// Every variable of this process. What is no text has no name of ours, or no value that could be meant.
pub(super) fn variables() -> impl Iterator<Item = (String, OsString)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
}

/// Sets what the variables name. An unknown name with a section in it is a mistake; without one it may
/// be somebody else's (Kubernetes injects `BECKON_PORT` for a service called beckon) and is only told.
pub(super) fn apply(
    layers: &mut Layers,
    variables: impl Iterator<Item = (String, OsString)>,
) -> anyhow::Result<Vec<String>> {
    let mut warnings = Vec::new();
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if NOT_SETTINGS.iter().any(|other| name.starts_with(other)) {
            continue;
        }
        let key = rest.to_lowercase().replace("__", ".");
        if layers.has(&key) {
            let Some(value) = value.to_str() else { bail!("{name}: {key}: expected UTF-8") };
            layers.set(&key, value).map_err(|error| error.context(name))?;
        } else if key.contains('.') {
            bail!("{name}: unknown key {key}");
        } else {
            warnings.push(format!("{name} is no setting of Beckon and is ignored"));
        }
    }
    Ok(warnings)
}
