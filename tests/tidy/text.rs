//! What may stand in the sources: their length, words that promise work, SQL that one engine lacks.

use std::collections::BTreeSet;

use crate::check;
use crate::sources::{Source, files, root};

/// A file longer than this holds more than one thing.
const LINES_MAX: usize = 400;

/// The files that may be longer, and why.
const LONG: [(&str, &str); 0] = [];

/// A longer line cannot be reviewed. rustfmt and oxfmt break lines before that, but not words in quotes.
const COLUMNS_MAX: usize = 160;

/// Made by a tool, read by nobody.
const GENERATED: [&str; 1] = ["web/src/api/schema.ts"];

/// What MySQL 8, MariaDB 10.11 and SQLite do not all understand, or understand differently.
const NOT_PORTABLE: [&str; 11] = [
    "RETURNING",
    "AS new",
    "ngram",
    "LAST_INSERT_ID",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "DATETIME",
    "CURRENT_TIMESTAMP",
    " NOW()",
    "(NOW()",
    "ENUM(",
];

/// Where one engine alone is spoken to: the bookkeeping of migrations on MySQL.
const ONE_ENGINE: [&str; 1] = ["signalling/src/store/sql/migrations.rs"];

#[test]
fn files_fit_in_a_head() {
    let mut offences = Vec::new();
    for file in files(".", &["rs", "ts", "vue", "mjs", "sh", "css"]) {
        let path = file.path.trim_start_matches("./");
        let exempt = LONG.iter().any(|(long, _)| *long == path) || GENERATED.contains(&path);
        let lines = file.text.lines().count();
        if lines > LINES_MAX && !exempt {
            offences.push(format!("{path} has {lines} lines, {LINES_MAX} at most"));
        }
    }
    check(offences);
}

#[test]
fn the_list_of_long_files_is_current() {
    let files = files(".", &["rs", "ts", "vue", "mjs", "sh", "css"]);
    let long = |path: &str| {
        files.iter().any(|file| file.path == path && file.text.lines().count() > LINES_MAX)
    };
    let stale = LONG.iter().filter(|(path, _)| !long(path));
    check(stale.map(|(path, _)| format!("{path} is listed as long and is not")).collect());
}

#[test]
fn lines_of_the_web_client_fit_on_a_screen() {
    let mut offences = Vec::new();
    let written = |file: &Source| !GENERATED.contains(&file.path.as_str());
    for file in files("web", &["ts", "vue", "css", "mjs", "html"]).into_iter().filter(written) {
        let long = |line: &str| line.chars().count() > COLUMNS_MAX;
        let lines = file.text.lines().enumerate().filter(|(_, line)| long(line));
        offences.extend(lines.map(|(at, _)| {
            format!("{}:{} is longer than {COLUMNS_MAX} columns", file.path, at + 1)
        }));
    }
    check(offences);
}

#[test]
fn nothing_is_left_to_do() {
    let words = ["todo!(", "unimplemented!(", "dbg!(", "TODO", "FIXME", "XXX"];
    let own = "tests/tidy/text.rs";
    let sources = files(".", &["rs", "ts", "vue", "mjs", "sh", "css", "sql"]);
    let sources = sources
        .into_iter()
        .filter(|file| file.path != own && !GENERATED.contains(&file.path.as_str()));
    let mut offences = Vec::new();
    for file in sources {
        for (at, line) in file.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                offences.push(format!("{}:{}: {}", file.path, at + 1, line.trim()));
            }
        }
    }
    check(offences);
}

#[test]
fn sql_is_what_all_engines_understand() {
    let mut sources = files("signalling/src/store", &["rs"]);
    sources.extend(files("migrations", &["sql"]));
    let product = sources.iter().filter(|file| !file.is_test());
    let product = product.filter(|file| !ONE_ENGINE.contains(&file.path.as_str()));
    check(product.flat_map(|file| file.offences(&NOT_PORTABLE, "not in every engine")).collect());
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine: &str| -> BTreeSet<String> {
        let dir = root().join("migrations").join(engine);
        let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let (mysql, sqlite) = (names("mysql"), names("sqlite"));
    assert!(!mysql.is_empty(), "there are no migrations");
    check(
        mysql
            .symmetric_difference(&sqlite)
            .map(|name| format!("{name} is in one folder only"))
            .collect(),
    );
}
