//! Rules for what people type: names, passwords, titles.

use unicode_normalization::UnicodeNormalization;

use super::refusal::{Refusal, Result};
use super::unicode::{JOINERS, MEDIAL, fold, is_ignorable, is_mark, is_shaping, is_visible};

/// Names are for finding each other: short, and typeable.
pub const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=32;
/// What the columns `name` and `name_key` hold, in characters: normalizing makes some letters longer.
const NAME_STORED_CHARS_MAX: usize = 64;
const NAME_KEY_CHARS_MAX: usize = 128;
/// Longer passwords would make hashing a way to keep the server busy.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
/// What may be compared with a password: one that was chosen, on a keyboard that takes its characters apart. Normalizing
/// makes 18 characters of one at most (UAX 15, section 9.3).
pub const PASSWORD_TYPED_CHARS_MAX: usize = 18 * *PASSWORD_CHARS.end();
pub const NICKNAME_CHARS_MAX: usize = 40;
pub const TITLE_CHARS_MAX: usize = 60;
pub const REMARK_CHARS_MAX: usize = 40;
pub const REQUEST_MESSAGE_CHARS_MAX: usize = 200;
pub const DEVICE_NAME_CHARS_MAX: usize = 80;
pub const TEXT_CHARS_MAX: usize = 8_000;

/// What two names are compared by: kept beside the name, so that both engines agree on equality.
pub fn name_fold(name: &str) -> String {
    fold(name).trim().to_owned() // last: some characters decompose into a space and a mark
}

/// What the first releases compared names by. It tells ς from σ and ß from ss, so it is looked up before
/// [`name_fold`]: two people of that time may differ in nothing else.
pub fn name_key(name: &str) -> String {
    let key: String = name.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    key.trim().to_owned()
}

/// A name as it will be stored, or why not: letters, marks and digits of any script, beginning with no mark, and what
/// belongs between or after them (UAX 31). What cannot be seen makes no name longer, and none different.
pub fn name(input: &str) -> Result<String> {
    let typed = input.trim();
    let name: String = typed.nfc().collect();
    let fits = typed.chars().filter(|c| !is_ignorable(*c)).count() >= *NAME_CHARS.start()
        && typed.chars().count() <= *NAME_CHARS.end()
        && name.chars().count() <= NAME_STORED_CHARS_MAX
        && name.chars().all(is_of_a_name)
        && name.starts_with(is_visible)
        && !name.ends_with(JOINERS)
        && !name.ends_with(MEDIAL)
        && name.chars().zip(name.chars().skip(1)).all(may_follow)
        && name_key(&name).chars().count() <= NAME_KEY_CHARS_MAX
        && name_fold(&name).chars().count() <= NAME_KEY_CHARS_MAX;
    if fits { Ok(name) } else { Err(Refusal::invalid("name")) }
}

fn is_of_a_name(c: char) -> bool {
    match c {
        '_' | '.' | '-' => true,
        c if JOINERS.contains(&c) || MEDIAL.contains(&c) || is_shaping(c) => true,
        c => (c.is_alphanumeric() || is_mark(c)) && !is_ignorable(c),
    }
}

/// Whether the second character has before it what it belongs to.
fn may_follow((before, c): (char, char)) -> bool {
    let is_letter = before.is_alphanumeric() || is_mark(before) && !is_ignorable(before);
    !(MEDIAL.contains(&c) || is_shaping(c))
        || is_letter
        || MEDIAL.contains(&c) && is_shaping(before)
}

pub fn password<'a>(input: &'a str, field: &'static str) -> Result<&'a str> {
    if PASSWORD_CHARS.contains(&input.chars().count()) {
        Ok(input)
    } else {
        Err(Refusal::invalid(field))
    }
}

/// What is hashed of a password: the same on every keyboard (NFKC, as RFC 8265 has it for comparing).
pub fn password_form(password: &str) -> String {
    password.nfkc().collect()
}

/// What may have been hashed of it by the first releases, which took a password as it was typed.
pub fn former_password_forms(password: &str) -> Vec<String> {
    let mut forms = vec![password.to_owned(), password.nfc().collect(), password.nfd().collect()];
    let current = password_form(password);
    forms.retain(|form| *form != current);
    forms.dedup();
    forms
}

/// One line of text somebody chose: trimmed, at most `max` characters, with something to see in it and nothing
/// invisible that reorders or breaks the line.
pub fn line(input: &str, max: usize, field: &'static str) -> Result<String> {
    let line = optional_line(input, max, field)?;
    if line.is_empty() { Err(Refusal::invalid(field)) } else { Ok(line) }
}

/// Like [`line`], but may be empty; what has nothing to see in it is.
pub fn optional_line(input: &str, max: usize, field: &'static str) -> Result<String> {
    let typed = input.trim();
    let bad = |c: char| c.is_control() || breaks_line(c) || reorders(c);
    if typed.chars().count() > max || typed.chars().any(bad) {
        return Err(Refusal::invalid(field));
    }
    Ok(if typed.contains(is_visible) { typed.nfc().collect() } else { String::new() })
}

/// Returns whether a text on one line has something to see, and nothing that hides or ends it.
pub fn is_legible(text: &str) -> bool {
    let bad = |c: char| c.is_control() || breaks_line(c) || reorders(c);
    text.contains(is_visible) && !text.contains(bad)
}

/// Text of several lines: new lines and tabs are the only control characters.
pub fn paragraph(input: &str, max: usize, field: &'static str) -> Result<()> {
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    let count = input.chars().count();
    if !input.contains(is_visible) || count > max || input.chars().any(bad) {
        return Err(Refusal::invalid(field));
    }
    Ok(())
}

/// The line breaks that are no control characters.
fn breaks_line(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
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
        for (one, other) in
            [("Ａｎｎ", "ann"), ("ANN李", "ann李"), ("ΝΊΚΟΣ", "νίκος"), ("Weiß", "WEISS")]
        {
            assert_eq!(name_fold(one), name_fold(other));
        }
        for shaped in ["葛\u{e0100}城市", "葛\u{fe00}城市"] {
            assert_eq!(name_fold(shaped), name_fold("葛城市"), "{shaped:?}");
        }
        assert_ne!(name_fold("ann"), name_fold("anna"));
    }

    #[test]
    fn names_of_any_script_are_names() {
        for name in [
            "สมชาย",
            "प्रिया",
            "முருகன்",
            "សុខា",
            "محمد",
            "מֹשֶׁה",
            "དོནགྲུབ",
            "ကျော်",
            "ජයන්ත",
            "নীলা",
            "ਸਿੰਘ",
            "ગીતા",
            "ലക്ഷ്മി",
            "ᠮᠣᠩᠭᠣᠯ",
            "ኢትዮጵያ",
            "Ћирилица",
            "علی\u{200c}رضا",
            "Nguyễn",
            "e\u{301}va",
            "བོད་སྐད",
            "ཀྵ་ལ",
            "ᠮᠣᠩ\u{180b}ᠭ",
            "ᠨᠠ\u{180f}ᠷᠠ",
            "ᠬᠠᠨ\u{180e}ᠠ",
            "葛\u{e0100}城市",
            "辻\u{fe00}村子",
            "Gal·la",
            "マリア・テレサ",
            "צה״ל",
        ] {
            let fits = super::name(name);
            assert!(fits.is_ok(), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_no_name_no_line_and_no_message() {
        for unseen in [
            "\u{200b}\u{200b}\u{200b}",
            "\u{feff}\u{feff}\u{feff}",
            "\u{3164}\u{3164}\u{3164}",
            "\u{115f}\u{1160}\u{ffa0}",
            "\u{301}\u{301}\u{301}",
            "\u{fe0f}\u{fe0f}\u{fe0f}",
            "\u{2800}\u{2800}\u{2800}",
            "\u{ad}\u{34f}\u{2060}",
            "\u{e0020}\u{e0041}\u{e007f}",
            "\u{202e} \u{2066}",
            "\u{3000}\u{a0}\u{2003}",
            "\u{200d}ab",
            "ab\u{200d}",
            "ab\u{fe00}",
            "\u{180b}abc",
            "ab\u{180e}\u{180b}",
            "\u{93f}ab",
        ] {
            assert!(super::name(unseen).is_err(), "{unseen:?}");
            if !unseen.is_ascii() && !unseen.contains('a') {
                assert!(line(unseen, 40, "x").is_err(), "{unseen:?}");
                assert!(paragraph(unseen, 40, "x").is_err(), "{unseen:?}");
            }
        }
        assert_eq!(optional_line("\u{200b}\u{feff}", 10, "x").unwrap(), "");
    }

    #[test]
    fn a_password_is_the_same_from_every_keyboard() {
        assert_eq!(password_form("cafe\u{301} \u{ff11}"), password_form("café 1"));
        assert!(former_password_forms("correct horse").is_empty());
        assert!(former_password_forms("café").contains(&"cafe\u{301}".to_owned()));
    }

    #[test]
    fn names_keep_to_their_rule() {
        assert_eq!(name(" 小明2 ").unwrap(), "小明2");
        for bad in
            ["ab", "a b", "a\nbc", "ann\u{202e}", "", &"x".repeat(33), "a/b/c", "a··b", "ann·"]
        {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lines_have_no_controls() {
        assert!(line("a\u{0}b", 10, "x").is_err());
        assert!(line("   ", 10, "x").is_err());
        assert!(line("a\u{202e}b", 10, "x").is_err());
        for line_break in ["\n", "\r", "\u{b}", "\u{85}", "\u{2028}", "\u{2029}"] {
            let lines = format!("a{line_break}b");
            assert!(line(&lines, 10, "x").is_err(), "{line_break:?}");
            assert!(optional_line(&lines, 10, "x").is_err(), "{line_break:?}");
        }
        assert_eq!(line("  读 书 ", 10, "x").unwrap(), "读 书");
    }

    proptest! {
        #[test]
        fn keys_are_stable(s in "\\PC{0,40}") {
            prop_assert_eq!(name_key(&name_key(&s)), name_key(&s));
            prop_assert_eq!(name_fold(&name_fold(&s)), name_fold(&s));
            prop_assert_eq!(name_fold(&name_key(&s)), name_fold(&s), "what was equal before is equal now");
        }
    }
}
