//! What Unicode says about characters: the only place that asks it. `web/src/shared/text.ts` follows the same rules.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, VariationSelector};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;

/// Zero width non-joiner and joiner: Persian and the scripts of India spell words with them.
pub const JOINERS: [char; 2] = ['\u{200C}', '\u{200D}'];

/// What stands between the letters of a word in some script (UAX 31, table 3a): the Catalan and the Japanese middle
/// dot, the Armenian hyphen, geresh and gershayim of Hebrew, and the tsheg of Tibetan.
pub const MEDIAL: [char; 6] = ['\u{B7}', '\u{58A}', '\u{5F3}', '\u{5F4}', '\u{F0B}', '\u{30FB}'];

/// Symbols without ink: the Braille pattern without dots and a musical note without a head.
const BLANK: [char; 2] = ['\u{2800}', '\u{1D159}'];

/// Rounds of folding and normalizing until nothing changes; two are enough for all of Unicode 17.
const ROUNDS_MAX: usize = 8;

/// Whether a character leaves a mark on the screen by itself: neither a space nor a control, no filler, and no sign
/// that only changes its neighbour.
pub fn is_visible(c: char) -> bool {
    use GeneralCategory::*;
    if c.is_ascii() {
        return c.is_ascii_graphic();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let unseen = matches!(
        category,
        Control | Format | Surrogate | SpaceSeparator | LineSeparator | ParagraphSeparator
    );
    !(unseen || is_mark(c) || is_ignorable(c) || is_noncharacter(c) || BLANK.contains(&c))
}

/// Signs that stand on, under or beside the letter before them.
pub fn is_mark(c: char) -> bool {
    use GeneralCategory::*;
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, NonspacingMark | SpacingMark | EnclosingMark)
}

/// Drawn as nothing where it means nothing: zero-width characters, fillers, variation selectors, tags.
pub fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Chooses the shape of the letter before it: of a Han or a Mongolian one, which the Mongolian vowel separator does too.
pub fn is_shaping(c: char) -> bool {
    CodePointSetData::new::<VariationSelector>().contains(c) || c == '\u{180E}'
}

/// The Unicode Standard, section 23.7.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE
}

/// NFKC_Casefold (The Unicode Standard, section 3.13): texts that differ in case, width, form or invisible
/// characters only become equal.
pub fn fold(text: &str) -> String {
    let mut folded = fold_once(text);
    for _ in 0..ROUNDS_MAX {
        let again = fold_once(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded
}

fn fold_once(text: &str) -> String {
    let decomposed: String = text.nfd().collect();
    let folded = UniCase::unicode(decomposed).to_folded_case();
    folded.chars().filter(|c| !is_ignorable(*c)).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_pictures_of_all_scripts_are_visible() {
        for c in "aß李ไदமខع׆🙂½€ㄱ".chars() {
            assert!(is_visible(c), "{c:?}");
        }
    }

    #[test]
    fn spaces_fillers_controls_and_marks_are_not() {
        let unseen = " \t\n\u{a0}\u{3000}\u{200b}\u{200d}\u{2060}\u{feff}\u{ad}\u{34f}\u{115f}\u{1160}\u{3164}\u{ffa0}\
                      \u{fe0f}\u{e0100}\u{e0041}\u{202e}\u{2066}\u{61c}\u{301}\u{93f}\u{20dd}\u{2800}\u{180e}\u{fffe}\u{7f}";
        for c in unseen.chars() {
            assert!(!is_visible(c), "{c:?}");
        }
    }

    #[test]
    fn folding_joins_what_differs_in_case_and_form_only() {
        for (one, other) in [
            ("ΣΩΚΡΆΤΗΣ", "σωκράτης"),
            ("STRASSE", "straße"),
            ("ẞ", "ss"),
            ("Ａｎｎ", "ann"),
            ("e\u{301}", "É"),
            ("ᏗᎦ", "ꮧꭶ"),
            ("ﬁn", "FIN"),
            ("na\u{200d}me", "NAME"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
        assert_eq!(fold("İ"), "i\u{307}", "a capital I with a dot keeps it");
        assert_ne!(fold("ı"), fold("i"));
    }
}
