//! Walks over every key of the example file with what nobody means.

use toml::Value;

use super::tests::from_file;
use super::*;

/// Every key that there is outside of sections and in them, with its default.
fn keys() -> Vec<(String, Value)> {
    let mut keys = Vec::new();
    for (name, value) in Layers::defaults().into_tree() {
        match value {
            Value::Table(section) => {
                keys.extend(
                    section.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)),
                );
            }
            value => keys.push((name, value)),
        }
    }
    keys
}

fn numbers() -> Vec<String> {
    let numbers = keys().into_iter().filter(|(_, value)| value.is_integer());
    numbers.map(|(key, _)| key).collect()
}

/// What is told of a value, if it is refused.
fn refusal(key: &str, value: &str) -> Option<String> {
    let text = match key.split_once('.') {
        Some((section, key)) => format!("[{section}]\n{key} = {value}"),
        None => format!("{key} = {value}"),
    };
    from_file(&text).err().map(|error| format!("{error:#}"))
}

#[test]
fn no_number_takes_what_no_machine_has_or_less_than_nothing() {
    for key in numbers() {
        for hostile in ["-1", "99999999999999999"] {
            let told = refusal(&key, hostile).unwrap_or_default();
            assert!(told.contains(&key), "{key} = {hostile}: {told:?}");
        }
    }
}

/// Where nothing is something to want: no limit, no wait, no words, or what the machine suggests.
const ZEROS: [&str; 9] = [
    "files.disk_reserve_bytes",
    "files.quota_bytes",
    "rooms.attributes_bytes_max",
    "rooms.metadata_bytes_max",
    "shutdown.delay_seconds",
    "shutdown.drain_seconds",
    "turn.bytes_per_second",
    "turn.bytes_per_second_per_user",
    "turn.threads",
];

#[test]
fn nobody_is_locked_out_by_a_zero() {
    for key in numbers() {
        match (refusal(&key, "0"), ZEROS.contains(&&*key)) {
            (None, true) => {}
            (Some(told), false) => assert!(told.contains(&key), "{told}"),
            (told, _) => panic!("{key} = 0: {told:?}"),
        }
    }
}

/// What no text may be: nothing to see, bytes that end a line or a name, a command to a terminal.
const ILLEGIBLE: [&str; 5] = [" ", "\t", "hush\0", "hush\nhush", "\u{1b}[2Jhush"];

/// What somebody might write who takes one key for another.
const STRAY: &str = "hush: *, whatever/that is?";

/// Where any text that can be read is right, and why.
const ANY_TEXT: [(&str, &str); 8] = [
    ("calls.turn_secret", "other TURN servers choose it"),
    ("data_dir", "a folder may be called anything"),
    ("metrics.token", "a header can carry it"),
    ("tls.certificate", "a file may be called anything"),
    ("tls.key", "a file may be called anything"),
    ("turn.realm", "people may read it"),
    ("turn.secrets", "other TURN servers choose them"),
    ("turn.users", "a name and its password"),
];

#[test]
fn no_text_takes_what_it_cannot_mean() {
    for (key, default) in keys() {
        let listed = match default {
            Value::String(_) => false,
            Value::Array(_) => true,
            _ => continue,
        };
        let refused = |text: &str| {
            let text = Value::String(text.to_owned());
            refusal(&key, &if listed { format!("[{text}]") } else { text.to_string() })
        };
        for hostile in ILLEGIBLE {
            let told = refused(hostile).unwrap_or_else(|| panic!("{key} takes {hostile:?}"));
            assert!(told.starts_with(&key), "{key} = {hostile:?}: {told}");
            assert!(!told.chars().any(char::is_control), "{told:?} commands a terminal");
        }
        match (refused(STRAY), ANY_TEXT.iter().any(|(any, _)| *any == key)) {
            (None, true) => {}
            (Some(told), false) => assert!(told.starts_with(&key), "{told}"),
            (told, _) => panic!("{key} = {STRAY:?}: {told:?}"),
        }
    }
}

/// Ways to write a secret wrong: the wrong type, half of it, not closed.
const WRONG: [&str; 8] = [
    "'hush'",
    "'a:hush'",
    "['hush', 1234567]",
    "['', 'hush']",
    "1234567",
    "'hush",
    "['hush', \"\\u0007\"]",
    "\"hush\\u0007\"",
];

#[test]
fn a_refusal_says_no_secret() {
    for key in [
        "database_url",
        "redis_url",
        "turn.secrets",
        "turn.users",
        "calls.turn_secret",
        "rooms.keys",
        "metrics.token",
    ] {
        for value in WRONG {
            let Some(told) = refusal(key, value) else { continue };
            assert!(!told.contains("hush") && !told.contains("1234567"), "{key} = {value}: {told}");
        }
    }
}

#[test]
fn no_list_takes_an_entry_that_says_nothing() {
    for (key, _) in keys().iter().filter(|(_, value)| value.is_array()) {
        let told = refusal(key, "['']").unwrap_or_else(|| panic!("{key} takes ''"));
        assert!(told.starts_with(key), "{told}");
    }
}
