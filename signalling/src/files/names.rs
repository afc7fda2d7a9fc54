//! File names as people see them. They never touch a file system of ours: objects are stored by
//! id. They do reach other people's, so what could harm there is taken out.

use std::fmt::Write;

use unicode_normalization::UnicodeNormalization;

use crate::domain::unicode::is_visible;

/// The limit of the file systems people save to.
const MAX_NAME_BYTES: usize = 255;

/// An extension longer than this is not worth saving when a name is cut.
const MAX_EXTENSION_BYTES: usize = 16;

/// What a file is called when nothing usable is left of its name.
const NAMELESS: &str = "file";

/// Device names that Windows opens instead of a file, whatever the extension.
const RESERVED: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// A name that can be shown and saved anywhere: without directories, control characters, and the
/// marks that let `exe.gpj` be read backwards.
pub fn display_name(raw: &str) -> String {
    let last = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !is_hidden(*c)).map(plain).nfc().collect();
    let named = seen(&cut(seen(trim(&clean))));
    if is_reserved(&named) { format!("_{named}") } else { named }
}

/// The name, with [`NAMELESS`] in place of what cannot be seen of it.
fn seen(name: &str) -> String {
    let is_seen = |c: char| c != '.' && is_visible(c);
    let (stem, rest) = name.split_at(name.find('.').unwrap_or(name.len()));
    match stem.contains(is_seen) {
        true => name.to_owned(),
        false if !rest.contains(is_seen) => NAMELESS.to_owned(),
        false if stem.is_empty() => name.to_owned(),
        false => format!("{NAMELESS}{rest}"),
    }
}

/// Control characters, line separators, and the invisible ones that reorder or hide text.
/// Joiners stay: emoji and several scripts need them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Windows refuses these in a name.
fn plain(c: char) -> char {
    if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { c }
}

/// Windows drops spaces and dots at the end, so `.` and `..` go with them.
fn trim(name: &str) -> &str {
    name.trim_start().trim_end_matches(|c: char| c.is_whitespace() || c == '.')
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    RESERVED.iter().any(|reserved| stem.eq_ignore_ascii_case(reserved))
}

/// Shortens the stem and keeps the extension.
fn cut(name: String) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name;
    }
    let extension = match name.rfind('.') {
        Some(dot) if name.len() - dot <= MAX_EXTENSION_BYTES => &name[dot..],
        _ => "",
    };
    let stem = &name[..name.floor_char_boundary(MAX_NAME_BYTES - extension.len())];
    format!("{}{extension}", trim(stem))
}

/// How a browser is to treat a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    Inline,
    Attachment,
}

/// The `Content-Disposition` value (RFC 6266): an ASCII name for old clients and the real one in
/// RFC 8187 encoding. Always ASCII without quotes or line breaks from the name.
pub fn content_disposition(disposition: Disposition, name: &str) -> String {
    let kind = match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    let ascii: String = name.chars().map(ascii_in_quotes).collect();
    let mut value = format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            // attr-char of RFC 8187
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => value.push(byte.into()),
            b'!' | b'#' | b'$' | b'&' | b'+' | b'-' | b'.' => value.push(byte.into()),
            b'^' | b'_' | b'`' | b'|' | b'~' => value.push(byte.into()),
            _ => write!(value, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    value
}

/// `%` is out because some browsers decode it inside quotes.
fn ascii_in_quotes(c: char) -> char {
    match c {
        '"' | '\\' | '%' => '_',
        ' '..='~' => c,
        _ => '_',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directories_are_dropped() {
        for raw in ["/etc/passwd", "..\\..\\passwd", "C:\\Users\\ann\\passwd", "a/../passwd"] {
            assert_eq!(display_name(raw), "passwd");
        }
        for raw in ["", "/", "..", ".", "../..", "a/", " . . ", "\u{202e}", "\0", "\u{2028}"] {
            assert_eq!(display_name(raw), "file", "{raw:?}");
        }
    }

    #[test]
    fn tricks_with_characters_are_undone() {
        assert_eq!(display_name("photo\u{202e}gpj.exe"), "photogpj.exe");
        assert_eq!(display_name("a\r\nSet-Cookie: x"), "aSet-Cookie_ x");
        assert_eq!(display_name("a\u{200b}b\u{feff}.txt"), "ab.txt");
        assert_eq!(display_name("what?<b>.txt"), "what__b_.txt");
        assert_eq!(display_name("report.pdf. . "), "report.pdf");
    }

    #[test]
    fn what_cannot_be_seen_is_no_name() {
        for unseen in
            ["\u{3164}", "\u{ffa0}\u{115f}", "\u{2800}", "\u{301}", "\u{e0041}", "\u{ad}\u{200d}"]
        {
            assert_eq!(display_name(unseen), "file", "{unseen:?}");
            assert_eq!(display_name(&format!(".{unseen}")), "file", "{unseen:?}");
            assert_eq!(display_name(&format!("{unseen}.tar.gz")), "file.tar.gz", "{unseen:?}");
        }
        assert_eq!(display_name(&"\u{3164}".repeat(200)), "file");
        assert_eq!(display_name(&format!("{}a", "\u{3164}".repeat(200))), "file");
    }

    #[test]
    fn names_in_any_script_stay() {
        for name in ["会议记录 2026.docx", "عقد.pdf", "👩‍👧.png", ".gitignore", "é.txt"]
        {
            assert_eq!(display_name(name), name);
        }
        assert_eq!(display_name("e\u{301}.txt"), "é.txt", "composed");
    }

    #[test]
    fn windows_devices_are_defused() {
        assert_eq!(display_name("CON"), "_CON");
        assert_eq!(display_name("nul.txt"), "_nul.txt");
        assert_eq!(display_name("Com1 .tar.gz"), "_Com1 .tar.gz");
        assert_eq!(display_name("console.log"), "console.log");
    }

    #[test]
    fn long_names_keep_their_extension() {
        let name = display_name(&format!("{}.docx", "长".repeat(200)));
        assert!(name.len() <= MAX_NAME_BYTES && name.ends_with("长.docx"), "{name}");
    }

    #[test]
    fn disposition_carries_both_names() {
        assert_eq!(
            content_disposition(Disposition::Attachment, "账 50%\".txt"),
            "attachment; filename=\"_ 50__.txt\"; filename*=UTF-8''%E8%B4%A6%2050%25%22.txt"
        );
        assert_eq!(
            content_disposition(Disposition::Inline, "a.png"),
            "inline; filename=\"a.png\"; filename*=UTF-8''a.png"
        );
    }

    proptest! {
        #[test]
        fn any_name_becomes_harmless(raw in "(\\PC|[./\\\\:\u{0}-\u{20}\u{202e}]){0,400}") {
            let name = display_name(&raw);
            prop_assert!(!name.is_empty() && name.len() <= MAX_NAME_BYTES);
            prop_assert!(!name.contains(|c| is_hidden(c) || "/\\:\"".contains(c)), "{name:?}");
            prop_assert!(name != "." && name != "..");
            prop_assert_eq!(display_name(&name), name, "a clean name stays as it is");
        }

        #[test]
        fn a_disposition_is_a_header(name in any::<String>()) {
            let value = content_disposition(Disposition::Attachment, &name);
            prop_assert!(axum::http::HeaderValue::from_str(&value).is_ok());
            prop_assert!(value.is_ascii());
        }
    }
}
