//! Finds the `ref` of a frame that cannot be understood, so that its sender learns which request failed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::domain::frame::REF_CHARS_MAX;

/// The `ref` among the fields of something that wants to be a frame, whatever is wrong with the other fields
/// or with what follows.
pub(super) fn find(frame: &[u8]) -> Option<String> {
    let mut found = None;
    let fields = Fields { found: &mut found };
    // The error is the caller's reason to look here, and tells nothing new.
    let _ = serde_json::Deserializer::from_slice(frame).deserialize_map(fields);
    found.filter(|reference| reference.chars().count() <= REF_CHARS_MAX)
}

/// Keeps what it has found when the reading ends in an error.
struct Fields<'f> {
    found: &'f mut Option<String>,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a frame")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<Cow<'_, str>>()? {
            if name == "ref" {
                *self.found = Some(fields.next_value()?);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn it_is_found_before_and_after_what_is_wrong() {
        for frame in [
            r#"{"type":"send","body":{"type":"text","text":"\ud83d"},"ref":"7"}"#,
            r#"{"ref":"7","type":"send","body":{"text":"\udc00"}}"#,
            r#"{"ref":"7","type":"fly","wings":[{"n":1e400}]}"#,
            r#"{"type":42,"ref":"7"}"#,
            r#"{"ref":"7"}"#,
            r#"{"ref":"7","body":{"type":"te"#,
        ] {
            assert_eq!(find(frame.as_bytes()).as_deref(), Some("7"), "{frame}");
        }
    }

    #[test]
    fn it_is_not_found_where_there_is_none() {
        let long = format!(r#"{{"ref":"{}"}}"#, "x".repeat(65));
        for frame in [
            "",
            "{",
            "[]",
            "7",
            r#"{"ref":7}"#,
            r#"{"ref":"\ud83d"}"#,
            r#"{"body":{"ref":"7"}}"#,
            &long,
        ] {
            assert_eq!(find(frame.as_bytes()), None, "{frame}");
        }
    }
}
