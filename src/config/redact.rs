//! Hiding secrets before a configuration is printed.

use toml::{Table, Value};

const HIDDEN: &str = "[hidden]";

/// Keys that end in one of these hold a secret.
const SECRET_KEYS: [&str; 7] =
    ["token", "secret", "secrets", "password", "credential", "keys", "users"];

/// Keys that end in this hold an address with a password in it, also when it is written wrong.
const ADDRESS_KEY: &str = "_url";

/// Replaces secrets in place: whole values by the name of their key, passwords inside addresses.
pub(super) fn hide_secrets(tree: &mut Table) {
    for (key, value) in tree.iter_mut() {
        let hide_text: fn(&mut String) = match key {
            key if SECRET_KEYS.iter().any(|ending| key.ends_with(ending)) => hide_all,
            key if key.ends_with(ADDRESS_KEY) => hide_in_address,
            _ => hide_password,
        };
        hide(value, hide_text);
    }
}

fn hide(value: &mut Value, hide_text: fn(&mut String)) {
    match value {
        Value::Table(table) => hide_secrets(table),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, hide_text)),
        Value::String(text) => hide_text(text),
        _ => {}
    }
}

fn hide_all(text: &mut String) {
    HIDDEN.clone_into(text);
}

/// `mysql://user:password@host` -> `mysql://user:[hidden]@host`. The last `@` ends the password, which
/// may itself hold one.
fn hide_password(text: &mut String) {
    let Some(start) = text.find("://").map(|at| at + 3) else { return };
    let Some(end) = text.rfind('@').filter(|&at| at >= start) else { return };
    if let Some(colon) = text[start..end].find(':') {
        text.replace_range(start + colon + 1..end, HIDDEN);
    }
}

/// The same, and what may hold a password elsewhere: `redis+unix:///path?pass=password`, and all in front of the `@` of
/// what is no address.
fn hide_in_address(text: &mut String) {
    if let Some(parameters) = text.find("?pass").map(|at| at + 1) {
        text.replace_range(parameters.., HIDDEN);
    }
    match (text.contains("://"), text.rfind('@')) {
        (false, Some(end)) => text.replace_range(..end, HIDDEN),
        _ => hide_password(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_secret_and_nothing_else_is_hidden() {
        for (key, value, shown) in [
            ("database_url", "mysql://ann:hush@db/beckon", "mysql://ann:[hidden]@db/beckon"),
            ("database_url", "mysql:ann:hush@db/beckon", "[hidden]@db/beckon"),
            ("redis_url", "redis+unix:///run/redis?pass=hush", "redis+unix:///run/redis?[hidden]"),
            ("data_dir", "/srv/ann@home/data", "/srv/ann@home/data"),
            ("turn_secret", "hush", "[hidden]"),
        ] {
            let mut tree = Table::from_iter([(key.to_owned(), value.into())]);
            hide_secrets(&mut tree);
            assert_eq!(tree[key].as_str(), Some(shown));
        }
    }
}
