//! The words of tus 1.0: what its request headers say, and nothing of what is done about it.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::refusal::{Code, Refusal, Result};

pub const VERSION: &str = "1.0.0";
pub const EXTENSIONS: &str = "creation,creation-with-upload,termination,expiration";
pub const CONTENT_TYPE: &str = "application/offset+octet-stream";

pub const TUS_RESUMABLE: &str = "tus-resumable";
pub const TUS_VERSION: &str = "tus-version";
pub const TUS_EXTENSION: &str = "tus-extension";
pub const TUS_MAX_SIZE: &str = "tus-max-size";
pub const UPLOAD_LENGTH: &str = "upload-length";
pub const UPLOAD_DEFER_LENGTH: &str = "upload-defer-length";
pub const UPLOAD_OFFSET: &str = "upload-offset";
pub const UPLOAD_METADATA: &str = "upload-metadata";
pub const UPLOAD_EXPIRES: &str = "upload-expires";

/// More metadata than a long file name needs is refused.
const METADATA_BYTES_MAX: usize = 4096;

/// What a creation request says about its file.
#[derive(Debug, PartialEq, Eq)]
pub struct Creation {
    pub length: u64,
    pub name: String,
}

/// The client speaks our version.
pub fn check_version(headers: &HeaderMap) -> Result<()> {
    match headers.get(TUS_RESUMABLE) {
        Some(version) if version == VERSION => Ok(()),
        _ => Err(Code::PreconditionFailed.into()),
    }
}

pub fn creation(headers: &HeaderMap) -> Result<Creation> {
    if headers.contains_key(UPLOAD_DEFER_LENGTH) {
        return Err(Refusal { field: Some("Upload-Defer-Length"), ..Code::NotSupported.into() });
    }
    let length = number(headers, UPLOAD_LENGTH).ok_or(Refusal::invalid("Upload-Length"))?;
    Ok(Creation { length, name: file_name(headers)?.unwrap_or_default() })
}

pub fn offset(headers: &HeaderMap) -> Result<i64> {
    number(headers, UPLOAD_OFFSET)
        .and_then(|offset| i64::try_from(offset).ok())
        .ok_or(Refusal::invalid("Upload-Offset"))
}

/// Whether the body is bytes of an upload.
pub fn carries_bytes(headers: &HeaderMap) -> bool {
    headers.get(axum::http::header::CONTENT_TYPE).is_some_and(|kind| kind == CONTENT_TYPE)
}

/// A plain decimal number, given once.
fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let digits = value.to_str().ok()?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// `filename` of the metadata, or `name` as some clients say. Other keys are checked for form only.
fn file_name(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get(UPLOAD_METADATA) else { return Ok(None) };
    let pairs =
        value.to_str().ok().and_then(metadata).ok_or(Refusal::invalid("Upload-Metadata"))?;
    let named = |key: &str| pairs.iter().find(|(name, _)| *name == key);
    let Some((_, name)) = named("filename").or_else(|| named("name")) else { return Ok(None) };
    Ok(Some(String::from_utf8_lossy(name).into_owned()))
}

/// `key base64,key base64,key`: keys once each, values optional.
fn metadata(value: &str) -> Option<Vec<(&str, Vec<u8>)>> {
    if value.len() > METADATA_BYTES_MAX {
        return None;
    }
    let mut pairs: Vec<(&str, Vec<u8>)> = Vec::new();
    for pair in value.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if pairs.iter().any(|(known, _)| *known == key) {
            return None;
        }
        pairs.push((key, STANDARD.decode(value.trim()).ok()?));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        pairs.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    fn code(outcome: Result<impl std::fmt::Debug>) -> Code {
        outcome.unwrap_err().code
    }

    #[test]
    fn only_our_version() {
        assert!(check_version(&headers(&[(TUS_RESUMABLE, "1.0.0")])).is_ok());
        for other in [headers(&[]), headers(&[(TUS_RESUMABLE, "0.2.2")])] {
            assert_eq!(code(check_version(&other)), Code::PreconditionFailed);
        }
    }

    #[test]
    fn a_creation_names_length_and_file() {
        let name = STANDARD.encode("会议.pdf");
        let metadata = format!("filename {name}, filetype YXBwbGljYXRpb24vcGRm,private");
        let made = creation(&headers(&[(UPLOAD_LENGTH, "12"), (UPLOAD_METADATA, &metadata)]));
        assert_eq!(made.unwrap(), Creation { length: 12, name: "会议.pdf".into() });
        let made = creation(&headers(&[(UPLOAD_LENGTH, "0"), (UPLOAD_METADATA, "")]));
        assert_eq!(made.unwrap(), Creation { length: 0, name: String::new() });
    }

    #[test]
    fn a_length_must_be_known_and_plain() {
        let deferred = headers(&[(UPLOAD_DEFER_LENGTH, "1")]);
        assert_eq!(code(creation(&deferred)), Code::NotSupported);
        for length in ["", "-1", "+1", "1.5", "0x10", "1e3", " ", "18446744073709551616"] {
            let refused = creation(&headers(&[(UPLOAD_LENGTH, length)])).unwrap_err();
            assert_eq!((refused.code, refused.field), (Code::Invalid, Some("Upload-Length")));
        }
        assert_eq!(code(creation(&headers(&[]))), Code::Invalid);
        let mut twice = headers(&[(UPLOAD_LENGTH, "1")]);
        twice.append(UPLOAD_LENGTH, HeaderValue::from_static("2"));
        assert_eq!(code(creation(&twice)), Code::Invalid);
    }

    #[test]
    fn broken_metadata_is_refused() {
        let long = format!("filename {}", "A".repeat(METADATA_BYTES_MAX));
        for metadata in ["filename ???", "a YQ==,a Yg==", "filename a b", &long] {
            let refused = creation(&headers(&[(UPLOAD_LENGTH, "1"), (UPLOAD_METADATA, metadata)]));
            assert_eq!(refused.unwrap_err().field, Some("Upload-Metadata"), "{metadata}");
        }
    }

    #[test]
    fn an_offset_must_be_given() {
        assert_eq!(offset(&headers(&[(UPLOAD_OFFSET, "70")])).unwrap(), 70);
        for bad in [headers(&[]), headers(&[(UPLOAD_OFFSET, "9223372036854775808")])] {
            assert_eq!(code(offset(&bad)), Code::Invalid);
        }
    }

    proptest! {
        #[test]
        fn any_name_comes_through(name in "\\PC{0,200}", length: u64) {
            let metadata = format!("filename {}", STANDARD.encode(&name));
            let length_text = length.to_string();
            let headers = headers(&[(UPLOAD_LENGTH, &length_text), (UPLOAD_METADATA, &metadata)]);
            prop_assert_eq!(creation(&headers).unwrap(), Creation { length, name });
        }

        #[test]
        fn any_header_is_answered(metadata in "[ -~]{0,200}", length in "[ -~]{0,30}") {
            let headers = headers(&[(UPLOAD_LENGTH, &length), (UPLOAD_METADATA, &metadata)]);
            let _ = creation(&headers);
            let _ = offset(&headers);
        }
    }
}
