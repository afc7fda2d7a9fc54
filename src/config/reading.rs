//! From the merged tree to the configuration, each key by itself, so that all mistakes are told at once.

use anyhow::anyhow;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Config, ProcessConfig};

/// The sections and keys of the binary itself; signalling reads the rest.
const OWN: [&str; 9] =
    ["data_dir", "external_ips", "http", "media", "turn", "tls", "log", "metrics", "shutdown"];

/// Splits the tree between the binary and its parts. What is refused is told, and counts as not set.
pub(super) fn read(mut tree: Table) -> (Config, Vec<anyhow::Error>) {
    let mut faults = Vec::new();
    let own: Table =
        OWN.iter().filter_map(|key| Some(((*key).to_owned(), tree.remove(*key)?))).collect();
    let process: ProcessConfig = sound(own, &mut faults);
    tree.insert("data_dir".into(), process.data_dir.0.display().to_string().into());
    let signalling = sound(tree, &mut faults);
    (Config { process, signalling }, faults)
}

/// What can be read of a tree.
fn sound<T: DeserializeOwned + Default>(tree: Table, faults: &mut Vec<anyhow::Error>) -> T {
    let (mut sound, mut all) = (Table::new(), Vec::new());
    leaves(tree, &mut Vec::new(), &mut all);
    for (path, value) in all {
        match alone(&path, value.clone()).try_into::<T>() {
            Ok(_) => put(&mut sound, &path, value),
            Err(error) => faults.push(anyhow!("{}: {}", path.join("."), error.message())),
        }
    }
    sound.try_into().unwrap_or_else(|error: toml::de::Error| {
        faults.push(anyhow!("configuration: {}", error.message()));
        T::default()
    })
}

fn leaves(tree: Table, path: &mut Vec<String>, all: &mut Vec<(Vec<String>, Value)>) {
    for (key, value) in tree {
        path.push(key);
        match value {
            Value::Table(section) => leaves(section, path, all),
            value => all.push((path.clone(), value)),
        }
        path.pop();
    }
}

/// A tree with this key and no other.
fn alone(path: &[String], value: Value) -> Table {
    let mut tree = Table::new();
    put(&mut tree, path, value);
    tree
}

fn put(tree: &mut Table, path: &[String], value: Value) {
    let [sections @ .., key] = path else { return };
    let mut at = tree;
    for section in sections {
        let inner = at.entry(section.clone()).or_insert_with(|| Table::new().into());
        let Some(inner) = inner.as_table_mut() else { return };
        at = inner;
    }
    at.insert(key.clone(), value);
}

/// Fails with all faults at once.
pub(crate) fn refuse(mut faults: Vec<anyhow::Error>) -> anyhow::Result<()> {
    match faults.len() {
        0 => Ok(()),
        1 => Err(faults.remove(0)),
        count => {
            let told: Vec<_> = faults.iter().map(|fault| format!("\n  {fault:#}")).collect();
            Err(anyhow!("the configuration has {count} faults:{}", told.concat()))
        }
    }
}
