//! Rules for what people type: names, passwords, titles.

use unicode_normalization::UnicodeNormalization;

use super::refusal::{Refusal, Result};

/// Names are for finding each other: short, and typeable.
pub const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=32;
/// Longer passwords would make hashing a way to keep the server busy.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
pub const NICKNAME_CHARS_MAX: usize = 40;
pub const TITLE_CHARS_MAX: usize = 60;
pub const REMARK_CHARS_MAX: usize = 40;
pub const REQUEST_MESSAGE_CHARS_MAX: usize = 200;
pub const DEVICE_NAME_CHARS_MAX: usize = 80;
pub const TEXT_CHARS_MAX: usize = 8_000;

/// What two names are compared by: kept beside the name, so that both engines agree on equality.
pub fn name_key(name: &str) -> String {
    let key: String = name.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    key.trim().to_owned() // last: some characters decompose into a space and a mark
}

/// A name as it will be stored, or why not.
pub fn name(input: &str) -> Result<String> {
    let name: String = input.trim().nfc().collect();
    let fits = NAME_CHARS.contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
        && name_key(&name).chars().count() <= 2 * NAME_CHARS.end();
    if fits { Ok(name) } else { Err(Refusal::invalid("name")) }
}

pub fn password<'a>(input: &'a str, field: &'static str) -> Result<&'a str> {
    if PASSWORD_CHARS.contains(&input.chars().count()) {
        Ok(input)
    } else {
        Err(Refusal::invalid(field))
    }
}

/// One line of text somebody chose: trimmed, 1 to `max` characters, nothing invisible that reorders or
/// breaks the line.
pub fn line(input: &str, max: usize, field: &'static str) -> Result<String> {
    let line = optional_line(input, max, field)?;
    if line.is_empty() { Err(Refusal::invalid(field)) } else { Ok(line) }
}

/// Like [`line`], but may be empty.
pub fn optional_line(input: &str, max: usize, field: &'static str) -> Result<String> {
    let line: String = input.trim().nfc().collect();
    if line.chars().count() > max || line.chars().any(|c| c.is_control() || reorders(c)) {
        return Err(Refusal::invalid(field));
    }
    Ok(line)
}

/// Text of several lines: new lines and tabs are the only control characters.
pub fn paragraph(input: &str, max: usize, field: &'static str) -> Result<()> {
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    let count = input.chars().count();
    if input.trim().is_empty() || count > max || input.chars().any(bad) {
        return Err(Refusal::invalid(field));
    }
    Ok(())
}

/// Bidirectional overrides and isolates: they make a name show as another one.
pub fn reorders(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_look_the_same_are_the_same() {
        assert_eq!(name_key("Ａｎｎ"), name_key("ann"));
        assert_eq!(name_key("ANN李"), name_key("ann李"));
        assert_ne!(name_key("ann"), name_key("anna"));
    }

    #[test]
    fn names_keep_to_their_rule() {
        assert_eq!(name(" 小明2 ").unwrap(), "小明2");
        for bad in ["ab", "a b", "a\nbc", "ann\u{202e}", "", &"x".repeat(33), "a/b/c"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lines_have_no_controls() {
        assert!(line("a\u{0}b", 10, "x").is_err());
        assert!(line("   ", 10, "x").is_err());
        assert!(line("a\u{202e}b", 10, "x").is_err());
        assert_eq!(line("  读 书 ", 10, "x").unwrap(), "读 书");
    }

    proptest! {
        #[test]
        fn keys_are_stable(s in "\\PC{0,40}") {
            prop_assert_eq!(name_key(&name_key(&s)), name_key(&s));
        }
    }
}
