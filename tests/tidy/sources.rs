//! Reading the checkout: which files there are, and what in them is code.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are made, not written.
const MADE: [&str; 6] = ["target", "node_modules", "dist", ".git", "data", "proptest-regressions"];

/// A file of the checkout.
pub(crate) struct Source {
    /// From the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below `dir` (a path from the root) whose name has one of these endings.
pub(crate) fn files(dir: &str, endings: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(dir), &mut paths);
    paths.sort();
    let wanted = |path: &PathBuf| {
        path.extension().is_some_and(|end| endings.iter().any(|wanted| end == *wanted))
    };
    let source = |path: PathBuf| Source {
        path: path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"),
        text: fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    };
    paths.into_iter().filter(wanted).map(source).collect()
}

fn walk(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !MADE.iter().any(|made| entry.file_name() == *made) {
                walk(&path, paths);
            }
        } else {
            paths.push(path);
        }
    }
}

/// All Rust of the product itself, without its tests.
pub(crate) fn product() -> Vec<Source> {
    let crates = ["src", "signalling/src", "sfu", "turn-server"];
    crates.iter().flat_map(|dir| files(dir, &["rs"])).filter(|file| !file.is_test()).collect()
}

impl Source {
    /// Files of tests by their name.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "tests.rs" || name.ends_with("_tests.rs") || self.path.contains("/tests/")
    }

    /// The lines that are neither comments nor the test module at the end, with their numbers.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.find("#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        let lines = self.text[..tests].lines();
        let comment = |line: &str| ["//", "--", "#!"].iter().any(|mark| line.starts_with(mark));
        lines
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim()))
            .filter(move |(_, line)| !comment(line))
    }

    /// One offence for each line of code that contains one of the words.
    pub(crate) fn offences(&self, words: &[&str], rule: &str) -> Vec<String> {
        let offends = |line: &str| words.iter().any(|word| contains_word(line, word));
        let lines = self.code().filter(|(_, line)| offends(line));
        lines.map(|(at, line)| format!("{}:{at}: {rule}: {line}", self.path)).collect()
    }
}

/// Whether the word stands in the line by itself, not inside a longer name. Case does not matter.
pub(crate) fn contains_word(line: &str, word: &str) -> bool {
    let (line, word) = (line.to_lowercase(), word.to_lowercase());
    let in_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let name_start = in_name(word.chars().next());
    let name_end = in_name(word.chars().next_back());
    line.match_indices(&word).any(|(at, _)| {
        let before = name_start && in_name(line[..at].chars().next_back());
        let after = name_end && in_name(line[at + word.len()..].chars().next());
        !before && !after
    })
}
