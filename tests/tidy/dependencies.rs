//! What each crate may depend on. A crate boundary stands only where this list is the rule.

use std::collections::BTreeSet;

use toml::Table;

use crate::check;
use crate::sources::read;

/// Each crate: its folder, and which of ours it may import.
const OURS: [(&str, &[&str]); 7] = [
    (".", &["beckon-sfu", "beckon-sfu-api", "beckon-signalling", "beckon-turn-server"]),
    ("load", &["beckon-sfu-api", "beckon-sfu-core"]),
    ("signalling", &["beckon-sfu-api"]),
    ("sfu", &["beckon-sfu-api", "beckon-sfu-core"]),
    ("sfu/core", &["beckon-sfu-api"]),
    ("sfu/api", &[]),
    ("turn-server", &[]),
];

/// Crates whose mere presence, however deep, would break a rule of the design.
const ABSENT: [(&str, &[&str], &str); 5] = [
    (
        "sfu/core",
        &["tokio", "mio", "socket2", "async-std"],
        "the media core does no I/O and never waits",
    ),
    ("sfu/core", &["sqlx", "redis", "axum", "hyper"], "the SFU knows no users, database or HTTP"),
    ("sfu", &["sqlx", "redis", "axum", "hyper"], "the SFU knows no users, database or HTTP"),
    ("turn-server", &["sqlx", "redis", "axum"], "the relay knows only a shared secret"),
    ("signalling", &["rtc-rtp", "rtc-srtp", "webrtc", "rtp", "srtp"], "signalling parses no RTP"),
];

fn dependencies(dir: &str) -> BTreeSet<String> {
    let manifest: Table = read(&format!("{dir}/Cargo.toml")).parse().unwrap();
    let sections = ["dependencies", "build-dependencies"];
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

/// Where one of our crates is.
fn dir_of(name: &str) -> Option<&'static str> {
    let dirs = OURS.iter().map(|(dir, _)| *dir);
    dirs.into_iter().find(|dir| name == format!("beckon-{}", dir.replace('/', "-")))
}

/// With all that these depend on.
fn reached(dir: &str) -> BTreeSet<String> {
    let lock: Table = read("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<String> = dependencies(dir).into_iter().collect();
    while let Some(name) = ahead.pop() {
        if !reached.insert(name.clone()) {
            continue;
        }
        // The lock does not tell what only our tests need; the manifest does.
        if let Some(dir) = dir_of(&name) {
            ahead.extend(dependencies(dir));
            continue;
        }
        // Where several versions are locked, all count.
        let same = packages.iter().filter(|package| package["name"].as_str() == Some(&name));
        let below = same.filter_map(|package| package.get("dependencies")?.as_array()).flatten();
        let names = below.filter_map(|entry| entry.as_str()?.split(' ').next());
        ahead.extend(names.map(str::to_owned));
    }
    reached
}

#[test]
fn crates_import_only_who_they_may() {
    let mut offences = Vec::new();
    for (dir, allowed) in OURS {
        let ours = dependencies(dir).into_iter().filter(|name| name.starts_with("beckon"));
        let strangers = ours.filter(|name| !allowed.contains(&name.as_str()));
        offences.extend(strangers.map(|name| format!("{dir} must not depend on {name}")));
    }
    check(offences);
}

#[test]
fn what_must_be_absent_is_absent() {
    let mut offences = Vec::new();
    for (dir, absent, why) in ABSENT {
        let present = reached(dir);
        let present = absent.iter().filter(|name| present.contains(**name));
        offences.extend(present.map(|name| format!("{dir} reaches {name}, but {why}")));
    }
    check(offences);
}

#[test]
fn what_deny_toml_bans_is_not_locked() {
    let (deny, lock): (Table, Table) =
        (read("deny.toml").parse().unwrap(), read("Cargo.lock").parse().unwrap());
    let names = locked(&lock, "name");
    let mut offences = Vec::new();
    for ban in deny["bans"]["deny"].as_array().unwrap() {
        let banned = ban["crate"].as_str().unwrap();
        match ban.get("reason").and_then(|reason| reason.as_str()) {
            Some(why) if names.contains(&banned) => {
                offences.push(format!("Cargo.lock holds {banned}: {why}"));
            }
            Some(_) => {}
            None => offences.push(format!("deny.toml bans {banned} without a reason")),
        }
    }
    // what two providers would come with, whatever their names
    if names.iter().filter(|name| **name == "rustls").count() != 1 {
        offences.push("Cargo.lock holds more than one rustls".into());
    }
    check(offences);
}

#[test]
fn everything_comes_from_one_registry() {
    let deny: Table = read("deny.toml").parse().unwrap();
    for kind in ["unknown-registry", "unknown-git"] {
        assert_eq!(deny["sources"][kind].as_str(), Some("deny"), "{kind} of deny.toml");
    }
    let lock: Table = read("Cargo.lock").parse().unwrap();
    let others = locked(&lock, "source").into_iter();
    let others = others.filter(|source| !source.ends_with("/crates.io-index"));
    check(others.map(|source| format!("Cargo.lock has something from {source}")).collect());
}

/// One field of every locked package that has it.
fn locked<'a>(lock: &'a Table, field: &str) -> Vec<&'a str> {
    let packages = lock["package"].as_array().unwrap();
    packages.iter().filter_map(|package| package.get(field)?.as_str()).collect()
}

#[test]
fn versions_stand_in_the_workspace_only() {
    let mut offences = Vec::new();
    for dir in [".", "load", "signalling", "sfu", "sfu/core", "sfu/api", "turn-server"] {
        let manifest: Table = read(&format!("{dir}/Cargo.toml")).parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let table = manifest.get(section).and_then(|table| table.as_table());
            for (name, value) in table.into_iter().flatten() {
                let inherits = value.get("workspace").and_then(|value| value.as_bool());
                if inherits != Some(true) {
                    offences.push(format!("{dir}/Cargo.toml: {name} needs `workspace = true`"));
                }
            }
        }
    }
    check(offences);
}
