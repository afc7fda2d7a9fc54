//! Hiding secrets before a configuration is printed.

use toml::{Table, Value};

const HIDDEN: &str = "[hidden]";

/// Keys that end in one of these hold a secret.
const SECRET_KEYS: [&str; 7] =
    ["token", "secret", "secrets", "password", "credential", "keys", "users"];

/// Replaces secrets in place: whole values by the name of their key, passwords inside addresses.
pub(super) fn hide_secrets(tree: &mut Table) {
    for (key, value) in tree.iter_mut() {
        let secret = SECRET_KEYS.iter().any(|ending| key.ends_with(ending));
        hide(value, secret);
    }
}

fn hide(value: &mut Value, secret: bool) {
    match value {
        Value::Table(table) => hide_secrets(table),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, secret)),
        Value::String(text) if secret => HIDDEN.clone_into(text),
        Value::String(text) => hide_password(text),
        _ => {}
    }
}

/// `mysql://user:password@host` -> `mysql://user:[hidden]@host`. The last `@` ends the password, which may itself hold
/// one. What begins otherwise is no address, and may hold a password anywhere in front of that.
fn hide_password(text: &mut String) {
    let parameters = text.find("?pass").map(|at| at + 1);
    if let Some(parameters) = parameters {
        text.replace_range(parameters.., HIDDEN);
    }
    let Some(end) = text.rfind('@') else { return };
    let Some(start) = text.find("://").map(|at| at + 3).filter(|&at| at <= end) else {
        return text.replace_range(..end, HIDDEN);
    };
    if let Some(colon) = text[start..end].find(':') {
        text.replace_range(start + colon + 1..end, HIDDEN);
    }
}
