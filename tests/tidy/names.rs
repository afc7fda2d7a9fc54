//! One public name, one thing, in the crates of the media path and the relay.

use std::collections::BTreeMap;

use crate::check;
use crate::sources::files;

const CRATES: [&str; 4] = ["sfu/api/src", "sfu/core/src", "sfu/src", "turn-server/src"];

/// What each crate of its kind has under this name, and nobody confuses: the shells' parts and how they are configured.
const CONVENTIONAL: [&str; 4] = ["Config", "Socket", "StartError", "Worker"];

#[test]
fn a_public_type_name_means_one_thing() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let sources = CRATES.iter().flat_map(|dir| files(dir, &["rs"]));
    for file in sources.filter(|file| !file.is_test()) {
        for name in file.code().filter_map(|(_, line)| public_type(line)) {
            places.entry(name.to_owned()).or_default().push(file.path.clone());
        }
    }
    let is_shared = |name: &String, places: &Vec<String>| {
        places.len() > 1 && !CONVENTIONAL.contains(&name.as_str())
    };
    let shared = places.iter().filter(|(name, places)| is_shared(name, places));
    check(shared.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect());
}

/// The name that a line makes public, at least within its crate, if it begins a type.
fn public_type(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub")?;
    let rest = match rest.strip_prefix('(') {
        Some(scoped) => scoped.split_once(')')?.1,
        None => rest,
    };
    let (kind, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let name = rest.split(|letter| !is_name(letter)).next().filter(|name| !name.is_empty());
    name.filter(|_| ["struct", "enum", "trait", "type"].contains(&kind))
}
