//! Who may import whom inside a crate, read from the `crate::` paths in the code.

use std::collections::BTreeSet;

use crate::check;
use crate::sources::{Source, files, product};

/// The floors of signalling, lowest first. A module may name its own floor and those below.
const FLOORS: [&[&str]; 5] = [
    // Pure types and rules.
    &["domain"],
    // What outlives a request: the store, the sockets, what nodes share, what bounds it all.
    &[
        "store",
        "cache",
        "bus",
        "notice",
        "words",
        "hub",
        "clock",
        "config",
        "limits",
        "passwords",
        "media",
        "shares",
    ],
    // Use cases: every module not named elsewhere.
    &[],
    // Doors.
    &["http", "ws", "grpc", "livekit"],
    // What drives the others by the clock.
    &["upkeep"],
];
const USE_CASES: usize = 2;
const DOORS: usize = 3;

fn floor(module: &str) -> usize {
    FLOORS.iter().position(|modules| modules.contains(&module)).unwrap_or(USE_CASES)
}

/// `signalling/src/chat/mod.rs` -> `chat`. The crate's root, which ties everything together, is none.
fn module(file: &Source) -> Option<&str> {
    let path = file.path.strip_prefix("signalling/src/")?;
    let name = path.split('/').next()?.trim_end_matches(".rs");
    (name != "lib").then_some(name)
}

fn signalling() -> Vec<Source> {
    files("signalling/src", &["rs"]).into_iter().filter(|file| !file.is_test()).collect()
}

/// The modules that a line names as `crate::module`, in `use crate::{a, b}` too.
fn named(line: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (_, rest) in
        line.match_indices("crate::").map(|(at, found)| line.split_at(at + found.len()))
    {
        let group = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
        let paths = group.map_or_else(|| vec![rest], |group| group.split(',').collect());
        let first =
            |path: &'_ str| path.trim().len() - path.trim().trim_start_matches(is_name).len();
        names.extend(paths.into_iter().map(|path| &path.trim()[..first(path)]));
    }
    names
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn signalling_imports_go_downwards() {
    let mut offences = Vec::new();
    let files = signalling();
    let modules: BTreeSet<&str> = files.iter().filter_map(module).collect();
    for file in &files {
        let Some(own) = module(file) else { continue };
        for (at, line) in file.code() {
            let others = named(line).into_iter().filter(|other| modules.contains(other));
            for other in others.filter(|other| floor(other) > floor(own)) {
                offences.push(format!("{}:{at}: {own} is below {other}", file.path));
            }
        }
    }
    check(offences);
}

#[test]
fn the_domain_is_pure() {
    let domain = signalling().into_iter().filter(|file| module(file) == Some("domain"));
    let impure = ["tokio", "sqlx", "axum", "redis", "async fn", "SystemTime::now", "Instant::now"];
    check(domain.flat_map(|file| file.offences(&impure, "the domain is pure")).collect());
}

#[test]
fn doors_never_touch_the_store() {
    let doors = signalling().into_iter().filter(|file| module(file).map(floor) == Some(DOORS));
    let inside = ["crate::store", "crate::cache", "crate::bus"];
    check(doors.flat_map(|file| file.offences(&inside, "doors call use cases")).collect());
}

#[test]
fn sql_is_written_in_the_store_only() {
    let elsewhere =
        product().into_iter().filter(|file| !file.path.starts_with("signalling/src/store/"));
    check(
        elsewhere
            .flat_map(|file| file.offences(&["sqlx", "sql(\""], "SQL outside store/"))
            .collect(),
    );
}

#[test]
fn one_module_reads_the_environment() {
    let reader = "src/config/environment.rs";
    let words = ["env::var", "env::vars", "env::var_os", "env::vars_os"];
    let others = product().into_iter().filter(|file| file.path != reader);
    check(others.flat_map(|file| file.offences(&words, &format!("only {reader} may"))).collect());
}

#[test]
fn one_door_names_livekits_protobuf() {
    let door = "signalling/src/livekit/";
    let others = product().into_iter().filter(|file| !file.path.starts_with(door));
    let words = ["livekit_protocol", "prost"];
    check(others.flat_map(|file| file.offences(&words, &format!("only {door} may"))).collect());
}

#[test]
fn one_module_names_webrtc_rs() {
    let belongs = |path: &str| path.ends_with("/transport.rs") || path.contains("/src/transport/");
    let others = files("sfu", &["rs"]).into_iter().filter(|file| !belongs(&file.path));
    check(
        others
            .flat_map(|file| file.offences(&["rtc_", "rtc::", "webrtc::"], "only transport may"))
            .collect(),
    );
}

#[test]
fn imports_are_read_from_all_their_spellings() {
    assert_eq!(named("use crate::store::users;"), ["store"]);
    assert_eq!(named("use crate::{bus, chat::send};"), ["bus", "chat"]);
    assert_eq!(named("crate::hub::Hub::new(crate::clock::now_ms())"), ["hub", "clock"]);
}
