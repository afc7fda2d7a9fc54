//! JSON from outside, at both doors: what is wrong with it is told by field and position.
//!
//! serde takes an array for an object with the fields in order. Nobody means that, so arrays are refused but for
//! lists of ids, which are the only lists that clients send.

use serde::de::DeserializeOwned;

use crate::domain::refusal::{Code, Place, Refusal, Result};

/// The ending of every field that holds a list; a test of the OpenAPI document keeps it so.
pub const LIST_FIELDS: &str = "_ids";

/// Longer explanations hold what the client sent, which it knows.
const DETAIL_CHARS_MAX: usize = 200;

pub fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    refuse_arrays(text)?;
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let field = path.trim_end_matches(['.', '?']).to_owned(); // a key that was not read yet is a "?"
        malformed(field, error.inner().to_string())
    })?;
    reader.end().map_err(|error| malformed(String::new(), error.to_string()))?;
    Ok(value)
}

fn malformed(field: String, detail: String) -> Refusal {
    let detail = detail.chars().take(DETAIL_CHARS_MAX).collect();
    Refusal { place: Some(Box::new(Place { field, detail })), ..Code::Malformed.into() }
}

/// Fails at an array that is no list of ids. Most texts have no bracket at all, and are not looked at further.
fn refuse_arrays(text: &str) -> Result<()> {
    if !text.contains('[') {
        return Ok(());
    }
    let bytes = text.as_bytes();
    let (mut key, mut string, mut after_colon) = ("", "", false);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = end_of_string(bytes, at);
                string = text.get(at + 1..end).unwrap_or_default();
                at = end;
            }
            b':' => key = string,
            b'[' if !(after_colon && key.ends_with(LIST_FIELDS)) => {
                let field = if after_colon { key.to_owned() } else { String::new() };
                let line = text[..at].matches('\n').count() + 1;
                let column = at - text[..at].rfind('\n').map_or(0, |start| start + 1) + 1;
                let detail = format!("unexpected array at line {line} column {column}");
                return Err(malformed(field, detail));
            }
            _ => {}
        }
        after_colon = byte == b':' || (after_colon && byte.is_ascii_whitespace());
        at += 1;
    }
    Ok(())
}

/// Where the string that begins at `start` ends, or the text.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::domain::frame::ClientFrame;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Asked {
        title: String,
        #[serde(default)]
        member_ids: Vec<String>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        kind: u8,
    }

    fn place(text: &str) -> (String, String) {
        let refusal = read::<Asked>(text).unwrap_err();
        assert_eq!(refusal.code, Code::Malformed);
        let place = refusal.place.unwrap();
        (place.field, place.detail)
    }

    #[test]
    fn arrays_are_lists_of_ids_and_nothing_else() {
        let asked: Asked = read(r#"{"title": "a [b]: [", "member_ids" : [ "x", "y" ]}"#).unwrap();
        assert_eq!(asked.member_ids, ["x", "y"]);
        for (text, field, column) in [
            (r#"["a", ["x"], [1]]"#, "", "column 1"),
            (r#"{"title": "a", "inner": [1]}"#, "inner", "column 25"),
            (r#"{"title": "a", "member_ids": [["x"]]}"#, "", "column 31"),
            (r#"{"title": "a\"", "inner" : [1]}"#, "inner", "column 28"),
        ] {
            let (told, detail) = place(text);
            assert_eq!(told, field, "{text}");
            assert!(detail.ends_with(column), "{text}: {detail}");
        }
    }

    #[test]
    fn frames_and_what_is_in_them_are_objects() {
        let id = "0190a0a0-0000-7000-8000-000000000000";
        for text in [
            r#"["ping", "r1"]"#.to_owned(),
            format!(
                r#"{{"type":"send","conversation_id":"{id}","client_msg_id":"{id}","body":["text","hi"]}}"#
            ),
            format!(r#"{{"type":"call_signal","call_id":"{id}","signal":["offer","v=0"]}}"#),
        ] {
            assert!(read::<ClientFrame>(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_field_and_position() {
        let (field, detail) = place(r#"{"title": "a", "inner": {"kind": 900}}"#);
        assert_eq!(field, "inner.kind");
        assert!(detail.contains("line 1 column"), "{detail}");
        assert_eq!(place("{").0, "");
        assert!(place(r#"{"title": "a"} x"#).1.contains("trailing"));
        assert!(place("").1.contains("EOF"));
    }
}
