//! SQL is what MySQL 8, MariaDB 10.11 and SQLite have in common.

use std::path::{Path, PathBuf};

/// Not in all three, or not the same in all three.
const FORBIDDEN: [&str; 16] = [
    "RETURNING",
    "AS new",
    "LAST_INSERT_ID",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "FOR UPDATE",
    "FOR SHARE",
    "LOCK IN SHARE MODE",
    "INSERT IGNORE",
    "INSERT OR",
    "REPLACE INTO",
    "NOW()",
    "CURRENT_TIMESTAMP",
    "UNIX_TIMESTAMP",
    "COLLATE NOCASE",
    "FULL OUTER JOIN",
];

/// Upserts are spelt differently: both spellings stand side by side in `per_engine`.
const UPSERTS: [&str; 2] = ["ON DUPLICATE KEY UPDATE", "ON CONFLICT"];

fn files(folder: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            files(&path, extension, into);
        } else if path.extension().is_some_and(|found| found == extension) {
            into.push(path);
        }
    }
}

#[test]
fn no_statement_uses_what_only_some_engines_have() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = vec![];
    files(&root.join("src/store"), "rs", &mut all);
    files(&root.join("../migrations"), "sql", &mut all);
    assert!(all.len() > 8);
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().enumerate().filter(|(_, line)| {
            !line.trim_start().starts_with("//") && !line.trim_start().starts_with("--")
        });
        for (n, line) in code {
            let word = FORBIDDEN.iter().find(|word| line.contains(**word));
            assert_eq!(word, None, "{}:{}: {line}", path.display(), n + 1);
        }
        let [mysql, sqlite] = UPSERTS.map(|words| text.matches(words).count());
        assert_eq!(mysql, sqlite, "{}: an upsert of one engine only", path.display());
    }
}
