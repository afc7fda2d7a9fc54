//! Documents and generated files say what is so.

use std::fs;
use std::process::Command;

use crate::check;
use crate::sources::{read, root};

/// Endings that make a quoted word the name of a file.
const FILES: [&str; 10] =
    [".rs", ".ts", ".vue", ".sql", ".toml", ".md", ".sh", ".json", ".service", ".mjs"];

#[test]
fn the_changelog_has_a_place_for_the_next_line() {
    let changelog = read("CHANGELOG.md");
    let first = changelog.lines().find(|line| line.starts_with("## ")).unwrap_or_default();
    assert_eq!(first, "## Unreleased", "the first section of CHANGELOG.md");
}

/// A document that names files goes stale in silence, unless somebody looks.
#[test]
fn documents_name_files_that_exist() {
    let mut offences = Vec::new();
    for document in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "certs/README.md"] {
        for name in quoted_files(&read(document)) {
            if !root().join(&name).exists() {
                offences.push(format!("{document} names {name}, which does not exist"));
            }
        }
    }
    check(offences);
}

/// Words in backquotes, and targets of links, that are paths from the root. Patterns and bare names are not.
fn quoted_files(text: &str) -> Vec<String> {
    let prose = text.split("```").step_by(2).collect::<String>();
    let quoted = prose.split('`').skip(1).step_by(2);
    let linked = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let is_path = |word: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        word.contains('/')
            && !word.starts_with(['/', '.'])
            && word.chars().all(plain)
            && FILES.iter().any(|ending| word.ends_with(ending))
    };
    quoted.chain(linked).filter(is_path).map(str::to_owned).collect()
}

/// The web client's types are made from this file, so it must be what the server says today.
#[test]
fn the_openapi_document_is_current() {
    let output = Command::new(env!("CARGO_BIN_EXE_beckon")).arg("openapi").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = root().join("web/openapi.json");
    if fs::read(&path).unwrap_or_default() != output.stdout {
        fs::write(&path, &output.stdout).unwrap();
        panic!(
            "web/openapi.json was out of date and has been written anew: run `npm run generate` in web/ and commit both"
        );
    }
}
