//! Merging configuration layers: defaults, file, environment, flags.

use anyhow::{Context as _, anyhow, bail};
use toml::{Table, Value};

const EXAMPLE: &str = include_str!("../../deploy/beckon.example.toml");

/// A tree of settings in which only keys of the example file exist.
pub(super) struct Layers(Table);

impl Layers {
    /// The example file: every key, with its default.
    pub(super) fn defaults() -> Self {
        Layers(EXAMPLE.parse().expect("a test parses the example file"))
    }

    /// Lays a configuration file over what is there.
    pub(super) fn merge_file(&mut self, text: &str) -> anyhow::Result<()> {
        let file: Table = text.parse().map_err(|error| place(text, &error))?;
        merge(&mut self.0, file, "")
    }

    /// Sets one dotted key from text, as an environment variable or a flag has it.
    pub(super) fn set(&mut self, key: &str, text: &str) -> anyhow::Result<()> {
        let slot = self.slot(key).with_context(|| format!("unknown key {key}"))?;
        *slot = parse_like(slot, text).with_context(|| key.to_owned())?;
        Ok(())
    }

    /// Whether the dotted key names a setting.
    pub(super) fn has(&mut self, key: &str) -> bool {
        self.slot(key).is_some_and(|value| !value.is_table())
    }

    fn slot(&mut self, key: &str) -> Option<&mut Value> {
        let mut table = &mut self.0;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            let value = table.get_mut(part)?;
            if parts.peek().is_none() {
                return Some(value);
            }
            table = value.as_table_mut()?;
        }
        None
    }

    /// The merged tree. An empty text means "not set" and is left out.
    pub(super) fn finish(self) -> Table {
        let mut tree = self.0;
        drop_unset(&mut tree);
        tree
    }
}

/// Where a file cannot be read, and why. The line itself stays out: it may hold a secret.
fn place(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    anyhow!("line {}: {}", before.matches('\n').count() + 1, error.message())
}

fn merge(into: &mut Table, from: Table, path: &str) -> anyhow::Result<()> {
    for (key, value) in from {
        let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let Some(slot) = into.get_mut(&key) else { bail!("unknown key {name}") };
        match (slot, value) {
            (Value::Table(inner), Value::Table(from)) => merge(inner, from, &name)?,
            (Value::Array(_), Value::Array(items)) if !items.iter().all(Value::is_str) => {
                bail!("{name}: expected a list of strings")
            }
            (slot, value) if slot.same_type(&value) => *slot = value,
            (slot, value) => {
                bail!("{name}: expected {}, found {}", slot.type_str(), value.type_str())
            }
        }
    }
    Ok(())
}

/// Reads text as whatever the present value is; lists are separated by commas.
fn parse_like(present: &Value, text: &str) -> anyhow::Result<Value> {
    let shown = text.escape_debug();
    Ok(match present {
        Value::Integer(_) => {
            Value::Integer(text.parse().with_context(|| format!("'{shown}' is no whole number"))?)
        }
        Value::Float(_) => {
            Value::Float(text.parse().with_context(|| format!("'{shown}' is no number"))?)
        }
        Value::Boolean(_) => Value::Boolean(
            text.parse().with_context(|| format!("'{shown}' is neither true nor false"))?,
        ),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        Value::String(_) => Value::String(text.to_owned()),
        Value::Datetime(_) | Value::Table(_) => bail!("a section cannot be set to a text"),
    })
}

fn drop_unset(tree: &mut Table) {
    tree.retain(|_, value| value.as_str() != Some(""));
    for (_, value) in tree.iter_mut() {
        if let Value::Table(section) = value {
            drop_unset(section);
        }
    }
}

#[cfg(test)]
impl Layers {
    /// What is not set included.
    pub(super) fn into_tree(self) -> Table {
        self.0
    }

    /// The dotted names of all sections.
    pub(super) fn sections(&self) -> Vec<String> {
        fn walk(table: &Table, path: &str, names: &mut Vec<String>) {
            for (key, value) in table {
                if let Value::Table(inner) = value {
                    let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    walk(inner, &name, names);
                    names.push(name);
                }
            }
        }
        let mut names = Vec::new();
        walk(&self.0, "", &mut names);
        names
    }

    /// Whether the dotted key names a setting or a section.
    pub(super) fn contains(&self, key: &str) -> bool {
        let mut parts = key.split('.');
        let first = parts.next().and_then(|part| self.0.get(part));
        parts.fold(first, |value, part| value?.get(part)).is_some()
    }
}
